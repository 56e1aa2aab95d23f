"""退回顾客: paid, but it will not be settled; and money that is not what was asked for."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from backend import clock as business
from backend import tenancy
from backend.database import db
from backend.merchants.models import AuditEntry
from backend.open_bills import taking
from backend.open_bills.errors import PaymentMismatch
from scripts.wechat_platform.server import Platform
from tests.backend.open_bills.dining import Dining
from tests.backend.open_bills.test_late_money import CASH, refunded
from tests.backend.open_bills.test_putting import said
from tests.builders import reread
from tests.miniprogram_api.pos.till import a_dish
from tests.races.test_open_bills import _notice

WHY = {"reason": "顾客不要了"}


def test_a_paid_bill_that_will_not_be_settled_gives_everything_back_once(
    room: Dining, wechat: Platform
) -> None:
    guest = room.guest()
    coupon = room.coupon(guest)
    token = room.token("B1")
    room.confirm(guest, room.sheet(guest, token))
    first = room.till.post("/bills/B1/give-back", WHY)
    assert first.get_json() == {"bill": "B1", "state": "withdrawn", "amount_fen": 9000}
    again = room.till.post("/bills/B1/give-back", {"reason": "再来一次"}).get_json()
    assert (again["state"], again["amount_fen"]) == ("withdrawn", 0)
    for _ in range(2):
        room.tick()
    assert room.states() == (["withdrawn"], ["refunded"])
    assert (refunded(wechat), guest.numbers()) == ([9000], [coupon])
    assert [each["kind"] for each in room.events()] == ["paid", "refunded"]
    with tenancy.acting_for(room.shop.merchant_id):
        (entry,) = db.session.scalars(
            select(AuditEntry).where(AuditEntry.action == "payment.return")
        ).all()
    assert entry.subject == "账单 B1" and entry.after is not None
    assert (entry.after["amount_fen"], entry.after["reason"]) == (9000, "顾客不要了")
    assert guest.get(f"/api/v1/bills/{token}").status_code == 404


def test_given_back_it_may_be_put_and_paid_anew(room: Dining) -> None:
    guest = room.guest()
    token = room.token("B1")
    room.confirm(guest, room.sheet(guest, token))
    room.till.post("/bills/B1/give-back", WHY)
    room.tick()
    token = room.token("B1")
    shown = guest.get(f"/api/v1/bills/{token}").get_json()
    assert (shown["state"], shown["paid"]) == ("open", None)
    room.confirm(guest, room.sheet(guest, token))
    told = room.events()
    assert [each["kind"] for each in told] == ["paid", "refunded", "paid"]
    assert room.settle_as_told(told[-1]).status_code == 201
    assert room.states() == (["settled"], ["refunded", "paid"])


def test_a_bill_paid_without_money_gives_back_its_coupon(room: Dining) -> None:
    guest = room.guest()
    coupon = room.coupon(guest, 100)
    room.pay(guest, room.token("B1", a_dish(yuan=100)))
    assert guest.numbers() == []
    assert room.till.post("/bills/B1/give-back", WHY).get_json()["amount_fen"] == 0
    assert guest.numbers() == [coupon] and room.states() == (["withdrawn"], [])


def test_only_what_was_paid_and_not_settled_is_given_back(room: Dining) -> None:
    assert said(room.till.post("/bills/B1/give-back", WHY)) == (404, "BILL_NOT_FOUND")
    guest = room.guest()
    sheet = room.sheet(guest, room.token("B1"))
    assert said(room.till.post("/bills/B1/give-back", WHY)) == (409, "BILL_NOT_PAID")
    assert said(room.till.post("/bills/B1/give-back", {"reason": ""}))[0] == 400
    room.confirm(guest, sheet)
    assert room.settle_as_told(room.events()[0]).status_code == 201
    assert said(room.till.post("/bills/B1/give-back", WHY)) == (409, "BILL_CONFLICT")
    room.token("B2")
    assert room.settle("B2", tenders=CASH).status_code == 201


def test_money_that_is_not_what_was_asked_for_is_told_once_and_not_taken(room: Dining) -> None:
    room.sheet(room.guest(), room.token("B1"))
    wrong = replace(_notice(room), amount_fen=1)
    for _ in range(3):
        with pytest.raises(PaymentMismatch):
            taking.take(wrong, now=business.now())
    reread()
    (told,) = room.events()
    assert (told["kind"], told["bill"], told["amount_fen"], told["paid_fen"]) == (
        "mismatch",
        "B1",
        10000,
        1,
    )
    assert room.states() == (["open"], ["prepared"])
