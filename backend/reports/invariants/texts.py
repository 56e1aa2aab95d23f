"""文字长度: on SQLite, which does not keep to it, no text is longer than its column; the other
databases refuse it. Generated from the tables, one statement each.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Column, Connection, String, Table, Text, func, or_, select

from backend.database import Model
from backend.keys import Sealed
from backend.reports.invariants.invariant import Invariant


def invariants() -> tuple[Invariant, ...]:
    """One rule per table that has texts with a length and an id to name."""
    return tuple(
        _rule(table, columns)
        for table in Model.metadata.sorted_tables
        if "id" in table.c and (columns := [c for c in table.c if _length(c)])
    )


def _length(column: Column[str]) -> int | None:
    kind = column.type
    if isinstance(kind, Sealed) or not isinstance(kind, String) or isinstance(kind, Text):
        return None
    return kind.length


def _rule(table: Table, columns: list[Column[str]]) -> Invariant:
    too_long = select(table.c.id).where(
        or_(*(func.length(column) > _length(column) for column in columns))
    )

    def rows(connection: Connection, _now: datetime) -> Iterable[int]:
        if connection.dialect.name != "sqlite":
            return ()
        return list(connection.scalars(too_long))

    return Invariant(f"text.{table.name}", f"{table.name} 的文字不超过列宽", table.name, rows)
