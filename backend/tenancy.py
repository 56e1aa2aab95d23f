"""租户. The merchant in whose name we act; no row of another one is read or written.

``acting_for(merchant_id)`` opens the only context in which merchant rows are visible. ORM reads,
updates and deletes get the filter, flushes are checked. Core statements pass unseen and name
``merchant_id`` themselves; ``tests/test_tenancy.py`` runs every table with two merchants.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Table,
    event,
    literal_column,
    select,
)
from sqlalchemy.orm import (
    Mapped,
    ORMExecuteState,
    Session,
    declared_attr,
    mapped_column,
    with_loader_criteria,
)
from sqlalchemy.schema import ForeignKey
from sqlalchemy.sql import visitors
from sqlalchemy.sql.base import Executable

from backend.database import RowId, db


class NoMerchant(RuntimeError):
    """A merchant's row was touched outside ``acting_for``: a programming error, never shown."""


class ForeignRow(RuntimeError):
    """A row of another merchant was about to be written."""


class MerchantRow:
    """Mixin of every table whose rows belong to one merchant."""

    @declared_attr
    def merchant_id(cls) -> Mapped[int]:
        return mapped_column(RowId, ForeignKey("merchant.id"), nullable=False, comment="所属商家")


M = TypeVar("M", bound=MerchantRow)

_EVERYBODY = 0
_merchant: ContextVar[int | None] = ContextVar("merchant", default=None)


@contextmanager
def acting_for(merchant_id: int) -> Iterator[None]:
    """Act in this merchant's name. Switching merchants forgets what the session had loaded."""
    before = _merchant.get()
    if before != merchant_id:
        db.session.flush()
        db.session.expunge_all()
    token = _merchant.set(merchant_id)
    try:
        yield
    finally:
        if before != merchant_id:
            db.session.flush()
            db.session.expunge_all()
        _merchant.reset(token)


@contextmanager
def across_merchants(reason: str) -> Iterator[None]:
    """See everybody's rows: ticks, the dispatcher, callbacks, key look-ups. ``reason`` says why."""
    if not reason:
        raise ValueError("say why")
    token = _merchant.set(_EVERYBODY)
    try:
        yield
    finally:
        _merchant.reset(token)


def merchant_id() -> int:
    """The merchant we act for."""
    current = _merchant.get()
    if not current:
        raise NoMerchant("no merchant: open tenancy.acting_for(...) first")
    return current


def ours(table: FromClause) -> ColumnElement[bool]:
    """That a row is of the merchant in whose name we act, for a statement written by hand."""
    mine: ColumnElement[bool] = table.c.merchant_id == merchant_id()
    return mine


def owner(table: FromClause) -> ColumnElement[int]:
    """Whose a row is, as a check of rows that were found by an id or a key: no way in. SQLite
    without statistics takes an index by merchant for the shortest way, and reads all of it."""
    return table.c.merchant_id + literal_column("0")


def find(model: type[M], row_id: int) -> M | None:
    """One row of the merchant we act for, by id (``session.get`` would see others' rows)."""
    return db.session.scalars(select(model).where(model.id == row_id)).one_or_none()  # type: ignore[attr-defined]


def _touches_merchant_rows(statement: Executable) -> bool:
    """Whether a merchant's table stands anywhere in the statement."""
    return any(
        isinstance(part, Table) and "merchant_id" in part.c and part.name not in _OPEN_TABLES
        for part in visitors.iterate(cast(visitors.ExternallyTraversible, statement))
    )


_OPEN_TABLES = {"staff", "audit_entry", "wechat_app"}
"""Tables whose merchant may be empty: the operator's own rows stand there too."""


@event.listens_for(Session, "do_orm_execute")
def _filter(state: ORMExecuteState) -> None:
    if not (state.is_select or state.is_update or state.is_delete):
        return
    if state.is_column_load or state.is_relationship_load:
        return
    current = _merchant.get()
    if current == _EVERYBODY:
        return
    if current is None:
        if _touches_merchant_rows(state.statement):
            raise NoMerchant("a merchant's rows were asked for outside acting_for")
        return
    state.statement = state.statement.options(
        with_loader_criteria(
            MerchantRow, lambda cls: cls.merchant_id == current, include_aliases=True
        )
    )


@event.listens_for(Session, "before_flush")
def _guard(session: Session, _context: Any, _instances: Any) -> None:  # noqa: ANN401
    current = _merchant.get()
    if current == _EVERYBODY:
        return
    for row in (*session.new, *session.dirty, *session.deleted):
        if not isinstance(row, MerchantRow):
            continue
        if current is None:
            raise NoMerchant("a merchant's row was written outside acting_for")
        if row in session.new and row.merchant_id is None:
            row.merchant_id = current
        elif row.merchant_id != current:
            raise ForeignRow(f"{type(row).__name__} belongs to another merchant")
