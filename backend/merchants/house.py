"""商家设置: what a merchant has set, read once in a transaction (R-01, R-09, R-10, S2-37…39)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import bindparam, select

from backend import tenancy
from backend.database import db, table_of
from backend.known import asked_once
from backend.merchants.models import Merchant
from backend.merchants.settings import Registration, Settings, Sharing

_merchants = table_of(Merchant)

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
    "refund_reissue",
    "rounding_fen",
)
_GROUPS = ("points", "recharge", "message_rules")
_HOUSE = select(*(_merchants.c[name] for name in (*_SET, *_GROUPS))).where(
    _merchants.c.id == bindparam("merchant")
)


S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class House:
    """商家设置 as they stand; ``groups`` as they are stored."""

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
    refund_reissue: bool
    rounding_fen: int
    groups: Mapping[str, Mapping[str, JsonValue]]
    _known: dict[type[Settings], Settings] = field(default_factory=dict, repr=False, compare=False)

    def settings(self, group: type[S]) -> S:
        """A group of settings, typed: ``house().settings(PointsSettings)``."""
        if group not in self._known:
            self._known[group] = group.stored(self.groups[group.name])
        return cast(S, self._known[group])


def house() -> House:
    """The settings of the merchant we act for, the same throughout one transaction."""
    merchant_id = tenancy.merchant_id()
    return asked_once(("house", merchant_id), lambda: _read(merchant_id))


def _read(merchant_id: int) -> House:
    row = db.session.connection().execute(_HOUSE, {"merchant": merchant_id}).mappings().one()
    return House(
        **{
            **{name: row[name] for name in _SET},
            "zone": ZoneInfo(row["zone"]),
            "sharing": Sharing(row["sharing"]),
            "registration": Registration(row["registration"]),
            "groups": {name: row[name] for name in _GROUPS},
        }
    )
