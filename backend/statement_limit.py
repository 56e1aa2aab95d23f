"""语句时限: how long one statement may take where a person waits for a page.

Whoever reads for people at the desk opens ``statement_limit``; a statement that takes longer is
stopped by the database itself (SQLite: by its progress handler) and raises ``TooMuchToRead``.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from backend.database import db, end_read
from backend.errors import DomainError

_seconds: ContextVar[float | None] = ContextVar("statement seconds", default=None)


class TooMuchToRead(DomainError):
    """A page asks for more than can be read while somebody waits."""

    code = "TOO_MUCH_TO_READ"
    message = "要查的内容太多，没有查完"
    http_status = 503
    hint = "请加上时间、门店、手机号等查询条件缩小范围后再查"


@contextmanager
def statement_limit(seconds: float) -> Iterator[None]:
    """Each statement within may take so long. A read that was open ends: its time was not told."""
    end_read()
    token = _seconds.set(seconds)
    try:
        yield
    except DBAPIError as error:
        if not _was_stopped(error):
            raise
        db.session.rollback()
        raise TooMuchToRead() from error
    finally:
        _seconds.reset(token)
        end_read()


def keep(engine: Engine) -> None:
    """Statements of this engine keep to the limit that is open."""
    match engine.dialect.name:
        case "sqlite":
            event.listen(engine, "before_cursor_execute", _watch_sqlite)
        case "postgresql":
            event.listen(engine, "begin", _tell_postgresql)
        case _:
            event.listen(engine, "begin", _tell_mariadb)
    event.listen(engine, "checkin", _forget)


def _watch_sqlite(connection: Connection, *_rest: object) -> None:
    """Rows are fetched by the same virtual machine: the watch goes on until the next statement."""
    seconds = _seconds.get()
    raw: Any = connection.connection.dbapi_connection
    if seconds is None:
        if connection.info.pop(_LIMITED, None):
            raw.set_progress_handler(None, 0)
        return
    ends = time.monotonic() + seconds
    connection.info[_LIMITED] = True
    raw.set_progress_handler(lambda: time.monotonic() > ends, _EVERY_STEPS)


def _tell_postgresql(connection: Connection) -> None:
    if (seconds := _seconds.get()) is not None:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")


def _tell_mariadb(connection: Connection) -> None:
    seconds = _seconds.get()
    if seconds is not None:
        connection.info[_LIMITED] = True
        connection.exec_driver_sql(f"SET SESSION max_statement_time = {seconds}")
    elif connection.info.pop(_LIMITED, None):
        connection.exec_driver_sql("SET SESSION max_statement_time = 0")


def _forget(raw: Any, entry: ConnectionPoolEntry) -> None:  # noqa: ANN401
    """Whoever gets the connection next is under no limit, unless they open one."""
    if raw is None or not hasattr(raw, "set_progress_handler"):
        return  # the servers: PostgreSQL's ended with the transaction, MariaDB's at the next begin
    if entry.info.pop(_LIMITED, None):
        raw.set_progress_handler(None, 0)


def _was_stopped(error: DBAPIError) -> bool:
    stopped = (str(error.orig), getattr(error.orig, "sqlstate", None), *_first_fact(error))
    return any(told in stopped for told in ("interrupted", "57014", 1969))


def _first_fact(error: DBAPIError) -> tuple[object, ...]:
    return () if error.orig is None else error.orig.args[:1]


_LIMITED = "statement limit"
_EVERY_STEPS = 20_000
"""Steps of SQLite's virtual machine between two looks at the clock: about a millisecond."""
