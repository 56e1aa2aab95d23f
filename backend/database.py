"""The database: session, columns, ``transaction()``; what SQLite, PostgreSQL and MariaDB need each.

Reads run deferred. The outermost ``transaction()`` ends any read and, on SQLite, takes the one
writers' file lock and begins IMMEDIATE. Inner blocks join; any exception undoes all.
"""

import functools
import time
from collections.abc import Callable, Iterator, Mapping
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
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, mapped_column

from backend.dialects import engine_options, is_busy, met_another, name_writer, take_care, writer_of
from backend.errors import Busy

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
    """Base of every table: binary collation on MariaDB, constraints with names Alembic can find, on
    SQLite too no row id twice."""

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
        "sqlite_autoincrement": True,
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
    if url.startswith("sqlite"):
        data_dir.mkdir(parents=True, exist_ok=True)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(url, threads=threads)
    db.init_app(app)
    with app.app_context():
        take_care(db.engine, data_dir=data_dir)


def forget_connections(app: Flask) -> None:
    """A forked child must not use its parent's database connections."""
    with app.app_context():
        db.engine.dispose(close=False)


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
    info["depth"], info["after_commit"], info["at_the_end"] = 1, {}, {}
    try:
        connection = session.connection(execution_options={"writes": True})
        name_writer(connection, info.get("writer", ""))
        yield
        for write, rows in info["at_the_end"].items():
            if rows:
                write(rows)
        session.commit()
    except BaseException as error:
        session.rollback()
        if isinstance(error, DBAPIError) and is_busy(error):
            raise Busy(writer=writer_of(error)) from error
        raise
    finally:
        info["depth"] = 0
        callbacks = info.pop("after_commit", {})
    for callback in callbacks.values():
        callback()


@contextmanager
def writing_as(name: str) -> Iterator[None]:
    """Whom our transactions hold up is told Busy with ``name``."""
    info = db.session().info
    info["writer"] = name
    try:
        yield
    finally:
        del info["writer"]


def transactional(use_case: Callable[P, T]) -> Callable[P, T]:
    """A use case that is one transaction, tried again where two met (``tried_again``)."""

    @functools.wraps(use_case)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if in_transaction():
            return use_case(*args, **kwargs)

        def once() -> T:
            with transaction():
                return use_case(*args, **kwargs)

        return tried_again(once)

    return run


def tried_again(work: Callable[[], T]) -> T:
    """What ``work``, whose transactions are all its own, gives.

    Deadlocks, serialisation failures and unique keys taken at the same moment roll back; the
    next try finds the other's row. At most four tries, and only by the outermost block.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            return work()
        except (IntegrityError, OperationalError, MetAnother) as error:
            if attempt == _TRIES or not _worth_another_try(error):
                raise
            time.sleep(0.005 * attempt)
    raise AssertionError("unreachable")


class MetAnother(Exception):
    """A conditional write found fewer rows than were read a moment ago: read again."""


def in_transaction() -> bool:
    """Whether a ``transaction()`` is open here."""
    return bool(db.session().info.get("depth", 0))


def at_the_end(write: Callable[[list[T]], None]) -> list[T]:
    """Rows that ``write`` gets, all at once, when all else in the open transaction is done."""
    return cast("list[T]", db.session().info["at_the_end"].setdefault(write, []))


def after_commit(callback: Callable[[], None], *, once: str | None = None) -> None:
    """Run ``callback`` once the open transaction is stored; at once when none is open. Of those
    with the same ``once`` the first one speaks for all."""
    if in_transaction():
        db.session().info["after_commit"].setdefault(once or callback, callback)
    else:
        callback()


def end_read() -> None:
    """Give the connection back before waiting for somebody else (WeChat, a sleeping loop)."""
    if not in_transaction():
        db.session.rollback()


def one_instant() -> Connection:
    """A connection whose every read, until ``end_read``, sees the database of this instant."""
    end_read()
    if db.engine.dialect.name == "sqlite":
        return db.session.connection()
    return db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def changed(statement: Any, values: Mapping[str, Any] | None = None) -> int:  # noqa: ANN401
    """Rows an UPDATE, DELETE or INSERT … SELECT touched; every conditional write looks at it."""
    options = {"preserve_rowcount": True}
    done = db.session.connection().execute(statement, values, execution_options=options)
    return int(done.rowcount)


_TRIES = 4


def _worth_another_try(error: Exception) -> bool:
    if isinstance(error, IntegrityError | MetAnother):
        return True
    return isinstance(error, DBAPIError) and met_another(error)
