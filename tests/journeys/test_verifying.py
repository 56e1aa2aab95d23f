"""卡券核销: a verifier is added, scans what a customer shows, confirms; both screens tell. (S4)"""

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend import clock as business_clock
from backend import tenancy
from backend.merchants import verifiers
from scripts.wechat_platform.server import Platform
from tests.admin.desk import at_desk
from tests.builders import Shop, a_shop, a_template, reread
from tests.conftest import StillClock
from tests.journeys.customers import Customer, a_grant, enters
from tests.journeys.shops import edit

REDEEM = "/api/v1/verifier/redeem"
CHECK = "/api/v1/verifier/check"


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    shop = a_shop("huoguo")
    for app_id, kind in ((shop.oa, "official_account"), (shop.mini, "miniprogram")):
        wechat.account(app_id, kind, f"secret-{app_id}", union_group="g1")
    return shop


@pytest.fixture
def customer(http: FlaskClient, wechat: Platform, shop: Shop) -> Customer:
    """小红 with one 每满300减100 in her card pack."""
    a_template(
        shop,
        "t300",
        kind="every_full",
        rule={"threshold_fen": 30000, "reduce_fen": 10000},
        title="每满300减100",
    )
    person = wechat.person("小红")
    a_grant(shop, enters(http, wechat, shop, person).member_id, "t300")
    return enters(http, wechat, shop, person)


@pytest.fixture
def verifier(http: FlaskClient, wechat: Platform, shop: Shop) -> Customer:
    """小王, bound by the binding code of the shop (S4-20, S4-21)."""
    wang = enters(http, wechat, shop, wechat.person("小王"))
    with tenancy.acting_for(shop.merchant_id):
        token = verifiers.invite("s01", name="小王", now=business_clock.now()).token
    bound = wang.post("/api/v1/verifier/bind", {"token": token})
    assert [store["code"] for store in bound.get_json()["stores"]] == ["s01"]
    return wang


def _shown(customer: Customer) -> str:
    """What the customer's page shows as a QR code now (S4-19)."""
    (number,) = customer.numbers()
    return str(customer.get(f"/api/v1/me/coupons/{number}/qr").get_json()["text"])


def test_S4_22_S4_23_S4_24_scan_look_confirm_and_both_screens_say_so(
    customer: Customer, verifier: Customer
) -> None:
    scan = {"scan": _shown(customer), "store": "s01"}
    sheet = verifier.post(CHECK, scan).get_json()
    assert (sheet["coupon"]["title"], sheet["give"]) == (
        "每满300减100",
        "每满300元减100元，上不封顶",
    )
    assert sheet["warnings"] == ["请核对消费满300元"]
    done = verifier.post(REDEEM, scan)
    assert done.status_code == 201
    reread()
    assert customer.coupons() == []
    (redeemed,) = customer.coupons("redeemed")
    assert (redeemed["state"], redeemed["redeemed_store"]) == ("redeemed", "皇岗")
    assert redeemed["redeemed_at"] == done.get_json()["redemption"]["at"]
    history = verifier.get("/api/v1/verifier/redemptions").get_json()
    assert (history["today"], [item["number"] for item in history["items"]]) == (
        1,
        [redeemed["number"]],
    )


def test_S4_20_S4_21_a_verifier_is_added_at_the_desk_and_scans_to_begin(
    app: Flask, http: FlaskClient, wechat: Platform, shop: Shop, customer: Customer
) -> None:
    """添加核销员 → 选择门店 → 扫码: the code on the desk's page makes this person a verifier."""
    boss = at_desk(app, shop)
    page = edit(boss, "/admin/verifiers/invite/", store="s01", name="小张")
    code = re.search(r'<span class="tag">([A-Za-z0-9_-]{32})</span>', page.get_data(as_text=True))
    assert code is not None
    zhang = enters(http, wechat, shop, wechat.person("小张"))
    bound = zhang.post("/api/v1/verifier/bind", {"token": code[1]})
    assert [store["name"] for store in bound.get_json()["stores"]] == ["皇岗"]
    assert "小张" in boss.read("/admin/verifiers/")
    assert zhang.post(REDEEM, {"scan": _shown(customer), "store": "s01"}).status_code == 201
    stranger = enters(http, wechat, shop, wechat.person())
    used = stranger.post("/api/v1/verifier/bind", {"token": code[1]})
    assert (used.status_code, used.get_json()["code"]) == (422, "BIND_TOKEN_INVALID")


def test_S4_25_a_number_read_out_is_typed_in(customer: Customer, verifier: Customer) -> None:
    (number,) = customer.numbers()
    typed = f"{number[:4]} {number[4:8]} {number[8:]}"
    assert verifier.post(REDEEM, {"scan": typed, "store": "s01"}).status_code == 201
    again = verifier.post(REDEEM, {"scan": typed, "store": "s01"})
    assert (again.status_code, again.get_json()["message"]) == (
        409,
        "该券已于2026-11-23 08:00在皇岗核销",
    )


def test_S4_19_a_screenshot_is_worthless_after_a_minute(
    customer: Customer, verifier: Customer, clock: StillClock
) -> None:
    screenshot = _shown(customer)
    clock.at += timedelta(seconds=61)
    late = verifier.post(REDEEM, {"scan": screenshot, "store": "s01"})
    assert (late.status_code, late.get_json()["message"]) == (422, "二维码已过期，请顾客刷新")
    assert verifier.post(REDEEM, {"scan": _shown(customer), "store": "s01"}).status_code == 201


def test_a_mistake_is_undone_and_the_coupon_stands_in_the_card_pack_again(
    customer: Customer, verifier: Customer, clock: StillClock
) -> None:
    done = verifier.post(REDEEM, {"scan": _shown(customer), "store": "s01"}).get_json()
    clock.at += timedelta(minutes=4)
    path = f"/api/v1/verifier/redemptions/{done['redemption']['id']}/undo"
    assert verifier.post(path, {"reason": "顾客改用现金"}).get_json()["state"] == "usable"
    reread()
    assert len(customer.numbers()) == 1


def test_S4_21_whoever_is_not_bound_or_no_longer_bound_cannot_redeem(
    app: Flask, shop: Shop, customer: Customer, verifier: Customer
) -> None:
    scan = {"scan": _shown(customer), "store": "s01"}
    refused = customer.post(REDEEM, scan)
    assert (refused.status_code, refused.get_json()["message"]) == (
        403,
        "您还不是核销员，请联系商家",
    )
    with tenancy.acting_for(shop.merchant_id):
        verifiers.unbind([verifier.member_id], now=business_clock.now())
    assert verifier.post(CHECK, scan).get_json()["code"] == "NOT_A_VERIFIER"
    assert verifier.post(REDEEM, scan).get_json()["code"] == "NOT_A_VERIFIER"
