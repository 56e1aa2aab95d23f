"""What the clock does by itself, done once: waves, reminders, messages, sweeps, and live counts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask.testing import FlaskClient
from pydantic import JsonValue

from backend import background, clock, tenancy
from backend.campaigns import audience
from backend.campaigns.conditions import Conditions
from backend.database import db, transaction
from backend.members.models import Member
from backend.merchants.models import Merchant
from backend.points import ledger
from jobs import deliveries, malls, open_bills, reminders, reports, upkeep
from scripts.wechat_platform.server import Platform
from tests.backend.campaigns.plans import a_class_plan, a_periodic, gives
from tests.backend.open_bills.dining import Dining, a_dining_room
from tests.builders import a_member, a_template
from tests.conftest import StillClock
from tests.journeys.working import work_and_tell
from tests.malls import a_link, a_mall

EVERY_CONDITION: tuple[dict[str, JsonValue], ...] = (
    {"field": "consumption_count", "op": ">=", "value": 1, "days": 30},
    {"field": "consumption_amount", "op": "<", "value": 100, "days": 30},
    {"field": "consumption_amount", "op": ">=", "value": 0},
    {"field": "days_since_consumption", "op": "<=", "value": 30},
    {"field": "registered_days", "op": "<=", "value": 30},
    {"field": "registered_at", "from": "2026-11-01", "to": "2026-11-30"},
    {"field": "birth_month", "op": "=", "value": 11},
    {"field": "level", "op": "=", "value": "普通会员"},
    {"field": "tag", "op": "=", "value": "常客"},
    {"field": "class", "op": "=", "value": "new"},
    {"field": "gender", "op": "=", "value": "male"},
    {"field": "phone_bound", "op": "=", "value": True},
    {"field": "follows", "op": "=", "value": True},
)


MAY_READ_MORE = (
    r"SELECT count\(\*\) AS people",  # 预计可参与人数: everybody is judged, once
    r"INSERT INTO audience_member",  # 固定名单: everybody is judged, once
    r"SELECT (min|max)\(",  # one end of an index; a merchant's first day, once
    r"SELECT DISTINCT campaign\.merchant_id.*mall_voucher\.state",  # the first that waits, of each
)
"""Statements of the clock that are right to look at more than they write, and why."""


class Month:
    """A shop that gives, and a month of it. One person was two members before."""

    def __init__(
        self, http: FlaskClient, wechat: Platform, still: StillClock, *, joined: bool
    ) -> None:
        self.clock = still
        self.room: Dining = a_dining_room(http, wechat)
        self.shop = self.room.shop
        self.mall = a_mall(self.shop, http)
        self.people = [a_member(self.shop, follows=True, consumptions=n) for n in range(3)]
        if joined:
            with transaction(), tenancy.acting_for(self.shop.merchant_id):
                other = a_member(self.shop)
                db.session.get_one(Member, other).alias_of_id = self.people[0]
        with transaction(), tenancy.acting_for(self.shop.merchant_id):
            merchant = db.session.get_one(Merchant, self.shop.merchant_id)
            merchant.message_rules = {"expiring": {"on": True, "days": 7}}
            merchant.points = {"per_yuan": 100, "max_bp": 10_000}
            merchant.levels_keep = "month"
            merchant.levels_reviewed = "2026-10"
        with tenancy.acting_for(self.shop.merchant_id):
            ledger.earn(self.people[0], 50, cause="before", now=clock.now())

    def campaigns(self) -> None:
        limited: dict[str, Any] = {"per_member": 1, "stock": 1000}
        for code in ("w", "p", "f", "m"):
            a_template(self.shop, code, days=20, **limited)
        a_class_plan(
            self.shop,
            parts={
                part: {"coupons": gives("w"), "again": part == "new"}
                for part in ("new", "ordinary", "loyal")
            },
        )
        a_periodic(
            self.shop,
            "dynamic",
            coupons=gives("p"),
            claim_window={"kind": "days", "days": 2},
            audience={
                "mode": "dynamic",
                "match": "any",
                "conditions": [dict(each) for each in EVERY_CONDITION],
            },
            control_bp=500,
            online_activity=True,
        )
        fixed: dict[str, JsonValue] = {"mode": "fixed", "match": "all", "conditions": []}
        a_periodic(self.shop, "fixed", coupons=gives("f"), audience=fixed)

    def passes(self) -> None:
        """The ticks of the days on which something is due."""
        self.mall.sold("V1")
        a_link(self.shop, "m")
        self.room.put("B1")
        guest = self.room.guest()
        self.room.sheet(guest, self.room.token("B2"))
        for at in ("11-24 09:00", "11-24 10:00", "11-24 16:00", "11-28 10:00", "12-08 09:00"):
            self.clock.move_to(f"2026-{at}")
            work_and_tell()
            self.every_tick()
        self.clock.move_to("2027-01-20 10:00")
        self.every_tick()

    def every_tick(self) -> None:
        background.redis().flushdb()
        for tick in (deliveries, malls, open_bills, reports, upkeep, reminders):
            job: Callable[..., None] = getattr(tick, "tick", None) or tick.run  # type: ignore[attr-defined]
            job.__wrapped__()  # type: ignore[attr-defined]


def count_every_condition(month: Month) -> None:
    """预计可参与人数 of each condition alone, on the form (``freeze`` asks the same)."""
    zone = ZoneInfo("Asia/Shanghai")
    with tenancy.acting_for(month.shop.merchant_id):
        for condition in EVERY_CONDITION:
            wanted = Conditions.model_validate({"match": "all", "conditions": [condition]})
            audience.estimate(wanted, zone=zone, at=clock.now() + timedelta(0))
