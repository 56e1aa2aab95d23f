"""商家设置: what a merchant has set, read once in a transaction (R-01, R-09, R-10, S2-37…39)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypedDict
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import bindparam, select

from backend import tenancy
from backend.database import db, table_of
from backend.known import asked_once
from backend.merchants.models import Merchant, Registration, Sharing

_merchants = table_of(Merchant)

MOST_ROUNDING_FEN = 100_000
"""What no merchant lets 抹零 go beyond, whoever sets it."""

_SET = (
    "name",
    "zone",
    "receipt_footer",
    "sharing",
    "registration",
    "levels_match",
    "levels_period",
    "levels_keep",
    "rolling_week",
    "reminder_quiet_days",
    "points",
    "recharge",
    "refund_reissue",
    "rounding_fen",
    "message_rules",
)
_HOUSE = select(*(_merchants.c[name] for name in _SET)).where(
    _merchants.c.id == bindparam("merchant")
)


class PointsSet(TypedDict, total=False):
    """积分 as set: 积分抵现 where ``per_yuan`` or ``max_bp`` is named; and how long
    points are good."""

    per_yuan: int
    max_bp: int
    expiry: Literal["none", "year_end"] | int


@dataclass(frozen=True)
class House:
    """商家设置 as they stand. ``recharge`` and ``message_rules`` are groups of the set-up file; who
    decides by them reads them."""

    name: str
    zone: ZoneInfo
    receipt_footer: str
    sharing: Sharing
    registration: Registration
    levels_match: str
    levels_period: str
    levels_keep: str
    rolling_week: bool
    reminder_quiet_days: int
    points: PointsSet
    recharge: Mapping[str, JsonValue]
    refund_reissue: bool
    rounding_fen: int
    message_rules: Mapping[str, JsonValue]


def house() -> House:
    """The settings of the merchant we act for, the same throughout one transaction."""
    merchant_id = tenancy.merchant_id()
    return asked_once(("house", merchant_id), lambda: _read(merchant_id))


def _read(merchant_id: int) -> House:
    row = db.session.connection().execute(_HOUSE, {"merchant": merchant_id}).mappings().one()
    return House(
        **{
            **row,
            "zone": ZoneInfo(row["zone"]),
            "sharing": Sharing(row["sharing"]),
            "registration": Registration(row["registration"]),
        }
    )
