"""退款 over HTTP: coupons that come back with a little time, and what the member is told."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from backend import tenancy
from backend.coupons.models import CouponEvent
from backend.database import db
from backend.messaging.models import Intent, Purpose
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import a_shop, a_template, reread
from tests.conftest import StillClock
from tests.journeys.guest import Guest, cash, is_sound, paid
from tests.miniprogram_api.pos.till import a_dish


@pytest.fixture
def guest(app: Flask, http: FlaskClient, clock: StillClock) -> Guest:
    return Guest(http, clock, a_shop())


@pytest.fixture(autouse=True)
def sound(guest: Guest) -> Any:  # noqa: ANN401
    yield
    is_sound()


def _told(guest: Guest, *purposes: Purpose) -> list[tuple[str, dict[str, Any]]]:
    reread()
    with tenancy.acting_for(guest.shop.merchant_id):
        wanted = select(Intent).where(Intent.purpose.in_(purposes)).order_by(Intent.id)
        return [(each.purpose, dict(each.facts)) for each in db.session.scalars(wanted)]


def _used(guest: Guest, days: int) -> int:
    coupon = a_coupon(guest.shop, guest.id, a_template(guest.shop), days=days)
    tenders = [cash(9000), {"method": "coupon", "number": number_of(coupon)}]
    assert guest.settle("B1", a_dish(yuan=100), tenders=tenders).status_code == 201
    return coupon


@pytest.mark.parametrize(
    ("at", "valid_to"),
    [
        ("2026-11-26 09:00", "2026-11-27T23:59:59+08:00"),
        ("2026-11-24 00:01", "2026-11-25T23:59:59+08:00"),
    ],
    ids=["over", "less than a day left"],
)
def test_a_coupon_back_from_a_refund_is_good_until_the_end_of_the_next_day(
    guest: Guest, at: str, valid_to: str
) -> None:
    guest.house(refund_reissue=True)
    coupon = _used(guest, days=1)
    guest.clock.move_to(at)
    (back,) = guest.refund("B1", "T1").json["coupons"]
    assert (back["state"], back["valid_to"]) == ("usable", valid_to)
    reread()
    with tenancy.acting_for(guest.shop.merchant_id):
        event = db.session.scalars(select(CouponEvent).order_by(CouponEvent.id.desc())).first()
        assert event is not None and event.coupon_id == coupon
        assert (event.before, event.after) == ("usable", "usable")
        assert event.cause.startswith("refund of bill")
    assert guest.refund("B1", "T1").json["coupons"] == [back]


def test_a_coupon_with_more_than_a_day_left_keeps_its_end(guest: Guest) -> None:
    guest.house(refund_reissue=True)
    _used(guest, days=30)
    before = guest.till.post("/members/identify", {"phone": "18100004469"}).json["coupons"]
    (back,) = guest.refund("B1", "T1").json["coupons"]
    assert before == [] and back["valid_to"] > "2026-12-20"


def test_a_refund_tells_once_of_balance_and_points(guest: Guest) -> None:
    guest.house(points={"per_yuan": 100, "max_bp": 5000})
    guest.has(balance_fen=5000, points_=500)
    tenders = [paid("balance", 4500), cash(5000), paid("points", 500)]
    assert guest.settle("B1", a_dish(yuan=100), tenders=tenders).status_code == 201
    (at_settle,) = _told(guest, Purpose.BALANCE_CHANGED, Purpose.POINTS_CHANGED)
    assert at_settle[1]["title"] == "余额支付"
    for _ in range(2):
        assert guest.refund("B1", "T1").status_code == 200
    (_paid, balance, points) = _told(guest, Purpose.BALANCE_CHANGED, Purpose.POINTS_CHANGED)
    assert balance[0] == "balance_changed"
    assert (balance[1]["amount"], balance[1]["remark"]) == ("45", "余额50元")
    assert points[0] == "points_changed"
    assert (points[1]["points"], points[1]["points_total"]) == (400, 500)
    assert points[1]["remark"] == "积分+400，现有500积分"


def test_a_refund_in_cash_that_moves_no_points_tells_nothing(guest: Guest) -> None:
    assert guest.settle("B1", a_dish(yuan=0), tenders=[]).status_code == 201
    assert guest.refund("B1", "T1").status_code == 200
    assert _told(guest, Purpose.BALANCE_CHANGED, Purpose.POINTS_CHANGED) == []
