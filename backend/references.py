"""引用: which columns of a merchant's tables name a row of that merchant's, and where.

Told from the names of the columns, so that a new one is known without anybody thinking of it. The
doctor looks whether the rows keep it (V-14, V-44), the guard of ``tenancy`` builds on it.
"""

from collections.abc import Iterator

from sqlalchemy import Column, Integer, Table

from backend.database import Model

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
_LIVE_KEY = {"redemption": "coupon", "scan_payment": "open_bill"}


def references() -> Iterator[tuple[Table, Column[int], Table]]:
    """Every column of a merchant's table that names a row of another one, with that one."""
    tables = Model.metadata.tables
    for table in Model.metadata.sorted_tables:
        if "merchant_id" in table.c and table.name not in _MAY_BE_NOBODYS:
            for column in table.c:
                target = _target(table, column)
                if target is not None and isinstance(column.type, Integer):
                    yield table, column, tables[target]


_MAY_BE_NOBODYS = {"staff", "audit_entry", "wechat_app"}
"""Tables where the operator's own rows stand too."""


def _target(table: Table, column: Column[int]) -> str | None:
    if column.name == "live_key":
        return _LIVE_KEY.get(table.name)
    if column.name in _POINTS_TO_ITS_OWN:
        return table.name
    return _POINTS_TO.get(column.name)
