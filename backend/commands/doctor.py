"""``flask doctor [--repair]``: every invariant, and what breaks it."""

import sys

import click
from flask import Flask

from backend.messaging import held
from backend.reports import doctor


def register(app: Flask) -> None:
    app.cli.add_command(check)


@click.command("doctor")
@click.option("--repair", is_flag=True, help="rebuild what can be derived first")
def check(repair: bool) -> None:
    """Check every invariant; print what is wrong, exit 1 then."""
    for repaired in doctor.repair() if repair else ():
        click.echo(f"{repaired.name}: 已重建 {repaired.rows} 条")
    found = doctor.check()
    for finding in found:
        click.echo(str(finding))
    if waiting := sum(held.held().values()):
        click.echo(
            f"恢复后暂停的消息{waiting}条，等人决定："
            "outbox held 查看，outbox release 发送，outbox drop 放弃"
        )
    if found:
        sys.exit(1)
    click.echo(f"正常：{len(doctor.invariants())} 项检查全部通过")
