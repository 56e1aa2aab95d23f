"""引用: every reference of a merchant's row leads to a row that exists, of the same merchant.

Generated from the tables, so that a new column is looked at without anybody thinking of it (V-14,
V-44).
"""

from sqlalchemy import Column, Table, or_, select, true

from backend.references import references
from backend.reports.invariants.invariant import Invariant, by


def invariants() -> tuple[Invariant, ...]:
    """One rule per reference."""
    return tuple(_rule(table, column, target) for table, column, target in references())


_NONE_IS_ZERO = {"daily_figure"}
"""Tables where 0 refers to nothing, for a unique key holds no NULL."""


def _rule(table: Table, column: Column[int], target: Table) -> Invariant:
    other = target.alias("target")
    return Invariant(
        f"reference.{table.name}.{column.name}",
        f"{table.name}.{column.name} 指向本商家存在的 {target.name}（V-14、V-44）",
        table.name,
        by(
            select(table.c.id)
            .outerjoin(other, other.c.id == column)
            .where(
                column.is_not(None),
                column != 0 if table.name in _NONE_IS_ZERO else true(),
                or_(other.c.id.is_(None), other.c.merchant_id != table.c.merchant_id),
            )
        ),
    )
