"""余额变动: a recharge and a payment by balance are told once each, beside what they report."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.messaging.models import Intent
from tests.builders import Shop, a_shop, reread
from tests.conftest import StillClock
from tests.journeys.guest import Guest, paid
from tests.miniprogram_api.pos.till import a_dish


@pytest.fixture
def guest(http: FlaskClient, clock: StillClock) -> Guest:
    return Guest(http, clock, a_shop())


def told(shop: Shop) -> list[Any]:
    """title, amount and remark of every balance message."""
    reread()
    with tenancy.acting_for(shop.merchant_id):
        found = db.session.scalars(
            select(Intent.facts).where(Intent.purpose == "balance_changed").order_by(Intent.id)
        )
        return [(facts["title"], facts["amount"], facts["remark"]) for facts in found]


def test_a_recharge_and_a_payment_are_told_once_each(guest: Guest) -> None:
    body = {"recharge": "R1", "member_id": guest.id, "principal_fen": 30000}
    for _ in range(2):
        assert guest.till.post("/recharges", body).status_code == 200
        tenders = [paid("balance", 12550), paid("cash", 7450)]
        answer = guest.settle("B1", a_dish(quantity=2), tenders=tenders)
        assert answer.status_code in (200, 201), answer.json
    assert told(guest.shop) == [
        ("充值成功", "300", "余额300元"),
        ("余额支付", "125.5", "余额174.5元"),
    ]


def test_a_bill_paid_in_cash_tells_nothing_of_the_balance(guest: Guest) -> None:
    guest.settle("B1", a_dish(), tenders=[paid("cash", 10000)])
    assert told(guest.shop) == []


def test_a_recharge_above_the_cap_is_refused_with_its_cure(guest: Guest) -> None:
    body = {"recharge": "R1", "member_id": guest.id, "principal_fen": 500001}
    answer = guest.till.post("/recharges", body)
    assert (answer.status_code, answer.json["code"]) == (422, "BALANCE_CAP")
    assert answer.json["message"] == "余额不能超过5000元"
    assert answer.json["detail"]["cap_fen"] == 500000 and answer.json["detail"]["hint"]
    assert told(guest.shop) == []
