"""备份 of the embedded database while everything runs: one consistent file, or none.

SQLite's own copy reads one snapshot; in WAL mode it keeps no writer waiting. The file carries when
it was made and the check values of the keys, never the keys.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from backend import deployment, installation
from backend.database import db, end_read
from backend.errors import Conflict, DomainError


class NotEmbedded(DomainError):
    code = "NOT_EMBEDDED"
    message = (
        "数据库是{server}，请用它自己的工具：{tool}。"
        "恢复之后、启动之前执行 flask --app wsgi restore --fence，以免旧消息再次发出"
    )
    http_status = 409


class BackupExists(Conflict):
    code = "BACKUP_EXISTS"
    message = "{path}已存在，没有覆盖（要覆盖请加 --replace）"


class BackupFailed(DomainError):
    code = "BACKUP_FAILED"
    message = "备份没有做成：{why}"
    http_status = 500


_TOOLS = {
    "postgresql": ("PostgreSQL", "备份 pg_dump --format=custom，恢复 pg_restore"),
    "mysql": (
        "MariaDB",
        "备份 mariadb-dump --single-transaction，恢复 mariadb",
    ),
}


def back_up(target: Path, *, replace: bool = False, with_keys: bool = False, now: datetime) -> int:
    """Write the database to ``target`` (0600) in one step; its size in bytes. ``now``: machine
    time. ``with_keys`` puts ``keys.json`` beside it."""
    source = embedded_database()
    keys = target.with_name(f"{target.name}.keys.json") if with_keys else None
    for path in filter(None, (target, keys)):
        if path.exists() and not replace:
            raise BackupExists(path=str(path))
    try:
        with drafted(target, replace=replace) as draft:
            copy_database(source, draft, backed_up_at=now)
        if keys is not None:
            with drafted(keys, replace=replace) as draft:
                shutil.copyfile(deployment.data_dir() / "keys.json", draft)
    except FileExistsError as error:
        raise BackupExists(path=str(target)) from error
    except (OSError, sqlite3.Error) as error:
        raise BackupFailed(why=str(error)) from error
    return target.stat().st_size


def embedded_database() -> Path:
    """The SQLite file of this deployment; raises ``NotEmbedded`` on a database server."""
    name = db.engine.dialect.name
    if name != "sqlite":
        server, tool = _TOOLS.get(name, _TOOLS["mysql"])
        raise NotEmbedded(server=server, tool=tool)
    return Path(db.engine.url.database or "")


def copy_database(source: Path, target: Path, *, backed_up_at: datetime) -> None:
    """One snapshot as one file, read through once to see that it is whole."""
    end_read()
    with (
        closing(sqlite3.connect(source, timeout=30)) as living,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        living.backup(copy)
        copy.execute("pragma journal_mode=delete")
        copy.execute(
            f"update {installation.Installation.__tablename__} set backed_up_at = ?",
            (backed_up_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),),
        )
        require_whole(copy)


def require_whole(database: sqlite3.Connection) -> None:
    """Raise unless SQLite finds every page and index in order."""
    found = database.execute("pragma integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)


@contextmanager
def drafted(target: Path, *, replace: bool) -> Iterator[Path]:
    """A private file to be written, which becomes ``target`` at once when it is whole and on the
    disk; nothing is left of it otherwise."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    try:
        yield draft
        to_disk(draft)
        if replace:
            draft.replace(target)
        else:
            os.link(draft, target)
        to_disk(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """What was written to the file or folder survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
