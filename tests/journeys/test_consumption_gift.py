"""会员消费送优惠券 from the desk to the next visit: a threshold on what was really paid, a code on
the receipt, claimed once by whoever scans it first. (S2-51…57; R-09)"""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import JsonValue

from backend.campaigns import link_end, links
from scripts.wechat_platform.server import Platform
from tests.admin.desk import at_desk
from tests.backend.campaigns.plans import a_campaign, coupons_of, gives, template
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import Shop, a_member, a_template
from tests.conftest import StillClock
from tests.journeys.customers import enters
from tests.journeys.forms import as_shown
from tests.journeys.guest import is_sound, paid, said
from tests.journeys.shops import a_journeys_shop
from tests.miniprogram_api.h5.browser import WechatBrowser
from tests.miniprogram_api.pos.till import TillClient, a_bill, a_dish, till_of

PHONE = "13800000001"


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    return a_journeys_shop(wechat)


@pytest.fixture
def till(http: FlaskClient, shop: Shop) -> TillClient:
    return till_of(http, shop)


@pytest.fixture(autouse=True)
def sound(app: Flask) -> Any:  # noqa: ANN401
    yield
    is_sound()


def run(shop: Shop, *rules: tuple[int, str], **settings: JsonValue) -> int:
    """Start it: (yuan really paid, template) for each rule."""
    said: dict[str, JsonValue] = {
        "rules": [{"paid_fen": yuan * 100, "coupons": gives(code)} for yuan, code in rules],
        "claim_window": {"kind": "days", "days": 7},
        **settings,
    }
    return a_campaign(shop, "gift", "consumption_gift", said)


def settle(till: TillClient, number: str, *tenders: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """账单 of ¥100 unless said otherwise."""
    bill = a_bill(a_dish("D1", more.pop("yuan", 100)), **more)
    if tenders:
        bill["tenders"] = list(tenders)
    answer = till.post(f"/bills/{number}/settle", bill)
    assert answer.status_code == 201, answer.get_json()
    told: dict[str, Any] = answer.get_json()
    return told


def test_S2_51_57_a_friend_scans_the_receipt_first_and_the_next_visit_is_cheaper(
    app: Flask, wechat: Platform, shop: Shop, till: TillClient, clock: StillClock
) -> None:
    """The payer's receipt carries a code; a friend scans it and claims; whoever scans it again,
    the friend too, reads 已领取; at the friend's next visit the coupon is used by itself."""
    a_template(shop, "off80", kind="discount", rule={"rate_bp": 8000}, title="8折券")
    run(shop, (100, "off80"))
    payer = a_member(shop, phone=PHONE)

    settled = settle(till, "B1", member_id=payer, yuan=120)
    gift = settled["gift"]
    assert gift["url"] == links.address(gift["id"])
    assert gift["svg"].startswith("<svg")
    assert gift["id"] in settled["receipt_text"].replace("\n", "")
    assert settle(till, "B1", member_id=payer, yuan=120) == settled

    person = wechat.person("朋友")
    friend = WechatBrowser(app, wechat, person)
    page = friend.visits(gift["url"])
    assert "8折券" in page.get_data(as_text=True)
    assert "领取成功" in friend.presses(page).get_data(as_text=True)
    for visitor in (friend, WechatBrowser(app, wechat, wechat.person("别人"))):
        assert "<h1>已领取</h1>" in visitor.visits(gift["url"]).get_data(as_text=True)

    customer = enters(app.test_client(), wechat, shop, person)
    refused = customer.post(f"/api/v1/claims/{gift['id']}", {})
    assert said(refused) == (409, "ALREADY_CLAIMED", "已领取")
    (number,) = customer.numbers()

    clock.move_to("2026-11-25 19:00")
    quoted = till.post(
        "/quotes",
        {"member_id": customer.member_id, "lines": [a_dish("D1", 100)], "service_fen": 0},
    ).get_json()
    assert [chosen["number"] for chosen in quoted["chosen"]] == [number]
    assert quoted["to_pay_fen"] == 8000


def test_S2_51_a_login_of_the_payer_does_not_collect_the_receipt(
    app: Flask, http: FlaskClient, wechat: Platform, shop: Shop, till: TillClient
) -> None:
    """It belongs to whoever opens it first: neither the payer's login nor the till takes it."""
    a_template(shop, "t1")
    run(shop, (100, "t1"))
    person = wechat.person("付款人")
    payer = enters(http, wechat, shop, person)
    gift = settle(till, "B1", member_id=payer.member_id)["gift"]
    again = enters(http, wechat, shop, person)
    assert again.answer["claimed"] == []
    code = payer.get("/api/v1/me/qr").get_json()["text"]
    assert till.post("/members/identify", {"scan": code}).get_json()["claimed"] == []
    shown = payer.get(f"/api/v1/claims/{gift['id']}").get_json()
    assert (shown["state"], shown["coupons"][0]["title"]) == ("open", "t1")
    assert len(payer.post(f"/api/v1/claims/{gift['id']}", {}).get_json()["claimed"]) == 1


def test_S2_52_only_a_bill_of_the_till_brings_it(
    http: FlaskClient, shop: Shop, till: TillClient
) -> None:
    """该营销只在旺收银中生效: coupons used without a bill bring nothing, a till's bill does."""
    a_template(shop, "t1")
    run(shop, (1, "t1"))
    member = a_member(shop, phone=PHONE)
    coupon = a_coupon(shop, member, a_template(shop))
    assert till.post("/coupons/redeem", {"scan": number_of(coupon)}).status_code == 201
    assert [each.id for each in coupons_of(shop)] == [coupon]
    assert settle(till, "B1", member_id=member)["gift"] is not None


def test_S2_53_of_several_rules_the_highest_that_is_met(
    app: Flask, wechat: Platform, shop: Shop, till: TillClient
) -> None:
    for code in ("t100", "t200", "t500"):
        a_template(shop, code)
    run(shop, (100, "t100"), (500, "t500"), (200, "t200"))
    member = a_member(shop, phone=PHONE)
    person = wechat.person()
    customer = enters(app.test_client(), wechat, shop, person)
    given = []
    for number, yuan in enumerate((99, 100, 199, 200, 500)):
        gift = settle(till, f"B{number}", member_id=member, yuan=yuan)["gift"]
        shown = gift and customer.get(f"/api/v1/claims/{gift['id']}").get_json()
        given.append([coupon["title"] for coupon in shown["coupons"]] if shown else [])
    assert given == [[], ["t100"], ["t100"], ["t200"], ["t500"]]


def test_S2_54_what_was_really_paid_counts_not_the_bill(shop: Shop, till: TillClient) -> None:
    """A bill of ¥120 of which a coupon took ¥30 was paid with ¥90: no gift. (R-09)"""
    a_template(shop, "t1")
    run(shop, (100, "t1"))
    member = a_member(shop, phone=PHONE)
    coupon = a_coupon(shop, member, a_template(shop, rule={"value_fen": 3000}))
    bill = settle(till, "B1", member_id=member, yuan=120, coupon=number_of(coupon), cash_fen=9000)
    assert (bill["paid_fen"], bill["gift"]) == (9000, None)
    assert settle(till, "B2", member_id=member, yuan=100)["gift"] is not None


@pytest.mark.parametrize("method", ["cash", "wechat", "card", "balance"])
def test_S2_55_any_tender_counts(shop: Shop, till: TillClient, method: str) -> None:
    a_template(shop, "t1")
    run(shop, (100, "t1"))
    member = a_member(shop, phone=PHONE)
    recharge = {"recharge": "R1", "member_id": member, "principal_fen": 10000}
    assert till.post("/recharges", recharge).status_code in (200, 201)
    assert settle(till, "B1", paid(method, 10000), member_id=member)["gift"] is not None


def test_S2_55_a_bill_without_a_member_brings_none(shop: Shop, till: TillClient) -> None:
    a_template(shop, "t1", stock=5)
    run(shop, (100, "t1"))
    settled = settle(till, "B1", yuan=500)
    assert settled["gift"] is None
    assert template(shop, "t1").issued == 0


def test_S2_56_made_at_the_desk_it_is_executing_among_my_campaigns(
    app: Flask, shop: Shop, till: TillClient
) -> None:
    """Set up on its form, started with the save; from then on bills bring gifts."""
    a_template(shop, "t1", title="8折券")
    boss = at_desk(app, shop)
    new = "/admin/campaigns/new/?kind=consumption_gift"
    form = as_shown(boss.read(new)) | {
        "rule-paid": ["100"], "rule-template": ["t1"], "rule-quantity": ["1"], "then": ["start"],
    }  # fmt: skip
    made = boss.send(new, **form)
    assert made.status_code == 302
    mine = boss.read("/admin/campaigns/?tab=running")
    assert "会员消费送优惠券" in mine
    assert "执行中" in mine
    page = boss.read(made.headers["Location"])
    assert "执行情况</dt><dd>执行中" in page
    assert settle(till, "B1", member_id=a_member(shop))["gift"] is not None


def test_S2_57_past_the_claim_window_the_receipt_is_paper(
    app: Flask, wechat: Platform, shop: Shop, till: TillClient, clock: StillClock
) -> None:
    """7 天内领取: until the 29th 24:00."""
    a_template(shop, "t1", stock=5)
    run(shop, (100, "t1"))
    gift = settle(till, "B1", member_id=a_member(shop))["gift"]
    visitor = WechatBrowser(app, wechat, wechat.person())
    clock.move_to("2026-11-29 23:59")
    assert "立即领取" in visitor.visits(gift["url"]).get_data(as_text=True)
    clock.move_to("2026-11-30 00:00")
    assert "<h1>已过领取时间</h1>" in visitor.visits(gift["url"]).get_data(as_text=True)
    customer = enters(app.test_client(), wechat, shop, visitor.person)
    refused = customer.post(f"/api/v1/claims/{gift['id']}", {})
    assert said(refused) == (422, "CLAIM_LAPSED", "已过领取时间")
    assert template(shop, "t1").issued == 1
    link_end.sweep(now=clock.at)
    assert template(shop, "t1").issued == 0


def test_S2_57_another_merchants_receipt_is_unknown_here(
    app: Flask, http: FlaskClient, wechat: Platform, shop: Shop, till: TillClient
) -> None:
    a_template(shop, "t1")
    run(shop, (100, "t1"))
    gift = settle(till, "B1", member_id=a_member(shop))["gift"]
    elsewhere = a_journeys_shop(wechat)
    stranger = enters(http, wechat, elsewhere, wechat.person())
    refused = stranger.post(f"/api/v1/claims/{gift['id']}", {})
    assert said(refused) == (404, "CLAIM_NOT_FOUND", "领取链接不存在")
