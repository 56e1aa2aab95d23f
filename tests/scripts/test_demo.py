"""The demo's past: believable, and as true as anything the product wrote itself."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import func, select

from backend import tenancy
from backend.campaigns.models import (
    Campaign,
    ClaimLink,
    ClaimLinkKind,
    Grant,
    GrantState,
    Wave,
    WaveState,
)
from backend.card_pack.queries import coupons_of
from backend.coupons.models import Coupon, CouponSource, CouponState
from backend.database import db
from backend.members.models import (
    CardState,
    CustomerClass,
    LevelChange,
    Member,
    MemberCard,
    MemberLevel,
)
from backend.merchants.models import Merchant, Verifier
from backend.messaging.models import Intent, IntentState
from backend.open_bills.models import OpenBill, OpenBillState
from backend.points.exchange_offers import wishes
from backend.points.models import PointsEntry
from backend.redemption.models import Redemption
from backend.reports import doctor
from backend.sales.models import Bill, Refund, RefusedBill
from backend.setup.apply import apply
from backend.setup.reading import read
from backend.vouchers.models import MallVoucher, VoucherState
from backend.wallet.models import WalletEntry
from scripts.demo.first_run import SETUP, first_run, live
from tests.admin.desk import Visitor
from tests.conftest import StillClock


@pytest.fixture
def demo(app: Flask, clock: StillClock, tmp_path: Path) -> Merchant:
    """The demo merchant with 150 members, on a Saturday evening."""
    clock.move_to("2026-11-21 20:30")
    apply(read(SETUP.read_text()), now=clock.at)
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
            IntentState.DUE,
            IntentState.SENT,
            IntentState.UNREACHABLE,
            IntentState.EXPIRED,
        }
        assert len(set(db.session.scalars(select(Bill.store_id)))) == 3


def test_nothing_of_the_past_lies_in_the_future(demo: Merchant, clock: StillClock) -> None:
    with tenancy.acting_for(demo.id):
        for column in (
            PointsEntry.at, WalletEntry.at, LevelChange.at, Refund.refunded_at, MallVoucher.sold_at,
            ClaimLink.claimed_at, RefusedBill.received_at,
            Member.joined_at, Bill.settled_at, Redemption.at, Grant.granted_at, Wave.finished_at,
            Intent.sent_at, Coupon.claimed_at,
        ):  # fmt: skip
            latest = db.session.scalar(select(func.max(column)))
            assert latest is not None and latest <= clock.at, column


def test_the_counter_and_the_mall_have_a_past_too(demo: Merchant, clock: StillClock) -> None:
    with tenancy.acting_for(demo.id):
        assert set(db.session.scalars(select(ClaimLink.state))) == {
            GrantState.OPEN, GrantState.CLAIMED, GrantState.LAPSED,
        }  # fmt: skip
        assert set(db.session.scalars(select(ClaimLink.kind))) == set(ClaimLinkKind)
        assert set(db.session.scalars(select(MallVoucher.state))) == set(VoucherState)
        of_the_mall = Coupon.source == CouponSource.MALL
        assert _count(Coupon.id, of_the_mall, Coupon.state == CouponState.REDEEMED) == 3
        assert set(db.session.scalars(select(MemberCard.state))) == set(CardState)
        assert set(db.session.scalars(select(WalletEntry.kind))) >= {"recharge", "pay"}
        assert set(db.session.scalars(select(PointsEntry.kind))) >= {"earn", "spend", "adjust"}
        assert _count(Refund.id) == 2
        assert _count(RefusedBill.id) == 1
        assert _count(OpenBill.id, OpenBill.state == OpenBillState.OPEN) == 4


def test_levels_are_where_their_changes_led(demo: Merchant, clock: StillClock) -> None:
    with tenancy.acting_for(demo.id):
        first = db.session.scalars(select(MemberLevel.id).order_by(MemberLevel.position)).first()
        last = {
            change.member_id: change.after_level_id
            for change in db.session.scalars(select(LevelChange).order_by(LevelChange.id))
        }
        stands = {
            row.id: row.level_id for row in db.session.execute(select(Member.id, Member.level_id))
        }
        assert len(last) > 10
        assert stands == {id: last.get(id, first) for id in stands}


@pytest.mark.parametrize("now", ["2026-11-19 07:10", "2026-11-20 14:00"])
def test_a_demo_made_at_another_hour_is_as_true(
    app: Flask, clock: StillClock, tmp_path: Path, now: str
) -> None:
    clock.move_to(now)
    apply(read(SETUP.read_text()), now=clock.at)
    live(tmp_path, members=150, now=clock.at)
    assert [str(finding) for finding in doctor.check(now=clock.at)] == []
    merchant = db.session.scalars(select(Merchant)).one()
    with tenancy.acting_for(merchant.id):
        newest = db.session.scalars(
            select(Bill.settled_at).order_by(Bill.settled_at.desc())
        ).first()
        assert newest is not None and newest <= clock.at


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


def test_everybody_of_the_desk_is_told_with_a_password_that_works(app: Flask) -> None:
    told = first_run(lambda _progress: None, members=20)

    assert [line["login"] for line in told][:2] == ["operator", "boss@xinghuo"]
    for line in told:
        assert Visitor(app).sign_in(line["login"], line["password"]).status_code == 302, line["who"]


def test_a_first_start_that_was_interrupted_leaves_nothing_and_can_be_made_again(
    app: Flask,
) -> None:
    with pytest.raises(KeyboardInterrupt):
        first_run(_interrupted_while_writing, members=20)
    assert _count(Merchant.id) == 0

    first_run(lambda _progress: None, members=20)

    assert _count(Merchant.id) == 1


def _interrupted_while_writing(progress: str) -> None:
    if "写入数据库" in progress:
        raise KeyboardInterrupt


def _count(column: object, *conditions: object) -> int:
    return db.session.scalar(select(func.count(column)).where(*conditions)) or 0  # type: ignore[arg-type]


def test_members_have_points_and_something_to_exchange_them_for(
    demo: Merchant, clock: StillClock
) -> None:
    with tenancy.acting_for(demo.id):
        rich = db.session.scalars(select(Member).order_by(Member.points.desc())).first()
        assert rich is not None
        assert rich.points > 1000
        offers = wishes(rich.id, store_code="s01", now=clock.at)
        assert [offer.title for offer in offers if offer.eligible]
