"""领取链接 over the customer's API (spec/08)."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend.campaigns.models import ClaimLinkKind
from scripts.wechat_platform.server import Platform
from tests.backend.campaigns.test_links import a_gift, a_link
from tests.builders import Shop, a_member
from tests.conftest import StillClock
from tests.journeys.customers import enters
from tests.journeys.shops import a_journeys_shop


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    return a_journeys_shop(wechat)


def test_a_link_shows_what_it_promises_then_whose_it_is(
    app: Flask, http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    link = a_link(shop, a_member(shop), a_gift(shop, title="下次立减10元"))
    first = enters(http, wechat, shop, wechat.person("先"))
    second = enters(http, wechat, shop, wechat.person("后"))

    shown = first.get(f"/api/v1/claims/{link.code}").get_json()
    assert shown["state"] == "open"
    (coupon,) = shown["coupons"]
    assert (coupon["number"], coupon["state"]) == (None, "promised")
    assert coupon["title"] == "下次立减10元"
    assert coupon["rule"] == {"value_fen": 1000}
    assert coupon["stores"] == "all"
    assert coupon["valid_from"] == "2026-11-23T00:00:00+08:00"
    assert coupon["valid_to"] == "2026-12-22T23:59:59+08:00"

    claimed = first.post(f"/api/v1/claims/{link.code}", {})
    assert claimed.status_code == 200
    (mine,) = claimed.get_json()["claimed"]
    assert first.numbers() == [mine["number"]]

    shown = first.get(f"/api/v1/claims/{link.code}").get_json()
    assert (shown["state"], shown["coupons"][0]["number"]) == ("claimed", mine["number"])
    shown = second.get(f"/api/v1/claims/{link.code}").get_json()
    assert (shown["state"], shown["coupons"][0]["number"]) == ("claimed", None)
    for late in (first, second):
        refused = late.post(f"/api/v1/claims/{link.code}", {})
        said = refused.get_json()
        assert (refused.status_code, said["code"]) == (409, "ALREADY_CLAIMED")
        assert said["message"] == "已领取"


def test_past_its_window_a_link_is_lapsed(
    app: Flask, http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    end = clock.at + timedelta(days=1)
    link = a_link(shop, a_member(shop), a_gift(shop), until=end)
    customer = enters(http, wechat, shop, wechat.person())
    clock.at = end
    assert customer.get(f"/api/v1/claims/{link.code}").get_json()["state"] == "lapsed"
    refused = customer.post(f"/api/v1/claims/{link.code}", {})
    said = refused.get_json()
    assert (refused.status_code, said["code"]) == (422, "CLAIM_LAPSED")
    assert said["message"] == "已过领取时间"


def test_anothers_exchange_and_another_merchants_link_are_not_found(
    app: Flask, http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    elsewhere = a_journeys_shop(wechat)
    exchange = a_link(shop, a_member(shop), a_gift(shop), kind=ClaimLinkKind.EXCHANGE)
    foreign = a_link(elsewhere, a_member(elsewhere), a_gift(elsewhere))
    customer = enters(http, wechat, shop, wechat.person())
    for code, hint in (
        (exchange.code, "请用兑换时的会员账号登录"),
        (foreign.code, None),
        ("nothing", None),
    ):
        for answer in (
            customer.get(f"/api/v1/claims/{code}"),
            customer.post(f"/api/v1/claims/{code}", {}),
        ):
            said = answer.get_json()
            assert (answer.status_code, said["code"]) == (404, "CLAIM_NOT_FOUND")
            assert said["detail"].get("hint") == hint


def test_nobody_claims_without_a_token(app: Flask, http: FlaskClient) -> None:
    for answer in (http.get("/api/v1/claims/x"), http.post("/api/v1/claims/x")):
        assert (answer.status_code, answer.get_json()["code"]) == (401, "UNAUTHENTICATED")
