"""``flask backup FILE``, ``flask restore FILE``: the embedded database; ``restore --fence`` after a
restore by a database server's own tools, or to bring a copy to life; ``restore --moved``."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from flask import Flask

from backend import clock, installation
from backend.errors import DomainError
from backend.safekeeping import backup, fence, restore
from backend.safekeeping.fence import Fenced

_FILE = click.Path(dir_okay=False, path_type=Path)


def register(app: Flask) -> None:
    app.cli.add_command(back_up)
    app.cli.add_command(bring_back)


@click.command("backup")
@click.argument("file", type=_FILE)
@click.option("--replace", is_flag=True, help="覆盖已有的备份")
@click.option("--with-keys", is_flag=True, help="把 keys.json 一并放在旁边")
def back_up(file: Path, replace: bool, with_keys: bool) -> None:
    """Copy the embedded database to FILE while everything runs."""
    try:
        size = backup.back_up(file, replace=replace, with_keys=with_keys, now=clock.machine_now())
    except DomainError as refusal:
        raise click.ClickException(refusal.message) from refusal
    click.echo(json.dumps({"file": str(file), "bytes": size}, ensure_ascii=False))
    click.echo(
        "密钥已放在旁边，谁拿到两者就能读出全部内容。"
        if with_keys
        else "备份里没有密钥：请另处保管 DATA_DIR/keys.json（或 SECRET_KEY、ENCRYPTION_KEY），"
        "没有它就无法恢复。",
        err=True,
    )


@click.command("restore")
@click.argument("file", type=_FILE, required=False)
@click.option("--fence", "fences", is_flag=True, help="数据已由别的工具恢复，或拷贝转为正式")
@click.option("--moved", is_flag=True, help="数据只是换了位置，原处不再运行")
def bring_back(file: Path | None, fences: bool, moved: bool) -> None:
    """Put the backup FILE in the database's place; hold what may have been sent since."""
    if (file is not None) + fences + moved != 1:
        raise click.UsageError("请给出备份文件，或 --fence，或 --moved 之一")
    machine = clock.machine_now()
    try:
        if moved:
            installation.settle(fenced_at=None)
            click.echo("已记下新的位置，可以启动。")
        elif file is None:
            _tell(fence.raise_fence(now=clock.now(), machine=machine))
        else:
            done = restore.restore(file, machine=machine)
            if done.kept:
                click.echo(f"原来的数据库保存为 {done.kept}", err=True)
            _tell(done.fenced)
    except DomainError as refusal:
        raise click.ClickException(refusal.message) from refusal


def _tell(fenced: Fenced) -> None:
    click.echo(json.dumps(asdict(fenced)))
    click.echo(
        f"已暂停消息{fenced.messages}条：flask --app wsgi outbox held 查看，outbox release 发送，"
        f"outbox drop 放弃。\n"
        f"发券批次{fenced.waves}个记为错过：确认未发过的，用 waves run --at 补发。\n"
        f"商城回报{fenced.reports}条记为失败：在后台核对后重新发送。\n"
        "备份之后的核销与账单不在其中，请让收银台把那以后的账单重新上报。",
        err=True,
    )
