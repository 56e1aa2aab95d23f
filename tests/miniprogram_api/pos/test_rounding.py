"""抹零: 87.50 paid as 87. Taken off last, within the merchant's limit, given back exactly."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from backend import tenancy
from backend.database import db, transaction
from backend.merchants.models import Merchant
from backend.reports import doctor
from backend.sales.models import Bill, BillLine
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import Shop, a_member, a_shop, a_template, reread
from tests.miniprogram_api.pos.till import a_bill, till_of

LINES: list[dict[str, Any]] = [
    {"dish": "D1", "name": "毛肚", "quantity": 3, "price_fen": 2500},
    {"dish": "D2", "name": "米饭", "quantity": 1, "price_fen": 1250},
]
"""¥87.50."""


def rounded(fen: int = 50, *, paid_fen: int | None = None, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    paid = 8750 - fen if paid_fen is None else paid_fen
    return a_bill(*LINES, cash_fen=paid, rounding_fen=fen, **more)


def kept(shop: Shop) -> tuple[Bill, list[BillLine]]:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        lines = db.session.scalars(select(BillLine).order_by(BillLine.line)).all()
        return db.session.scalars(select(Bill)).one(), list(lines)


def test_eighty_seven_fifty_is_paid_as_eighty_seven(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    member = a_member(shop)
    done = till_of(http, shop).post("/bills/B1/settle", rounded(member_id=member))
    told = done.get_json()
    assert (done.status_code, told["paid_fen"], told["reduction_fen"]) == (201, 8700, 50)
    rows = [row.split() for row in told["receipt_text"].splitlines()]
    assert ["抹零:", "-0.50"] in rows and ["应付金额:", "87.00"] in rows
    assert told["receipt"]["rounding_fen"] == 50
    bill, lines = kept(shop)
    assert (bill.rounding_fen, bill.manual_fen, bill.paid_fen) == (50, 0, 8700)
    assert sum(line.rounding_fen for line in lines) == 50
    assert doctor.check() == []


def test_it_comes_off_after_the_coupon_and_the_tenders_must_pay_the_rest(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    coupon = number_of(a_coupon(shop, a_member(shop), a_template(shop)))
    till = till_of(http, shop)
    unrounded = till.post("/bills/B1/settle", rounded(paid_fen=7750, coupon=coupon)).get_json()
    assert (unrounded["code"], unrounded["detail"]["to_pay_fen"]) == ("TENDER_MISMATCH", 7700)
    told = till.post("/bills/B1/settle", rounded(paid_fen=7700, coupon=coupon)).get_json()
    assert (told["paid_fen"], told["reduction_fen"]) == (7700, 1050)
    assert [str(each) for each in doctor.check() if "grant_id" not in str(each)] == []


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_refund_whole_or_in_parts_gives_back_what_was_paid(
    app: Flask, http: FlaskClient, *, in_parts: bool
) -> None:
    shop = a_shop()
    till = till_of(http, shop)
    till.post("/bills/B1/settle", rounded(member_id=a_member(shop)))
    one = {"lines": [{"line": 0, "quantity": 1}]}
    parts = [{"refund": f"R{n}", **one} for n in range(3)] if in_parts else []
    back = [till.post("/bills/B1/refund", each).get_json() for each in [*parts, {"refund": "R9"}]]
    assert sum(each["refunded_fen"] for each in back) == 8700
    assert back[-1]["points_total"] == 0
    assert doctor.check() == []


@pytest.mark.parametrize(("limit_fen", "asked_fen"), [(99, 100), (0, 1), (500, 501)])
def test_more_than_the_merchant_lets_is_refused_and_says_how_much(
    app: Flask, http: FlaskClient, limit_fen: int, asked_fen: int
) -> None:
    shop = a_shop()
    with transaction():
        db.session.execute(
            update(Merchant).where(Merchant.id == shop.merchant_id).values(rounding_fen=limit_fen)
        )
    till = till_of(http, shop)
    refused = till.post("/bills/B1/settle", rounded(asked_fen))
    said = refused.get_json()
    assert (refused.status_code, said["code"]) == (422, "ROUNDING_BEYOND")
    assert said["message"] == f"本单抹零最多{limit_fen / 100:g}元"
    assert said["detail"]["most_fen"] == limit_fen and "商家" in said["detail"]["hint"]
    assert till.post("/bills/B1/settle", rounded(limit_fen)).status_code == 201
    assert doctor.check() == []


def test_the_service_fee_is_not_rounded_away(app: Flask, http: FlaskClient) -> None:
    till = till_of(http, a_shop())
    dish = {"dish": "D1", "name": "纸巾", "quantity": 1, "price_fen": 10}
    bill = a_bill(dish, cash_fen=480, service_fen=500, rounding_fen=30)
    assert till.post("/bills/B1/settle", bill).get_json()["detail"]["most_fen"] == 10


def test_sent_again_offline_it_is_the_same_bill_and_unsaid_it_is_none(
    app: Flask, http: FlaskClient
) -> None:
    till = till_of(http, a_shop())
    done = till.post("/bills/B1/settle", rounded()).get_json()
    offline = {"bills": [{"bill": "B1", **rounded()}, {"bill": "B2", **rounded(100)}]}
    again, beyond = till.post("/bills/replay", offline).get_json()["items"]
    assert again["answer"]["paid_fen"] == done["paid_fen"] == 8700
    assert (beyond["status"], beyond["error"]["code"]) == (422, "ROUNDING_BEYOND")
    assert till.post("/bills/B1/settle", rounded(0)).status_code == 409
    plain = a_bill(*LINES)
    assert till.post("/bills/B3/settle", plain).status_code == 201
    assert till.post("/bills/B3/settle", plain | {"rounding_fen": 0}).status_code == 201
