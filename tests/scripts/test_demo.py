"""The demo's past: believable, and as true as anything the product wrote itself."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import func, select

from backend import tenancy
from backend.campaigns.models import Campaign, Grant, GrantState, Wave, WaveState
from backend.clock import machine_now
from backend.coupons.card_pack import coupons_of
from backend.coupons.models import Coupon, CouponState
from backend.database import db
from backend.members.models import CustomerClass, Member
from backend.merchants.models import Merchant, Verifier
from backend.messaging.models import Intent, IntentState
from backend.points.exchange_offers import wishes
from backend.redemption.models import Redemption
from backend.reports import doctor
from backend.sales.models import Bill
from backend.setup.apply import apply
from backend.setup.reading import read
from scripts.demo.__main__ import live, logins
from tests.conftest import StillClock

SETUP = Path(__file__).parents[2] / "scripts" / "demo" / "setup.yaml"


@pytest.fixture
def demo(app: Flask, clock: StillClock, tmp_path: Path) -> Merchant:
    """The demo merchant with 150 members, on a Saturday evening."""
    clock.move_to("2026-11-21 20:30")
    apply(read(SETUP.read_text()), now=clock.at)
    (tmp_path / "setup.yaml").write_text(SETUP.read_text())
    live(tmp_path, members=150, now=clock.at)
    return db.session.scalars(select(Merchant)).one()


def test_every_invariant_holds_after_a_past_was_made_up(demo: Merchant, clock: StillClock) -> None:
    assert [str(finding) for finding in doctor.check(now=clock.at)] == []


def test_there_is_something_to_see_wherever_one_clicks(demo: Merchant, clock: StillClock) -> None:
    with tenancy.acting_for(demo.id):
        assert _count(Member.id) == 150
        assert set(db.session.scalars(select(Member.customer_class))) == set(CustomerClass)
        assert set(db.session.scalars(select(Grant.state))) >= {
            GrantState.CLAIMED,
            GrantState.LAPSED,
        }
        assert _count(Coupon.id, Coupon.state == CouponState.REDEEMED) > 10
        assert _count(Coupon.id, Coupon.valid_until < clock.at) > 10
        assert _count(Redemption.id, Redemption.verifier_id.is_not(None)) > 0
        assert _count(Redemption.id, Redemption.bill_id.is_not(None)) > 0
        assert _count(Verifier.id) == 2
        assert set(db.session.scalars(select(Intent.state))) == {
            IntentState.SENT,
            IntentState.FAILED,
        }
        assert len(set(db.session.scalars(select(Bill.store_id)))) == 3


def test_nothing_of_the_past_lies_in_the_future(demo: Merchant, clock: StillClock) -> None:
    with tenancy.acting_for(demo.id):
        for column in (
            Member.joined_at, Bill.settled_at, Redemption.at, Grant.granted_at, Wave.finished_at,
            Intent.sent_at, Coupon.claimed_at,
        ):  # fmt: skip
            assert db.session.scalar(select(func.max(column))) <= clock.at, column


def test_waves_stand_at_nine_and_four_and_end_with_the_last_one_before_now(
    demo: Merchant, clock: StillClock
) -> None:
    zone = ZoneInfo(demo.zone)
    with tenancy.acting_for(demo.id):
        welcome = db.session.scalars(select(Campaign.id).where(Campaign.code == "welcome")).one()
        waves = db.session.scalars(select(Wave).where(Wave.campaign_id == welcome)).all()
        hours = {wave.planned_at.astimezone(zone).hour for wave in waves}
        assert hours == {9, 16}
        assert {wave.state for wave in waves} == {WaveState.DONE}
        assert max(wave.planned_at for wave in waves) == datetime(2026, 11, 21, 16, tzinfo=zone)


def test_the_named_people_hold_a_coupon_that_a_visitor_can_show(
    demo: Merchant, clock: StillClock
) -> None:
    with tenancy.acting_for(demo.id):
        for name in ("王小勇", "孙悦"):
            person = db.session.scalars(select(Member.id).where(Member.nickname == name)).one()
            assert coupons_of([person], now=clock.at).items, name


def test_everybody_of_the_desk_gets_a_new_password(app: Flask, demo: Merchant) -> None:
    told = logins(app.config["SETTINGS"], now=machine_now())
    assert [line["login"] for line in told][:2] == ["operator", "boss@xinghuo"]
    assert len({line["password"] for line in told}) == len(told)


def _count(column: object, *conditions: object) -> int:
    return db.session.scalar(select(func.count(column)).where(*conditions)) or 0  # type: ignore[arg-type]


def test_members_have_points_and_something_to_exchange_them_for(
    demo: Merchant, clock: StillClock
) -> None:
    with tenancy.acting_for(demo.id):
        rich = db.session.scalars(select(Member).order_by(Member.points.desc())).first()
        assert rich is not None
        assert rich.points == rich.consumption_fen // 100 > 0
        offers = wishes(rich.id, store_code="s01", now=clock.at)
        assert [offer.title for offer in offers if offer.eligible]
