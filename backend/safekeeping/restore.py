"""恢复 of the embedded database from a backup, while nothing runs. The file is looked at first, the
old database is kept aside, the fence stands before anything works again.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backend import clock, installation, schema
from backend.database import db
from backend.errors import Conflict, DomainError
from backend.safekeeping import fence
from backend.safekeeping.backup import drafted, embedded_database, require_whole, to_disk
from backend.safekeeping.fence import Fenced


class NotABackup(DomainError):
    code = "NOT_A_BACKUP"
    message = "{path}不能用来恢复：{why}。现有数据没有改动"
    http_status = 422


class StillRunning(Conflict):
    code = "STILL_RUNNING"
    message = "券包还在运行，请先停止它（Ctrl-C）再恢复。现有数据没有改动"


@dataclass(frozen=True)
class Restored:
    """What the fence holds, and where the database that stood here is kept."""

    fenced: Fenced
    kept: Path | None


def restore(file: Path, *, machine: datetime) -> Restored:
    """Put the backup in the database's place; ``machine`` is the machine's time."""
    target = embedded_database()
    _look_at(file)
    db.session.remove()
    db.engine.dispose()
    _close(target)
    kept = _keep_aside(target, machine)
    with drafted(target, replace=True) as draft:
        shutil.copyfile(file, draft)
    return Restored(fence.raise_fence(now=clock.now(), machine=machine), kept)


def _look_at(file: Path) -> None:
    """Whole, made by ``backup``, of this version, under these keys."""

    def refuse(why: str) -> NotABackup:
        return NotABackup(path=str(file), why=why)

    if not file.is_file():
        raise refuse("没有这个文件")
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            require_whole(opened)
            row = opened.execute(
                "select backed_up_at, secret_check, encryption_check from installation"
            ).fetchone()
            revision = opened.execute("select version_num from alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise refuse(f"文件已损坏，或不是 backup 做的备份（{error}）") from error
    if row is None or row[0] is None:
        raise refuse("它是数据库的拷贝，不是 backup 做的备份，可能不完整")
    if revision is None or revision[0] not in schema.newest():
        raise refuse("它是另一版本做的备份，请先用那个版本恢复，再升级")
    try:
        installation.require_keys(row[1], row[2])
    except installation.WrongKey as error:
        raise refuse(str(error)) from error


def _close(target: Path) -> None:
    """Fold the write-ahead log into the file, which SQLite does only when nobody else has it
    open; a file that cannot be read any more is kept as it is."""
    if not target.exists():
        return
    try:
        with closing(sqlite3.connect(target, timeout=0.5)) as alone:
            alone.execute("pragma journal_mode=delete")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise StillRunning() from error
    except sqlite3.DatabaseError:
        return


def _keep_aside(target: Path, machine: datetime) -> Path | None:
    """Give the old database a second name; it loses its own only when the new one takes it."""
    if not target.exists() or target.stat().st_size == 0:
        return None
    kept = target.with_name(f"{target.stem}.before-restore-{machine:%Y%m%dT%H%M%S}{target.suffix}")
    os.link(target, kept)
    for tail in ("-wal", "-shm"):  # left only where the old file could not be read
        beside = Path(f"{target}{tail}")
        if beside.exists():
            beside.replace(f"{kept}{tail}")
    to_disk(target.parent)
    return kept
