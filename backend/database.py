"""The database: session, columns, ``transaction()``; what SQLite, PostgreSQL and MariaDB need each.

Reads run deferred. The outermost ``transaction()`` ends any read and, on SQLite, takes the one
writers' file lock and begins IMMEDIATE. Inner blocks join; any exception undoes all.
"""

import fcntl
import functools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar, cast

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from pydantic import JsonValue
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Connection,
    DateTime,
    Engine,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    event,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry

from backend.errors import Busy

WAIT_SECONDS = 5.0
"""How long a writer waits for the database before it is told 系统繁忙."""

P = ParamSpec("P")
T = TypeVar("T")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware on both sides, stored as UTC to the microsecond; naive is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:  # noqa: ANN401
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: object) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no instant")
        value = value.astimezone(UTC)
        return value if getattr(dialect, "name", "") == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: object) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


RowId = BigInteger().with_variant(Integer, "sqlite")

Id = Annotated[int, mapped_column(RowId, primary_key=True)]
Ref = Annotated[int, mapped_column(RowId)]
Instant = Annotated[datetime, mapped_column(UtcDateTime)]
Code = Annotated[str, mapped_column(String(64))]
Name = Annotated[str, mapped_column(String(120))]
Fen = Annotated[int, mapped_column(BigInteger)]
JsonObject = Annotated[dict[str, JsonValue], mapped_column(JSON)]
JsonList = Annotated[list[JsonValue], mapped_column(JSON)]


class Model(DeclarativeBase):
    """Base of every table: binary collation on MariaDB, constraints with names Alembic can find."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    __table_args__: Any = {
        "mysql_charset": "utf8mb4",
        "mysql_collate": "utf8mb4_nopad_bin",
        "mysql_engine": "InnoDB",
    }


def table_args(*constraints: Any, **options: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """Constraints of one table together with what every table has."""
    return (*constraints, {**Model.__table_args__, **options})


def table_of(model: type[Model]) -> Table:
    """The table behind a model, for Core statements on hot paths."""
    return cast(Table, model.__table__)


def one_of(column: str, choices: type[StrEnum]) -> CheckConstraint:
    """The column holds one of the enum's values."""
    values = ", ".join(f"'{choice.value}'" for choice in choices)
    return CheckConstraint(f"{column} in ({values})", name=column)


def in_merchant(column: str, *, to: str) -> ForeignKeyConstraint:
    """A reference that cannot leave the merchant: (merchant_id, column) → (merchant_id, id)."""
    return ForeignKeyConstraint(["merchant_id", column], [f"{to}.merchant_id", f"{to}.id"])


def within_merchant() -> UniqueConstraint:
    """What ``in_merchant`` references need on the table they point to."""
    return UniqueConstraint("merchant_id", "id")


db = SQLAlchemy(
    model_class=Model, disable_autonaming=True, session_options={"expire_on_commit": False}
)

if TYPE_CHECKING:
    BaseModel = Model
else:
    BaseModel = db.Model


def configure(app: Flask, *, url: str, data_dir: Path, threads: int) -> None:
    """Bind the app to the database at ``url``; ``threads`` may use it at once in one process."""
    options: dict[str, Any] = {"hide_parameters": True}
    if url.startswith("sqlite"):
        data_dir.mkdir(parents=True, exist_ok=True)
        options["connect_args"] = {"check_same_thread": False, "timeout": WAIT_SECONDS}
    else:
        options |= {
            "pool_size": threads,
            "max_overflow": 4,
            "pool_pre_ping": True,
            "isolation_level": "READ COMMITTED",
            "pool_timeout": WAIT_SECONDS,
        }
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            _prepare_sqlite(db.engine, lock_file=_lock_file(url, data_dir))
        elif db.engine.dialect.name in ("mysql", "mariadb"):
            event.listen(db.engine, "connect", _strict_mariadb)


@contextmanager
def transaction() -> Iterator[None]:
    """One transaction. Nested blocks join; only the outermost commits; an exception undoes all."""
    session = db.session()
    info = session.info
    if info.get("depth", 0) > 0:
        info["depth"] += 1
        try:
            yield
            session.flush()
        finally:
            info["depth"] -= 1
        return
    session.rollback()
    info["depth"], info["after_commit"] = 1, []
    try:
        session.connection(execution_options={"writes": True})
        yield
        session.commit()
    except BaseException as error:
        session.rollback()
        if isinstance(error, DBAPIError) and _is_busy(error):
            raise Busy() from error
        raise
    finally:
        info["depth"] = 0
        callbacks = info.pop("after_commit", [])
    for callback in callbacks:
        callback()


def transactional(use_case: Callable[P, T]) -> Callable[P, T]:
    """A use case that is one transaction, tried again where two met.

    Deadlocks, serialisation failures and unique keys taken at the same moment roll back; the
    second try finds the other's row. At most three tries, and only by the outermost block.
    """

    @functools.wraps(use_case)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if in_transaction():
            return use_case(*args, **kwargs)
        for attempt in range(1, _TRIES + 1):
            try:
                with transaction():
                    return use_case(*args, **kwargs)
            except (IntegrityError, OperationalError, MetAnother) as error:
                if attempt == _TRIES or not _worth_another_try(error):
                    raise
                time.sleep(0.005 * attempt)
        raise AssertionError("unreachable")

    return run


class MetAnother(Exception):
    """A conditional write found fewer rows than were read a moment ago: read again."""


def in_transaction() -> bool:
    """Whether a ``transaction()`` is open here."""
    return bool(db.session().info.get("depth", 0))


def after_commit(callback: Callable[[], None]) -> None:
    """Run ``callback`` once the open transaction is stored; at once when none is open."""
    if in_transaction():
        db.session().info["after_commit"].append(callback)
    else:
        callback()


def end_read() -> None:
    """Give the connection back before waiting for somebody else (WeChat, a sleeping loop)."""
    if not in_transaction():
        db.session.rollback()


def changed(statement: Any) -> int:  # noqa: ANN401
    """Rows an UPDATE, DELETE or INSERT … SELECT touched; every conditional write looks at it."""
    options = {"preserve_rowcount": True}
    return int(db.session.connection().execute(statement, execution_options=options).rowcount)


_TRIES = 4


def _worth_another_try(error: Exception) -> bool:
    if isinstance(error, IntegrityError | MetAnother):
        return True
    code = _driver_code(error)
    return code in ("40001", "40P01", 1213, 1020)


def _is_busy(error: DBAPIError) -> bool:
    text = str(error.orig)
    return "database is locked" in text or _driver_code(error) in (1205, "55P03")


def _driver_code(error: Exception) -> object:
    orig = getattr(error, "orig", None)
    if orig is None:
        return None
    if sqlstate := getattr(orig, "sqlstate", None):
        return sqlstate
    return orig.args[0] if getattr(orig, "args", ()) else None


def _lock_file(url: str, data_dir: Path) -> Path:
    name = url.removeprefix("sqlite:///")
    return Path(f"{name}.writers") if name and ":memory:" not in name else data_dir / "writers"


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


def _take_writers_lock(connection: Connection, lock_file: Path) -> float:
    """Wait in the queue of writers; given back when the connection returns to the pool."""
    if "writers_lock" in connection.info:
        return 0.0
    started = time.monotonic()
    handle = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    connection.info["writers_lock"] = handle
    return time.monotonic() - started


def _strict_mariadb(raw: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401
    with raw.cursor() as cursor:
        cursor.execute(
            "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION'"
        )
        cursor.execute("SET SESSION innodb_lock_wait_timeout=5, time_zone='+00:00'")
