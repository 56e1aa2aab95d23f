"""报价 over HTTP: the best coupon, why not the others, a price that holds for ten minutes."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend.coupons.models import CouponState
from tests.backend.redemption.coupons import a_coupon, number_of, state_of
from tests.builders import a_member, a_shop, a_template
from tests.conftest import StillClock
from tests.miniprogram_api.pos.till import a_bill, a_dish, till_of


def a_quote(*lines: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"lines": list(lines or (a_dish(),)), "service_fen": 500, **more}


def test_without_a_choice_the_best_coupon_is_chosen_and_each_other_one_explained(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    member = a_member(shop)
    small = a_coupon(shop, member, a_template(shop, rule={"value_fen": 1000}))
    best = a_coupon(shop, member, a_template(shop, rule={"value_fen": 3000}))
    elsewhere = a_coupon(shop, member, a_template(shop, stores=["s09"]))
    gifting = a_coupon(shop, member, a_template(shop), state=CouponState.GIFTING)
    over = a_coupon(shop, member, a_template(shop), state=CouponState.REVOKED)
    quote = till_of(http, shop).post("/quotes", a_quote(member_id=member)).get_json()
    assert (quote["total_fen"], quote["reduction_fen"], quote["to_pay_fen"]) == (10500, 3000, 7500)
    assert quote["level_discount_fen"] == quote["points_fen"] == quote["points_earned"] == 0
    (chosen,) = quote["chosen"]
    assert (chosen["number"], chosen["reduction_fen"]) == (number_of(best), 3000)
    assert chosen["lines"] == [{"line": 0, "reduction_fen": 3000}]
    told = {c["number"]: (c["applicable"], c["code"], c["reason"]) for c in quote["candidates"]}
    assert told == {
        number_of(small): (True, None, None),
        number_of(best): (True, None, None),
        number_of(elsewhere): (
            False,
            "STORE_NOT_ALLOWED",
            f"皇岗店不能使用该票券,票券【消费号{number_of(elsewhere)}】不能使用!",
        ),
        number_of(gifting): (False, "COUPON_GIFTING", "该券正在赠送中"),
    }
    assert number_of(over) not in told


def test_among_equals_the_one_that_expires_first_then_the_smaller_number(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    member, template = a_member(shop), a_template(shop)
    late = a_coupon(shop, member, template, days=20)
    soon = [a_coupon(shop, member, template, days=10) for _ in range(5)]
    quote = till_of(http, shop).post("/quotes", a_quote(member_id=member)).get_json()
    assert quote["chosen"][0]["number"] == min(map(number_of, soon))
    assert len(quote["candidates"]) == len([late, *soon])


def test_a_coupon_that_takes_nothing_off_is_not_spent(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    member = a_member(shop)
    general = a_template(shop, kind="general", rule={"text": "赠酸梅汤一杯"})
    number = number_of(a_coupon(shop, member, general))
    till = till_of(http, shop)
    assert till.post("/quotes", a_quote(member_id=member)).get_json()["chosen"] == []
    by_hand = till.post("/quotes", a_quote(coupons=[number])).get_json()
    assert [c["number"] for c in by_hand["chosen"]] == [number]


def test_a_choice_by_hand_is_kept_and_what_cannot_be_is_said(app: Flask, http: FlaskClient) -> None:
    shop, foreign = a_shop(), a_shop()
    member = a_member(shop)
    small = number_of(a_coupon(shop, member, a_template(shop, title="小券")))
    best = number_of(a_coupon(shop, member, a_template(shop, rule={"value_fen": 3000})))
    theirs = number_of(a_coupon(foreign, a_member(foreign), a_template(foreign)))
    till = till_of(http, shop)
    quote = till.post(
        "/quotes", a_quote(member_id=member, coupons=[small, best, theirs, small])
    ).get_json()
    assert quote["to_pay_fen"] == 9500
    assert [(c["number"], c["code"]) for c in quote["candidates"]] == [
        (small, None),
        (best, "NOT_COMBINABLE"),
        (theirs, "COUPON_NOT_FOUND"),
    ]
    assert quote["candidates"][1]["reason"] == "不能与小券同时使用"
    assert till.post("/quotes", a_quote(member_id=member, coupons=[])).get_json()["chosen"] == []


def test_a_quoted_price_holds_for_ten_minutes_though_the_coupons_hour_passes(
    app: Flask, http: FlaskClient, clock: StillClock
) -> None:
    shop = a_shop()
    member = a_member(shop)
    lunch = {"weekdays": [], "hours": ["11:00-14:00"]}
    clock.move_to("2026-11-23 13:55")
    coupon = a_coupon(shop, member, a_template(shop, hours=lunch))
    till = till_of(http, shop)
    quote = till.post("/quotes", a_quote(member_id=member)).get_json()
    assert quote["expires_at"] == "2026-11-23T14:05:00+08:00"
    bill = a_bill(
        service_fen=500,
        member_id=member,
        quote_id=quote["quote_id"],
        cash_fen=quote["to_pay_fen"],
        settled_at="2026-11-23T14:05:00+08:00",
    )
    clock.move_to("2026-11-23 14:05")
    refused = till.post("/bills/B1/settle", bill).get_json()
    assert (refused["code"], refused["message"]) == ("QUOTE_EXPIRED", "报价已过期，请重新计算")
    assert state_of(shop, coupon) == "usable"
    clock.move_to("2026-11-23 14:04")
    settled = till.post("/bills/B1/settle", bill | {"settled_at": "2026-11-23T14:04:59+08:00"})
    assert (settled.status_code, settled.get_json()["reduction_fen"]) == (201, 1000)
    assert "票券x1" in settled.get_json()["receipt_text"]
    assert state_of(shop, coupon) == "redeemed"


@pytest.mark.parametrize(
    "other",
    [
        {"lines": [a_dish(quantity=2)]},
        {"service_fen": 0},
        {"member_id": None},
        {"quote_id": "q-guess"},
    ],
    ids=str,
)
def test_a_quote_is_good_for_its_bill_only(
    app: Flask, http: FlaskClient, other: dict[str, Any]
) -> None:
    shop = a_shop()
    member = a_member(shop)
    till = till_of(http, shop)
    quote = till.post("/quotes", a_quote(member_id=member)).get_json()
    bill = a_bill(service_fen=500, member_id=member, quote_id=quote["quote_id"], cash_fen=10500)
    assert till.post("/bills/B1/settle", bill | other).get_json()["code"] == "QUOTE_EXPIRED"
    assert till.post("/bills/B1/settle", bill).status_code == 201


def test_a_quoted_coupon_that_was_used_meanwhile_is_refused(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    member = a_member(shop)
    number = number_of(a_coupon(shop, member, a_template(shop)))
    till = till_of(http, shop)
    quote = till.post("/quotes", a_quote(member_id=member)).get_json()
    assert till.post("/coupons/redeem", {"scan": number}).status_code == 201
    bill = a_bill(service_fen=500, member_id=member, quote_id=quote["quote_id"], cash_fen=9500)
    refused = till.post("/bills/B1/settle", bill)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "COUPON_REDEEMED")


def test_a_coupon_locked_by_a_bill_waits_for_it_fifteen_minutes(
    app: Flask, http: FlaskClient, clock: StillClock
) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop))
    number, till = number_of(coupon), till_of(http, shop)
    locked = till.post("/bills/B1/lock", {"coupons": [number]})
    assert locked.get_json() == {
        "bill": "B1",
        "locked": [number],
        "expires_at": "2026-11-23T08:15:00+08:00",
    }
    for path, body in [
        ("/bills/B2/lock", {"coupons": [number]}),
        ("/coupons/redeem", {"scan": number}),
        ("/bills/B2/settle", a_bill(coupon=number, cash_fen=9000)),
    ]:
        refused = till.post(path, body)
        assert (refused.status_code, refused.get_json()["code"]) == (409, "COUPON_LOCKED")
    assert till.post("/bills/B2/unlock").get_json()["unlocked"] == []
    assert till.post("/bills/B1/unlock").get_json()["unlocked"] == [number]
    assert till.post("/bills/B2/lock", {"coupons": [number]}).status_code == 200
    clock.at += timedelta(minutes=15)
    settled = a_bill(coupon=number, cash_fen=9000, settled_at="2026-11-23T08:15:00+08:00")
    assert till.post("/bills/B1/settle", settled).status_code == 201


def test_the_bill_that_locked_a_coupon_uses_it(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop))
    spare = a_coupon(shop, a_member(shop), a_template(shop))
    number, till = number_of(coupon), till_of(http, shop)
    locked = {"coupons": [number, number_of(spare)]}
    assert till.post("/bills/B1/lock", locked).status_code == 200
    assert till.post("/quotes", a_quote(member_id=member)).get_json()["chosen"] == []
    own = till.post("/quotes", a_quote(member_id=member, bill="B1")).get_json()
    assert [c["number"] for c in own["chosen"]] == [number]
    bill = a_bill(service_fen=500, member_id=member, quote_id=own["quote_id"], cash_fen=9500)
    assert till.post("/bills/B1/settle", bill).status_code == 201
    assert (state_of(shop, coupon), state_of(shop, spare)) == ("redeemed", "usable")


def test_locking_is_all_or_nothing(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    member, template = a_member(shop), a_template(shop)
    good = a_coupon(shop, member, template)
    bad = a_coupon(shop, member, template, state=CouponState.REVOKED)
    body = {"coupons": [number_of(good), number_of(bad)]}
    refused = till_of(http, shop).post("/bills/B1/lock", body)
    assert refused.get_json()["code"] == "COUPON_REVOKED"
    assert state_of(shop, good) == "usable"
