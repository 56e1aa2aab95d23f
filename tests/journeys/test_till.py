"""收银: a till knows its guest, prices the bill, settles it; counters and class follow. (S0, S1)"""

from collections.abc import Mapping

import pytest
from flask import Flask
from flask.testing import FlaskClient

from scripts.wechat_platform.server import Platform
from tests.backend.redemption.coupons import a_coupon, number_of, redemptions_of
from tests.builders import Shop, a_member, a_shop, a_template, reread
from tests.journeys.customers import Customer, a_grant, enters
from tests.miniprogram_api.pos.till import TillClient, a_bill, a_dish, till_of

FEAST = (a_dish("D001", 100, quantity=7), a_dish("D002", 500, name="鱼"))
"""¥1,200."""


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    shop = a_shop("huoguo")
    for app_id, kind in ((shop.oa, "official_account"), (shop.mini, "miniprogram")):
        wechat.account(app_id, kind, f"secret-{app_id}", union_group="g1")
    return shop


@pytest.fixture
def till(http: FlaskClient, shop: Shop) -> TillClient:
    return till_of(http, shop)


def _guest(http: FlaskClient, wechat: Platform, shop: Shop) -> Customer:
    """Logged in, with a 每满300减100 granted since, which waits for the next login."""
    a_template(
        shop,
        "t300",
        kind="every_full",
        rule={"threshold_fen": 30000, "reduce_fen": 10000},
        title="每满300减100",
    )
    guest = enters(http, wechat, shop, wechat.person("小红"))
    a_grant(shop, guest.member_id, "t300")
    return guest


def test_from_the_member_code_to_the_receipt(
    http: FlaskClient, wechat: Platform, shop: Shop, till: TillClient
) -> None:
    """S0-19: one coupon of 每满300减100 takes ¥400 off ¥1,200; S3-25: identifying claims."""
    guest = _guest(http, wechat, shop)
    code = guest.get("/api/v1/me/qr").get_json()["text"]
    known = till.post("/members/identify", {"scan": code}).get_json()
    assert known["member"]["id"] == guest.member_id
    (claimed,) = known["claimed"]
    assert [coupon["number"] for coupon in known["coupons"]] == [claimed["number"]]

    asked = {"member_id": known["member"]["id"], "lines": list(FEAST), "service_fen": 0}
    quote = till.post("/quotes", asked).get_json()
    assert (quote["total_fen"], quote["reduction_fen"], quote["to_pay_fen"]) == (
        120000,
        40000,
        80000,
    )
    assert [each["number"] for each in quote["chosen"]] == [claimed["number"]]

    bill = a_bill(*FEAST, member_id=guest.member_id, quote_id=quote["quote_id"], cash_fen=80000)
    settled = till.post("/bills/B1/settle", bill)
    assert settled.status_code == 201
    told = settled.get_json()
    assert (told["paid_fen"], told["reduction_fen"], told["class"]) == (80000, 40000, "ordinary")
    assert till.post("/bills/B1/settle", bill).get_json() == told
    reread()
    assert guest.coupons() == []
    (redeemed,) = guest.coupons("redeemed")
    assert redeemed["number"] == claimed["number"]
    assert guest.get("/api/v1/me").get_json()["class"] == "ordinary"


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"phone": "18199999999"}, 404, "MEMBER_NOT_FOUND"),
        ({"card": "8001"}, 404, "CARD_NOT_FOUND"),
        ({"scan": "QB1MAAAA"}, 404, "MEMBER_NOT_FOUND"),
        ({"scan": "QB1CAAAA"}, 404, "MEMBER_NOT_FOUND"),
        ({"scan": "8001"}, 404, "MEMBER_NOT_FOUND"),
        ({"phone": "12"}, 400, "PARAM_ERROR"),
        ({}, 400, "PARAM_ERROR"),
        ({"phone": "18100004469", "card": "8001"}, 400, "PARAM_ERROR"),
    ],
    ids=str,
)
def test_nobody_is_taken_for_somebody_else(
    till: TillClient, shop: Shop, wrong: Mapping[str, str], status: int, code: str
) -> None:
    a_member(shop, phone="18100004469")
    answer = till.post("/members/identify", dict(wrong))
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


def test_a_member_is_known_by_phone_and_shown_masked(till: TillClient, shop: Shop) -> None:
    member = a_member(shop, phone="18100004469", nickname="阿强")
    known = till.post("/members/identify", {"phone": "181 0000 4469"}).get_json()
    assert (known["member"]["id"], known["member"]["phone_masked"]) == (member, "181****4469")


def test_S1_04_05_a_gift_needs_its_dish_by_number_not_by_name(till: TillClient, shop: Shop) -> None:
    member = a_member(shop)
    gift = a_template(shop, kind="gift", rule={"dishes": ["D001"], "quantity": 1})
    number = number_of(a_coupon(shop, member, gift))
    by_name = till.post(
        "/coupons/check", {"scan": number, "lines": [a_dish("D777", 38, name="D001")]}
    )
    assert by_name.get_json()["message"] == "订单中没有此券相关菜品,不能使用"
    by_number = till.post("/coupons/check", {"scan": number, "lines": [a_dish("D001", 38)]})
    assert by_number.status_code == 200
    bill = a_bill(a_dish("D001", 38, quantity=2), coupon=number, cash_fen=3800)
    assert till.post("/bills/B1/settle", bill).get_json()["reduction_fen"] == 3800


def test_a_till_redeems_without_a_bill_and_undoes_it_a_day_long(
    app: Flask, till: TillClient, shop: Shop
) -> None:
    number = number_of(a_coupon(shop, a_member(shop), a_template(shop)))
    done = till.post("/coupons/redeem", {"scan": number})
    assert done.status_code == 201
    redemption = done.get_json()["redemption"]
    assert (redemption["store"], redemption["by"]) == ("s01", f"till {shop.pos_key}")
    undone = till.post(f"/redemptions/{redemption['id']}/undo", {"reason": "退菜"})
    assert (undone.status_code, undone.get_json()["state"]) == (200, "usable")
    again = till.post(f"/redemptions/{redemption['id']}/undo", {"reason": "退菜"})
    assert again.status_code == 200
    assert till.post("/redemptions/999999/undo", {"reason": "退菜"}).status_code == 404


def test_a_repeated_request_has_one_effect_and_another_body_is_a_conflict(
    till: TillClient, shop: Shop
) -> None:
    """C-12: signed anew each time, under one key."""
    member, template = a_member(shop), a_template(shop)
    first, other = (number_of(a_coupon(shop, member, template)) for _ in range(2))
    key = {"Idempotency-Key": "till-1"}
    done = till.post("/coupons/redeem", {"scan": first}, **key)
    again = till.post("/coupons/redeem", {"scan": first}, **key)
    assert (again.status_code, again.get_json()) == (201, done.get_json())
    conflict = till.post("/coupons/redeem", {"scan": other}, **key)
    assert (conflict.status_code, conflict.get_json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")


def test_a_coupon_used_on_a_bill_comes_back_with_the_bill_not_alone(
    till: TillClient, shop: Shop
) -> None:
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    bill = a_bill(coupon=number_of(coupon), cash_fen=9000)
    assert till.post("/bills/B1/settle", bill).status_code == 201
    (record,) = redemptions_of(shop, coupon)
    refused = till.post(f"/redemptions/{record.id}/undo", {"reason": "退菜"})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "REDEEMED_ON_BILL")
