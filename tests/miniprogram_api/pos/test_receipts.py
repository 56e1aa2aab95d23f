"""小票 over HTTP: as data, text and ESC/POS; printed again, it says which time. (S1-21)"""

import base64

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.builders import a_shop
from tests.miniprogram_api.pos.till import a_bill, a_dish, till_of


def test_a_reprint_says_which_time_and_changes_nothing_else(app: Flask, http: FlaskClient) -> None:
    till = till_of(http, a_shop())
    first = till.post("/bills/B1/settle", a_bill()).get_json()
    assert first["receipt"]["printed"] == 1 and "第1次打印" in first["receipt_text"]
    for n in (2, 3):
        again = till.get("/bills/B1/receipt").get_json()
        assert (again["bill"], again["printed"]) == ("B1", n)
        assert again["receipt"] == first["receipt"] | {"printed": n}
        assert again["receipt_text"] == first["receipt_text"].replace("第1次", f"第{n}次")
        printed = base64.b64decode(again["receipt_escpos"])
        assert f"第{n}次打印".encode("gbk") in printed
    assert till.post("/bills/B1/settle", a_bill()).get_json() == first


def test_the_paper_may_be_wide(app: Flask, http: FlaskClient) -> None:
    till = till_of(http, a_shop())
    done = till.post("/bills/B1/settle?width=48", a_bill()).get_json()
    assert b"-" * 48 in base64.b64decode(done["receipt_escpos"])
    assert "-" * 48 in till.get("/bills/B1/receipt?width=48").get_json()["receipt_text"]
    narrow = base64.b64decode(till.get("/bills/B1/receipt").get_json()["receipt_escpos"])
    assert b"-" * 32 in narrow and b"-" * 33 not in narrow


@pytest.mark.parametrize("width", ["40", "", "x", "0032"])
def test_other_paper_is_refused_and_not_counted(app: Flask, http: FlaskClient, width: str) -> None:
    till = till_of(http, a_shop())
    till.post("/bills/B1/settle", a_bill())
    refused = till.get(f"/bills/B1/receipt?width={width}")
    assert (refused.status_code, refused.get_json()["code"]) == (400, "PARAM_ERROR")
    assert till.get("/bills/B1/receipt").get_json()["printed"] == 2


def test_what_was_not_settled_here_has_no_receipt(app: Flask, http: FlaskClient) -> None:
    shop, foreign = a_shop(), a_shop()
    till_of(http, foreign).post("/bills/B1/settle", a_bill())
    refused = till_of(http, shop).get("/bills/B1/receipt")
    assert (refused.status_code, refused.get_json()["code"]) == (404, "BILL_NOT_FOUND")


def test_a_reprint_after_a_refund_says_what_went_back(app: Flask, http: FlaskClient) -> None:
    till = till_of(http, a_shop())
    till.post("/bills/B1/settle", a_bill(a_dish(quantity=2)))
    till.post("/bills/B1/refund", {"refund": "T1", "lines": [{"line": 0, "quantity": 1}]})
    again = till.get("/bills/B1/receipt").get_json()
    assert again["receipt"]["refunded_fen"] == 10000
    assert "已退款:                  -100.00" in again["receipt_text"].splitlines()
