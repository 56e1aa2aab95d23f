"""引用: every reference of a merchant's row leads to a row that exists, of the same merchant.

Generated from the tables, so that a new column is looked at without anybody thinking of it (V-14,
V-44).
"""

from collections.abc import Iterator

from sqlalchemy import Column, Integer, Table, or_, select, true

from backend.database import Model
from backend.reports.invariants.invariant import Invariant, by

_POINTS_TO = {
    "after_level_id": "member_level",
    "alias_of_id": "member",
    "before_level_id": "member_level",
    "bill_id": "bill",
    "campaign_id": "campaign",
    "claimed_by_id": "member",
    "coupon_id": "coupon",
    "grant_id": "coupon_grant",
    "intent_id": "intent",
    "inviter_id": "member",
    "level_id": "member_level",
    "link_id": "claim_link",
    "lot_id": "points_lot",
    "member_id": "member",
    "offer_id": "offer",
    "open_bill_id": "open_bill",
    "refund_id": "refund",
    "points_entry_id": "points_entry",
    "redemption_id": "redemption",
    "revision_id": "template_revision",
    "shop_id": "mall_shop",
    "store_id": "store",
    "template_id": "coupon_template",
    "verifier_id": "verifier",
    "voucher_id": "mall_voucher",
    "wave_id": "wave",
}
_POINTS_TO_ITS_OWN = {"reverses_id"}


def invariants() -> tuple[Invariant, ...]:
    """One rule per reference."""
    return tuple(_rule(table, column, target) for table, column, target in references())


def references() -> Iterator[tuple[Table, Column[int], Table]]:
    """Every column of a merchant's table that names a row of another one, with that one."""
    tables = Model.metadata.tables
    for table in Model.metadata.sorted_tables:
        if "merchant_id" in table.c and table.name not in _MAY_BE_NOBODYS:
            for column in table.c:
                its_own = table.name if column.name in _POINTS_TO_ITS_OWN else None
                target = _POINTS_TO.get(column.name, its_own)
                if target is not None and isinstance(column.type, Integer):
                    yield table, column, tables[target]


_MAY_BE_NOBODYS = {"staff", "audit_entry", "wechat_app"}
"""Tables where the operator's own rows stand too."""


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
