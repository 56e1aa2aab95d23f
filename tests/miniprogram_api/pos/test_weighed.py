"""What is sold by weight: 0.5 斤, a fen rounded half up, refunded in parts that are the whole."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend.reports import doctor
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import a_member, a_shop, a_template
from tests.miniprogram_api.pos.till import a_bill, a_dish, till_of

FISH = {"dish": "F1", "name": "鲈鱼", "price_fen": 3801, "unit": "斤"}


@pytest.mark.parametrize(
    ("quantity", "fen"), [("0.5", 1901), ("1.250", 4751), ("0.001", 4), (2, 7602), ("2.0", 7602)]
)
def test_a_weighed_line_is_price_times_weight_rounded_half_up(
    app: Flask, http: FlaskClient, quantity: str | int, fen: int
) -> None:
    till = till_of(http, a_shop())
    lines = [FISH | {"quantity": quantity}]
    assert till.post("/quotes", {"lines": lines}).get_json()["total_fen"] == fen
    body = a_bill(a_dish()) | {"lines": lines, "tenders": [{"method": "cash", "amount_fen": fen}]}
    done = till.post("/bills/B1/settle", body)
    assert (done.status_code, done.get_json()["paid_fen"]) == (201, fen)
    assert doctor.check() == []


def test_half_a_pound_is_half_a_pound_on_paper_and_back_in_parts(
    app: Flask, http: FlaskClient
) -> None:
    till = till_of(http, a_shop())
    body = a_bill(a_dish()) | {"lines": [FISH | {"quantity": "0.5"}]}
    body |= {"tenders": [{"method": "cash", "amount_fen": 1901}]}
    assert "0.5斤" in till.post("/bills/B1/settle", body).get_json()["receipt_text"]
    back = [
        till.post(
            "/bills/B1/refund", {"refund": f"R{n}", "lines": [{"line": 0, "quantity": "0.125"}]}
        ).get_json()["refunded_fen"]
        for n in range(3)
    ]
    assert back == [475, 475, 475]
    beyond = {"refund": "R8", "lines": [{"line": 0, "quantity": "0.126"}]}
    assert till.post("/bills/B1/refund", beyond).get_json()["code"] == "REFUND_EXCEEDS"
    rest = till.post("/bills/B1/refund", {"refund": "R9"}).get_json()["refunded_fen"]
    assert sum(back) + rest == 1901
    assert doctor.check() == []


@pytest.mark.parametrize(("quantity", "off"), [("1.5", 3801), ("2.999", 7602)])
def test_a_gift_coupon_counts_whole_pieces_only(
    app: Flask, http: FlaskClient, quantity: str, off: int
) -> None:
    shop = a_shop()
    rule = {"dishes": ["F1"], "quantity": 3}
    coupon = a_coupon(shop, a_member(shop), a_template(shop, kind="gift", rule=rule))
    asked = {"lines": [FISH | {"quantity": quantity}], "coupons": [number_of(coupon)]}
    assert till_of(http, shop).post("/quotes", asked).get_json()["reduction_fen"] == off


def test_a_gift_coupon_is_refused_where_there_is_no_whole_piece(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    rule = {"dishes": ["F1"], "quantity": 1}
    coupon = a_coupon(shop, a_member(shop), a_template(shop, kind="gift", rule=rule))
    asked = {"lines": [FISH | {"quantity": "0.999"}], "coupons": [number_of(coupon)]}
    (told,) = till_of(http, shop).post("/quotes", asked).get_json()["candidates"]
    assert (told["applicable"], told["code"]) == (False, "DISH_MISSING")
