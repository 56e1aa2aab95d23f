"""What SQLite, PostgreSQL and MariaDB need each: how connections open, begin and queue, and what
their errors mean."""

import fcntl
import os
import sqlite3
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.exc import (
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

WAIT_SECONDS = 5.0
"""How long a writer waits for the database before it is told 系统繁忙."""


def engine_options(url: str, *, threads: int) -> dict[str, Any]:
    """How to connect to the database at ``url``; ``threads`` may use it at once."""
    if url.startswith("sqlite"):
        return {
            "hide_parameters": True,
            "connect_args": {"check_same_thread": False, "timeout": WAIT_SECONDS},
        }
    return {
        "hide_parameters": True,
        "pool_size": threads,
        "max_overflow": 4,
        "pool_pre_ping": True,
        "isolation_level": "READ COMMITTED",
        "pool_timeout": WAIT_SECONDS,
    }


def take_care(engine: Engine, *, data_dir: Path) -> None:
    """Every connection of this engine behaves as the house expects."""
    if engine.dialect.name == "sqlite":
        if engine.url.database not in (None, "", ":memory:"):
            event.listen(engine, "do_connect", _keep_private)
        _prepare_sqlite(engine, lock_file=_lock_file(engine.url.database or "", data_dir))
    elif engine.dialect.name in ("mysql", "mariadb"):
        event.listen(engine, "connect", _strict_mariadb)
    else:
        event.listen(engine, "connect", _impatient_postgresql)


def met_another(error: DBAPIError) -> bool:
    """A deadlock or serialisation failure: the same work may succeed the next time."""
    return bool(_driver_codes(error) & {"40001", "40P01", 1213, 1020})


def is_busy(error: DBAPIError) -> bool:
    """The database was held by others for as long as we wait."""
    return "database is locked" in str(error.orig) or bool(_driver_codes(error) & {1205, "55P03"})


def name_writer(connection: Connection, name: str) -> None:
    """Who waits in vain for this writer is told ``name`` (``writer_of``). Only SQLite's writers
    wait for all the others; elsewhere one waits for a row, and knows for which."""
    handle = connection.info.get("writers_lock")
    if handle is not None:
        os.ftruncate(handle, 0)
        os.pwrite(handle, name.encode(), 0)


def writer_of(error: DBAPIError) -> str:
    """The name of the one for whom we waited in vain, where it has one."""
    orig = error.orig
    return orig.writer if isinstance(orig, _WritersQueueTooLong) else ""


class _WritersQueueTooLong(sqlite3.OperationalError):
    def __init__(self, writer: str) -> None:
        super().__init__("database is locked")
        self.writer = writer


def is_away(error: BaseException) -> bool:
    """The database does not answer: gone, going, or without a connection to spare. Nothing that a
    program does wrong looks like this."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, _AWAY)


_AWAY = (OperationalError, InterfaceError, PoolTimeout, DisconnectionError, PendingRollbackError)


def _driver_codes(error: DBAPIError) -> set[object]:
    """SQLSTATE and the server's own number: MariaDB tells a lock wait by its number alone."""
    orig = error.orig
    return {getattr(orig, "sqlstate", None), *(orig.args[:1] if orig is not None else ())}


def _lock_file(database: str, data_dir: Path) -> Path:
    in_memory = database in ("", ":memory:")
    return data_dir / "writers" if in_memory else Path(f"{database}.writers")


def _prepare_sqlite(engine: Engine, *, lock_file: Path) -> None:
    """WAL, full durability, one file lock for writers (``performance``: longest wait ÷ 25)."""

    def connected(raw: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401
        raw.isolation_level = None
        for pragma in (
            "journal_mode=wal",
            "synchronous=full",
            "foreign_keys=on",
            f"busy_timeout={int(WAIT_SECONDS * 1000)}",
            "cache_size=-65536",
        ):
            raw.execute(f"pragma {pragma}")

    def begins(connection: Connection) -> None:
        if not connection.get_execution_options().get("writes"):
            connection.exec_driver_sql("BEGIN")
            return
        waited = _take_writers_lock(connection, lock_file)
        if waited < 0.05:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        left = max(0, int((WAIT_SECONDS - waited) * 1000))
        connection.exec_driver_sql(f"pragma busy_timeout={left}")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        finally:
            connection.exec_driver_sql(f"pragma busy_timeout={int(WAIT_SECONDS * 1000)}")

    def returned(_raw: Any, entry: ConnectionPoolEntry) -> None:  # noqa: ANN401
        handle = entry.info.pop("writers_lock", None)
        if handle is not None:
            os.close(handle)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begins)
    event.listen(engine, "checkin", returned)


def _keep_private(
    _dialect: Dialect, _entry: ConnectionPoolEntry, arguments: list[str], _named: dict[str, Any]
) -> None:
    """Only its owner reads the database; SQLite gives what stands beside it the same rights.

    Never opened here once it is there: closing any handle of it would drop the locks that SQLite
    holds on it in this process.
    """
    database = Path(arguments[0])
    if not database.exists():
        _make_private(database)
    for path in (database, Path(f"{database}-wal"), Path(f"{database}-shm")):
        with suppress(FileNotFoundError):
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)


def _make_private(database: Path) -> None:
    """An empty one, closed before it has its name; another's that came first stays."""
    handle, draft = tempfile.mkstemp(dir=database.parent, prefix=".database-")
    os.close(handle)
    try:
        with suppress(FileExistsError):
            os.link(draft, database)
    finally:
        Path(draft).unlink()


def _take_writers_lock(connection: Connection, lock_file: Path) -> float:
    """Wait in the queue of writers; given back when the connection returns to the pool."""
    if "writers_lock" in connection.info:
        return 0.0
    started = time.monotonic()
    handle = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    if not (_locked_at_once(handle) or _locked_in_time(handle)):
        locked = _WritersQueueTooLong(lock_file.read_text())
        raise OperationalError("BEGIN IMMEDIATE", None, locked)
    connection.info["writers_lock"] = handle
    return time.monotonic() - started


def _locked_at_once(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _locked_in_time(handle: int) -> bool:
    """Queue up in the kernel, which wakes writers in their turn. Whose turn comes after they have
    given up gives it on at once."""
    turn = threading.Lock()  # whoever takes it first decides: our turn came, or we gave up
    came = threading.Event()

    def queue_up() -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if turn.acquire(blocking=False):
            came.set()
        else:
            os.close(handle)

    threading.Thread(target=queue_up, name="writers-queue", daemon=True).start()
    return came.wait(WAIT_SECONDS) or not turn.acquire(blocking=False)


def _strict_mariadb(raw: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401
    with raw.cursor() as cursor:
        cursor.execute(
            "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION'"
        )
        cursor.execute("SET SESSION innodb_lock_wait_timeout=5, time_zone='+00:00'")


def _impatient_postgresql(raw: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401
    with raw.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{int(WAIT_SECONDS)}s'")
    raw.commit()
