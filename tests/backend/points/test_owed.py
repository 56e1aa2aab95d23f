"""欠回积分 (R-25, field case C): what a reversal finds already spent is owed by that very earning,
and goes when it comes back, from nothing else."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.campaigns import lifecycle, programmes
from backend.campaigns.draft import CampaignDraft
from backend.coupons.bill import BillLine
from backend.database import db, transaction
from backend.membership.join import join
from backend.merchants.models import Merchant
from backend.merchants.queries import place
from backend.messaging.models import Intent
from backend.points import exchange_lapse, ledger
from backend.redemption.redeem import Redeemer
from backend.reports import doctor
from backend.sales import quote as quoting
from backend.sales.bill import Bill, DishLine, Goods, Method, Tender
from backend.sales.refund import refund
from backend.sales.refund_records import Refunded, RefundOrder
from backend.sales.settle import settle
from tests.backend.points.books import entries_of, lots_of, owed_by, points_of, set_expiry
from tests.backend.points.test_exchange import Mall
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import StillClock


@pytest.fixture
def shop(app: Flask) -> Iterator[Shop]:
    shop = a_shop()
    with tenancy.acting_for(shop.merchant_id):
        yield shop
    reread()
    assert [str(finding) for finding in doctor.check()] == []


@pytest.fixture
def member(shop: Shop) -> int:
    return a_member(shop)


def _settles(number: str, fen: int, member: int, clock: StillClock, *, points: int = 0) -> None:
    """A bill of one dish at one point for a yuan, some of it paid with points at 100 for one."""
    goods = Goods((DishLine("毛肚", BillLine("D001", None, 1, fen)),))
    quoted = quoting.quote(
        goods, here=place("s01"), member_id=member, chosen=[], points=points, now=clock.at
    )
    assert quoted.price.plan.points_fen == points
    bill = Bill(
        number=number,
        goods=goods,
        tenders=(Tender(Method.CASH, fen - points),),
        settled_at=clock.at,
        member_id=member,
        quote_id=quoted.code,
    )
    settle(bill, here=place("s01"), by=Redeemer("till k01"), now=clock.at)


def _refunds(bill: str, clock: StillClock) -> Refunded:
    order = RefundOrder(f"R-{bill}")
    return refund(order, bill=bill, here=place("s01"), by="till k01", now=clock.at).refunded


@pytest.mark.parametrize("order", ["12", "21"])
def test_1091_earned_spent_and_both_bills_refunded_leave_none(
    shop: Shop, member: int, clock: StillClock, order: str
) -> None:
    with transaction(), tenancy.across_merchants("a test sets a merchant's rule"):
        merchant = db.session.get_one(Merchant, shop.merchant_id)
        merchant.points = {"per_yuan": 100, "max_bp": 10000, "expiry": "none"}
    earning = programmes.parse("consumption_points", {"per_fen": 100, "points": 1})
    plan = lifecycle.save(CampaignDraft("cp", "consumption_points", settings=earning), now=clock.at)
    lifecycle.start(plan.id, now=clock.at)
    _settles("B1", 109_100, member, clock)
    _settles("B2", 2_000, member, clock, points=1_091)
    assert points_of(shop, member) == 20
    told = {number: _refunds(f"B{number}", clock) for number in order}
    assert points_of(shop, member) == 0
    assert told[order[-1]].points_total == 0
    back = told["2"].points_back, told["2"].points_taken, told["1"].points_taken
    assert back == ((1091, 1111, 0) if order == "12" else (1091, 20, 1091))
    assert owed_by(shop, member) == [0, 0]


def test_what_is_missing_is_owed_and_goes_when_it_comes_back_in_parts(
    shop: Shop, member: int, clock: StillClock
) -> None:
    ledger.earn(member, 100, cause="a", now=clock.at)
    ledger.earn(member, 50, cause="b", now=clock.at)
    ledger.spend(member, 70, cause="c", now=clock.at)
    ledger.reverse("a", points=40, cause="d", now=clock.at)
    assert (lots_of(shop, member), owed_by(shop, member)) == ([(100, 0), (50, 50)], [10, 0])
    ledger.reverse("c", points=25, cause="e", now=clock.at)
    assert entries_of(shop, member)[-2:] == [("reverse", 25, 75), ("reverse", -10, 65)]
    assert (lots_of(shop, member), owed_by(shop, member)) == ([(100, 15), (50, 50)], [0, 0])
    ledger.reverse("a", cause="f", now=clock.at)
    assert owed_by(shop, member) == [45, 0]
    ledger.reverse("a", cause="g", now=clock.at)
    assert owed_by(shop, member) == [45, 0], "what is owed is not wanted twice"
    for _ in range(2):
        ledger.reverse("c", cause="h", now=clock.at)
    assert (lots_of(shop, member), owed_by(shop, member)) == ([(100, 0), (50, 50)], [0, 0])
    assert points_of(shop, member) == 50


def test_only_lots_that_owe_give_what_came_back_into_them(
    shop: Shop, member: int, clock: StillClock
) -> None:
    ledger.earn(member, 10, cause="a", now=clock.at)
    ledger.earn(member, 10, cause="b", now=clock.at)
    ledger.spend(member, 20, cause="c", now=clock.at)
    ledger.reverse("a", cause="d", now=clock.at)
    ledger.reverse("c", points=10, cause="e", now=clock.at)
    assert (lots_of(shop, member), owed_by(shop, member)) == ([(10, 0), (10, 10)], [10, 0])
    ledger.earn(member, 30, cause="f", now=clock.at)
    assert points_of(shop, member) == 40, "new earnings owe nothing"
    ledger.reverse("c", cause="g", now=clock.at)
    assert points_of(shop, member) == 40


def test_owed_points_that_come_back_past_their_end_go_once(
    shop: Shop, member: int, clock: StillClock
) -> None:
    set_expiry(shop, 1)
    ledger.earn(member, 50, cause="a", now=clock.at)
    ledger.spend(member, 40, cause="b", now=clock.at)
    ledger.reverse("a", points=30, cause="c", now=clock.at)
    clock.move_to("2027-01-01 00:00")
    ledger.reverse("b", cause="d", now=clock.at)
    ledger.expire_due(clock.at)
    changes = [(kind, change) for kind, change, _ in entries_of(shop, member)]
    assert changes[-3:] == [("reverse", 40), ("reverse", -20), ("expire", -20)]
    assert (points_of(shop, member), owed_by(shop, member)) == (0, [0])


def test_what_expired_before_its_bill_was_refunded_is_taken_from_nothing_else(
    shop: Shop, member: int, clock: StillClock
) -> None:
    set_expiry(shop, 1)
    ledger.earn(member, 50, cause="a", now=clock.at)
    clock.move_to("2027-01-01 00:00")
    ledger.earn(member, 30, cause="b", now=clock.at)
    ledger.reverse("a", cause="c", now=clock.at)
    assert points_of(shop, member) == 30


def test_who_was_joined_owes_as_before(shop: Shop, clock: StillClock) -> None:
    old, young = a_member(shop), a_member(shop)
    ledger.earn(young, 50, cause="a", now=clock.at)
    ledger.spend(young, 50, cause="b", now=clock.at)
    ledger.reverse("a", cause="c", now=clock.at)
    ledger.earn(old, 5, cause="d", now=clock.at)
    reread()
    kept = join(young, old, now=clock.at)
    assert owed_by(shop, kept) == [50, 0]
    ledger.reverse("b", cause="e", now=clock.at)
    assert (points_of(shop, kept), owed_by(shop, kept)) == (5, [0, 0])


def test_an_exchange_paid_with_owed_points_gives_back_what_nobody_owes(
    app: Flask, clock: StillClock
) -> None:
    mall = Mall(clock, stock=5)
    mall.take_at_till()
    with tenancy.acting_for(mall.shop.merchant_id):
        ledger.reverse("before", points=190, cause="refund", now=clock.at)
        assert points_of(mall.shop, mall.member) == 0
        exchange_lapse.give_back_all(clock.move_to("2026-12-01 08:00"))
        assert points_of(mall.shop, mall.member) == 60
        told = db.session.scalars(select(Intent.facts).order_by(Intent.id.desc())).first()
        assert told is not None
        assert (told["points"], told["points_total"]) == ("+60", 60)
    reread()
    assert [str(finding) for finding in doctor.check()] == []
