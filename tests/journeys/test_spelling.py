"""一种写法: a phone, a card, a number is found at every door (field case A)."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend import clock, tenancy
from backend.members import cards
from backend.members.phones import canonical
from scripts.wechat_platform.server import Platform
from tests.admin.desk import at_desk
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import a_member, a_shop, a_template
from tests.journeys.customers import enters
from tests.journeys.shops import a_journeys_shop
from tests.miniprogram_api.pos.till import a_dish, till_of

CARD = "4696580012345678"


@pytest.mark.parametrize(
    "said", ["\u202d13711110008\u202c", "\u200e13711110008", "+86 137-1111-0008\u200b"]
)
def test_a_till_finds_a_phone_that_was_pasted(http: FlaskClient, app: Flask, said: str) -> None:
    shop = a_shop()
    member = a_member(shop, phone="13711110008")
    answer = till_of(http, shop).post("/members/identify", {"phone": said})
    assert answer.get_json()["member"]["id"] == member


@pytest.mark.parametrize(
    "said",
    [
        "４６９６５８００１２３４５６７８",
        "4696 5800 1234 5678",
        f";{CARD}?",
        f"CODE_128,{CARD}",
        f"\u200b{CARD}",
    ],
)
def test_a_till_finds_a_card_typed_scanned_or_swiped(
    http: FlaskClient, app: Flask, said: str
) -> None:
    shop = a_shop()
    member = a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        cards.bind("4696-5800-1234-5678", member_id=member, actor="a test", now=clock.now())
    till = till_of(http, shop)
    for door in ("card", "scan"):
        answer = till.post("/members/identify", {door: said})
        assert answer.status_code == 200, answer.text
        assert answer.get_json()["member"]["id"] == member
    assert "4696580012345678" in at_desk(app, shop).read(f"/admin/cards/?flt0_0={said}")


def test_a_phone_from_hong_kong_registers_and_is_found_however_it_is_written(
    app: Flask, http: FlaskClient, wechat: Platform
) -> None:
    shop = a_journeys_shop(wechat)
    person = wechat.person(phone="+852 91234567")
    me = enters(http, wechat, shop, person)
    answer = me.post("/api/v1/phone", {"code": wechat.phone_code(person, shop.mini)})
    assert answer.get_json()["phone_masked"] == "+852****4567"
    assert canonical("+85291234567") == "+85291234567"
    till, desk = till_of(http, shop), at_desk(app, shop)
    for said in ("+85291234567", "00852 9123 4567", "852-9123-4567"):
        found = till.post("/members/identify", {"phone": said})
        assert found.get_json()["member"]["id"] == me.member_id
        assert f"id={me.member_id}" in desk.read(
            f"/admin/members/?flt0_0={said.replace('+', '%2B')}"
        )


def test_a_swiped_coupon_number_is_read(http: FlaskClient, app: Flask) -> None:
    shop = a_shop()
    number = number_of(a_coupon(shop, a_member(shop), a_template(shop)))
    answer = till_of(http, shop).post("/coupons/check", {"scan": f";\u202d{number}?"})
    assert answer.status_code == 200, answer.text


def test_a_tills_body_is_read_generously_where_nothing_can_be_misunderstood(
    http: FlaskClient, app: Flask
) -> None:
    shop = a_shop()
    till = till_of(http, shop)
    line = {**a_dish("D001", 38), "price_fen": 3800.0, "quantity": 1.0}
    sent = json.dumps({"lines": [line], "tenders": []})
    quoted = till.send("POST", "/pos/v1/quotes", b"\xef\xbb\xbf" + sent.encode())
    assert quoted.status_code == 200, quoted.text
    assert quoted.get_json()["total_fen"] == 3800
    for wrong in ("3800.5", "true", '"3800"', "3800e0"):
        body = sent.replace("3800.0", wrong).encode()
        assert till.send("POST", "/pos/v1/quotes", body).get_json()["code"] == "PARAM_ERROR"
