"""预扣积分: what a guest pays with by phone is theirs no more, unless it does not pay the bill."""

from datetime import timedelta

import pytest

from backend import tenancy
from backend.database import db, transaction
from backend.points import ledger
from backend.points.errors import PointsInsufficient
from backend.points.models import PointsLot
from scripts.wechat_platform.server import Platform
from tests.backend.open_bills.dining import Dining
from tests.backend.open_bills.test_paying import room_now
from tests.conftest import StillClock
from tests.journeys.customers import Customer
from tests.miniprogram_api.pos.till import a_dish


@pytest.fixture
def guest(room: Dining) -> Customer:
    """They have 1,000 points, of which 800 pay ¥8."""
    room.worth_points()
    guest = room.guest()
    assert room.points(guest, 1000) == 1000
    return guest


def pays(room: Dining, guest: Customer, bill: str = "B1", points: int = 800) -> str:
    token = room.token(bill)
    return room.sheet(guest, token, room.quote_with_points(guest, token, points))


def spend(room: Dining, guest: Customer, points: int) -> None:
    with tenancy.acting_for(room.shop.merchant_id):
        ledger.spend(guest.member_id, points, cause="elsewhere", now=room_now())


def test_points_paid_with_cannot_be_spent_elsewhere_before_the_till_settles(
    room: Dining, guest: Customer
) -> None:
    sheet = pays(room, guest)
    assert room.points(guest) == 200
    with pytest.raises(PointsInsufficient):
        spend(room, guest, 500)
    room.confirm(guest, sheet)
    spend(room, guest, 200)
    told = room.events()[0]
    assert told["amount_fen"] == 9200
    settled = room.settle_as_told(told)
    assert settled.status_code == 201, settled.get_data(as_text=True)
    assert room.points(guest) == settled.get_json()["points_earned"]
    back = room.till.post("/bills/B1/refund", {"refund": "R1", "reason": "退单"}).get_json()
    assert (back["refunded_fen"], back["points_total"]) == (9200, 800)
    room.tick()


def test_points_that_are_over_before_the_till_settles_have_paid_all_the_same(
    room: Dining, guest: Customer, clock: StillClock
) -> None:
    with transaction(), tenancy.acting_for(room.shop.merchant_id):
        for lot in db.session.scalars(db.select(PointsLot)):
            lot.expires_at = clock() + timedelta(minutes=5)
    room.confirm(guest, pays(room, guest))
    clock.move_to("2026-11-23 08:30")
    assert room.settle_as_told(room.events()[0]).status_code == 201


def test_points_of_a_payment_that_came_to_nothing_go_back(
    room: Dining, guest: Customer, clock: StillClock
) -> None:
    pays(room, guest)
    clock.move_to("2026-11-23 08:20")
    room.tick()
    assert (room.states(), room.points(guest)) == ((["open"], ["closed"]), 1000)
    pays(room, guest, points=1000)
    assert room.points(guest) == 0


def test_points_of_money_that_came_too_late_go_back(
    room: Dining, guest: Customer, wechat: Platform
) -> None:
    sheet = pays(room, guest)
    room.till.call("DELETE", "/bills/B1")
    room.confirm(guest, sheet)
    room.tick()
    assert (room.states(), room.points(guest)) == ((["withdrawn"], ["refunded"]), 1000)


def test_a_till_that_settles_without_the_quote_takes_no_points(
    room: Dining, guest: Customer
) -> None:
    room.confirm(guest, pays(room, guest))
    settled = room.settle("B1", tenders=[{"method": "wechat", "amount_fen": 10000}])
    assert settled.status_code == 201
    assert room.points(guest) == 1000


def test_points_alone_may_pay_the_whole_bill(room: Dining, guest: Customer) -> None:
    room.points(guest, 9000)
    token = room.token("B1", a_dish())
    quote = room.quote_with_points(guest, token, 10000)
    assert room.pay(guest, token, quote).get_json()["state"] == "paid"
    assert room.points(guest) == 0
    assert room.settle_as_told(room.events()[0]).status_code == 201


def test_points_go_back_with_the_money_when_the_bill_will_not_be_settled(
    room: Dining, guest: Customer
) -> None:
    room.confirm(guest, pays(room, guest))
    given = room.till.post("/bills/B1/give-back", {"reason": "点错了"}).get_json()
    assert (given["amount_fen"], room.points(guest)) == (9200, 1000)
    room.tick()
