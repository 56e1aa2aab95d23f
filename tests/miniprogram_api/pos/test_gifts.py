"""会员消费送优惠券 at the till: which bills bring a claim link, and what stands behind it."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import JsonValue

from backend import clock, tenancy
from backend.campaigns import lifecycle, links
from backend.campaigns.errors import ClaimLapsed
from backend.campaigns.models import GrantState
from tests.backend.campaigns.plans import (
    a_campaign,
    change_member,
    coupons_of,
    gives,
    grants_of,
    template,
)
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import Shop, a_member, a_shop, a_store, a_template
from tests.conftest import StillClock
from tests.miniprogram_api.pos.till import a_bill, a_dish, till_of

TWO_DAYS: dict[str, JsonValue] = {"kind": "days", "days": 2}


def a_gift(
    shop: Shop,
    code: str = "gift",
    *,
    yuan: int = 100,
    stock: int | None = None,
    per_member: int | None = None,
    **more: Any,  # noqa: ANN401
) -> int:
    """满 ``yuan`` 赠: one coupon of its own."""
    a_template(shop, f"{code}-coupon", stock=stock, per_member=per_member)
    rules: JsonValue = [{"paid_fen": yuan * 100, "coupons": gives(f"{code}-coupon")}]
    settings: dict[str, JsonValue] = {"rules": rules, "claim_window": TWO_DAYS}
    return a_campaign(shop, code, "consumption_gift", settings, **more)


def settle(
    http: FlaskClient,
    shop: Shop,
    yuan: int,
    *,
    number: str = "B1",
    coupon: str | None = None,
    cash_fen: int | None = None,
    member_id: int | None = None,
) -> dict[str, Any]:
    bill = a_bill(a_dish("D1", yuan), coupon=coupon, cash_fen=cash_fen, member_id=member_id)
    answer = till_of(http, shop).post(f"/bills/{number}/settle", bill)
    assert answer.status_code == 201, answer.get_json()
    settled: dict[str, Any] = answer.get_json()
    return settled


def test_a_bill_that_reaches_the_rule_brings_a_link_for_its_receipt(
    app: Flask, http: FlaskClient
) -> None:
    """S2-51."""
    shop = a_shop()
    member, campaign = a_member(shop), a_gift(shop)
    settled = settle(http, shop, 100, member_id=member)

    gift = settled["gift"]
    assert gift["url"] == f"http://127.0.0.1:8000/h5/claims/{gift['id']}"
    assert gift["svg"].startswith("<svg")
    assert gift["url"] in settled["receipt_text"].splitlines()
    (grant,) = grants_of(shop, campaign)
    assert (grant.state, grant.member_id) == (GrantState.LINKED, member)
    assert settle(http, shop, 100, member_id=member) == settled
    assert len(grants_of(shop, campaign)) == 1


def test_what_a_coupon_paid_does_not_count_towards_the_rule(app: Flask, http: FlaskClient) -> None:
    """S2-54: 实付金额，而非订单金额."""
    shop = a_shop()
    member = a_member(shop)
    a_gift(shop)
    coupon = a_coupon(shop, member, a_template(shop, kind="cash", rule={"value_fen": 1000}))
    number = number_of(coupon)
    short = settle(http, shop, 109, member_id=member, coupon=number, cash_fen=9900)
    assert (short["paid_fen"], short["gift"]) == (9900, None)
    assert settle(http, shop, 100, number="B2", member_id=member)["gift"] is not None


@pytest.mark.parametrize("method", ["cash", "wechat", "card"])
def test_any_money_tender_counts(app: Flask, http: FlaskClient, method: str) -> None:
    """S2-55."""
    shop = a_shop()
    a_gift(shop)
    bill = a_bill(a_dish("D1", 100), member_id=a_member(shop))
    bill["tenders"] = [{"method": method, "amount_fen": 10000}]
    assert till_of(http, shop).post("/bills/B1/settle", bill).get_json()["gift"] is not None


def test_without_a_member_there_is_no_gift(app: Flask, http: FlaskClient) -> None:
    """S2-55."""
    shop = a_shop()
    a_gift(shop)
    settled = settle(http, shop, 500)
    assert settled["gift"] is None
    assert "/h5/" not in settled["receipt_text"]


def test_the_highest_rule_counts_unless_all_do(app: Flask, http: FlaskClient) -> None:
    """S2-53."""
    shop = a_shop()
    for code in ("small", "big"):
        a_template(shop, code)
    rules: JsonValue = [
        {"paid_fen": 20000, "coupons": gives("big")},
        {"paid_fen": 10000, "coupons": gives("small")},
    ]
    settings: dict[str, JsonValue] = {"rules": rules, "claim_window": {"kind": "anytime"}}
    highest = a_campaign(shop, "highest", "consumption_gift", settings)
    every = a_campaign(shop, "every", "consumption_gift", {**settings, "all": True})
    settle(http, shop, 200, member_id=a_member(shop))
    assert len(grants_of(shop, highest)) == 1
    assert len(grants_of(shop, every)) == 2
    assert len({grant.link_id for grant in grants_of(shop)}) == 1


def test_only_the_stores_of_the_campaign_give(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    a_store(shop, "s02", "宝安")
    a_gift(shop, stores=("s02",))
    assert settle(http, shop, 500, member_id=a_member(shop))["gift"] is None


@pytest.mark.parametrize(
    "hindrance", ["paused", "no package", "blacklisted", "sold out", "budget", "limit", "too late"]
)
def test_what_hinders_the_gift_does_not_hinder_the_bill(
    app: Flask, http: FlaskClient, clock: StillClock, hindrance: str
) -> None:
    shop = a_shop(subscribed=hindrance != "no package")
    member = a_member(shop)
    campaign = a_gift(
        shop,
        stock=1 if hindrance == "sold out" else None,
        per_member=1 if hindrance == "limit" else None,
        budget_total=1 if hindrance == "budget" else None,
    )
    if hindrance in ("sold out", "budget", "limit"):
        assert settle(http, shop, 100, number="B0", member_id=member)["gift"] is not None
    if hindrance == "paused":
        with tenancy.acting_for(shop.merchant_id):
            lifecycle.pause(campaign, now=clock.at)
    if hindrance == "blacklisted":
        change_member(shop, member, blacklisted=True)
    if hindrance == "too late":
        clock.move_to("2026-11-25 00:00")
    settled = settle(http, shop, 100, member_id=member)
    assert settled["gift"] is None
    if hindrance == "sold out":
        assert template(shop, "gift-coupon").issued == 1


def refund(http: FlaskClient, shop: Shop, number: str = "R1", **more: JsonValue) -> None:
    body = {"refund": number, "reason": "不要了", **more}
    assert till_of(http, shop).post("/bills/B1/refund", body).status_code == 200


def test_a_full_refund_takes_back_the_gift_that_nobody_claimed(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    member, campaign = a_member(shop), a_gift(shop, stock=5)
    gift = settle(http, shop, 100, member_id=member)["gift"]
    refund(http, shop)
    assert [grant.state for grant in grants_of(shop, campaign)] == [GrantState.REVOKED]
    assert template(shop, "gift-coupon").issued == 0
    with tenancy.acting_for(shop.merchant_id), pytest.raises(ClaimLapsed):
        links.claim(gift["id"], member_id=member, now=clock.now())


def test_a_full_refund_revokes_the_gifts_coupons_that_are_not_used_yet(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    member, guest = a_member(shop), a_member(shop)
    a_template(shop, "pair")
    rules: JsonValue = [{"paid_fen": 10000, "coupons": gives("pair", quantity=2)}]
    settings: dict[str, JsonValue] = {"rules": rules, "claim_window": TWO_DAYS}
    a_campaign(shop, "gift", "consumption_gift", settings)
    gift = settle(http, shop, 100, member_id=member)["gift"]
    with tenancy.acting_for(shop.merchant_id):
        used, _ = links.claim(gift["id"], member_id=guest, now=clock.now())
    settle(http, shop, 50, number="B2", member_id=guest, coupon=number_of(used), cash_fen=4000)
    refund(http, shop)
    assert [coupon.state for coupon in coupons_of(shop, guest)] == ["redeemed", "revoked"]


def test_a_refund_in_part_leaves_the_gift(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    a_gift(shop)
    bill = a_bill(a_dish("D1", 60), a_dish("D2", 60), member_id=a_member(shop))
    till_of(http, shop).post("/bills/B1/settle", bill)
    refund(http, shop, lines=[{"line": 0, "quantity": 1}])
    assert [grant.state for grant in grants_of(shop)] == [GrantState.LINKED]
    refund(http, shop, "R2", lines=[{"line": 1, "quantity": 1}])
    assert [grant.state for grant in grants_of(shop)] == [GrantState.REVOKED]
