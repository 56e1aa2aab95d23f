"""Every door of a customer, a verifier, a till, a mall and WeChat, gone through once."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha1
from typing import Any

from flask import Flask, request, request_finished
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend import background, clock, tenancy
from backend.database import db, transaction
from backend.members.models import MemberLevel
from backend.merchants import verifiers
from backend.merchants.models import Merchant
from backend.points import ledger
from scripts.wechat_platform.server import Platform
from tests.backend.campaigns.plans import a_campaign, a_class_plan
from tests.backend.campaigns.test_links import a_gift, a_link
from tests.backend.open_bills.dining import Dining, a_dining_room
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import a_member, a_template
from tests.journeys.customers import a_grant, enters
from tests.malls import a_link as a_sale_link
from tests.malls import a_mall
from tests.miniprogram_api.h5.browser import WechatBrowser
from tests.miniprogram_api.pos.till import a_bill, a_dish
from tests.miniprogram_api.verifier.phones import Phone

WATCHED = (
    "customer",
    "login",
    "verifier",
    "pos",
    "mall",
    "official_account",
    "payments",
    "h5",
)
"""The blueprints whose callers wait."""

UNPLAYED = {
    "GET /h5/static/<path:filename>",  # a file
    "GET /h5/<path:nowhere>",  # a page that says so
    "POST /wechat/pay/notify",  # the address of the first orders; the same words as with mch_id
}


def rules(app: Flask) -> set[str]:
    """``POST /api/v1/login`` … of all that must be played."""
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if rule.endpoint.split(".")[0] in WATCHED
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


@contextmanager
def answered(app: Flask) -> Iterator[set[str]]:
    """The rules that answered well meanwhile."""
    seen: set[str] = set()

    def note(_app: Flask, response: TestResponse, **_: object) -> None:
        if request.url_rule is not None and response.status_code < 400:
            seen.add(f"{request.method} {request.url_rule.rule}")

    with request_finished.connected_to(note, app):
        yield seen


class Evening:
    """A shop with everything switched on, and one guest who does all that can be done."""

    def __init__(self, app: Flask, http: FlaskClient, wechat: Platform) -> None:
        self.app, self.http, self.wechat = app, http, wechat
        self.room: Dining = a_dining_room(http, wechat)
        self.shop, self.till = self.room.shop, self.room.till
        a_class_plan(self.shop)
        a_campaign(self.shop, "earn", "consumption_points", {"per_fen": 100, "points": 1})
        a_campaign(self.shop, "hand", "manual_points", {"add": True, "subtract": True})
        for code in ("ten", "twenty", "thirty"):
            a_template(self.shop, code)
        a_campaign(
            self.shop,
            "mall",
            "points_exchange",
            {"offers": [{"template": "twenty", "points": 10}]},
        )
        self.gift = a_gift(self.shop, stores=["s01"])
        with transaction(), tenancy.acting_for(self.shop.merchant_id):
            db.session.add(
                MemberLevel(position=1, name="银卡", upgrade={"recharge_fen": 1000, "times": 1})
            )
            merchant = db.session.get_one(Merchant, self.shop.merchant_id)
            merchant.points = {"per_yuan": 100, "max_bp": 10_000}
            merchant.levels_period = "12_months"
        person = wechat.person("王勇", phone="13900000001")
        self.guest = enters(http, wechat, self.shop, person)
        with tenancy.acting_for(self.shop.merchant_id):
            ledger.earn(self.guest.member_id, 500, cause="before", now=clock.now())

    def new_coupon(self) -> str:
        template = a_template(
            self.shop,
        )
        return number_of(a_coupon(self.shop, self.guest.member_id, template))


def customer(evening: Evening) -> None:
    guest, shop = evening.guest, evening.shop
    a_grant(shop, guest.member_id, "ten")
    good(guest.post("/api/v1/phone", {"code": evening.wechat.phone_code(guest.person, shop.mini)}))
    for path in ("/me", "/me/qr", "/me/coupons", "/points", "/exchanges"):
        good(guest.get(f"/api/v1{path}"))
    for state in ("usable", "redeemed", "expired"):
        good(guest.get(f"/api/v1/me/coupons?state={state}"))
    number = evening.new_coupon()
    good(guest.get(f"/api/v1/me/coupons/{number}"))
    good(guest.get(f"/api/v1/me/coupons/{number}/qr"))
    good(guest.post("/api/v1/me/consents", {"results": {"tpl": "accept"}}))
    (offer,) = guest.get("/api/v1/exchanges").get_json()["items"]
    asked = {"template_id": offer["template_id"]}
    good(guest.post(f"/api/v1/exchanges/{offer['campaign_id']}", asked))
    link = a_link(shop, guest.member_id, evening.gift)
    code = link.address.rpartition("/")[2]
    good(guest.get(f"/api/v1/claims/{code}"))
    good(guest.post(f"/api/v1/claims/{code}", {}))
    good(guest.get("/api/v1/points"))


def table(evening: Evening) -> None:
    room, guest = evening.room, evening.guest
    put = room.put("T1").get_json()
    table_code, token = put["table_code"]["url"].rpartition("/")[2], put["token"]
    good(guest.get(f"/api/v1/tables/{table_code}"))
    number = evening.new_coupon()
    asked = {"points": 100, "coupons": [number]}
    quote = good(guest.post(f"/api/v1/bills/{token}/quote", asked))["quote_id"]
    room.confirm(guest, room.sheet(guest, token, quote))
    good(guest.get(f"/api/v1/bills/{token}"))
    (told,) = [each for each in room.events() if each["kind"] == "paid"]
    good(room.settle_as_told(told))
    room.confirm(guest, room.sheet(guest, room.token("T2")))
    body = {"reason": "顾客改付现金", "operator": "小李"}
    good(room.till.post("/bills/T2/give-back", body))
    room.put("T3")
    good(room.till.call("DELETE", "/bills/T3"))
    room.tick()


def till(evening: Evening) -> None:
    client, guest = evening.till, evening.guest
    code = good(client.post("/members/code", {}))
    good(guest.post(f"/api/v1/till-codes/{code['scan_id']}", {}))
    member = {"member_id": guest.member_id}
    good(client.post("/members/identify", {"scan_id": code["scan_id"]}))
    good(client.post("/members/identify", {"phone": "13900000001"}))
    openid = evening.wechat.openid(guest.person, evening.shop.mini)
    good(client.post("/members/identify", {"openid": openid}))
    good(client.post("/cards", {"action": "bind", "card": "C1", **member}))
    good(client.post("/members/identify", {"card": "C1"}))
    good(client.post("/points", {"points": 5, "reason": "生日", **member}))
    good(client.post("/recharges", {"recharge": "R1", "principal_fen": 2000, **member}))
    why = {"reversal": "V1", "reason": "多输一个0", "operator": "小王"}
    good(client.post("/recharges/R1/reverse", why))
    good(client.post("/recharges", {"recharge": "R2", "principal_fen": 3000, **member}))
    (offer,) = good(client.get(f"/exchanges?member_id={guest.member_id}"))["items"]
    wanted = {key: offer[key] for key in ("campaign_id", "template_id")}
    good(client.post("/exchanges", {**member, **wanted}))
    number = evening.new_coupon()
    good(client.post("/coupons/check", {"scan": number}))
    redeemed = good(client.post("/coupons/redeem", {"scan": number}))
    undo = f"/redemptions/{redeemed['redemption']['id']}/undo"
    good(client.post(undo, {"reason": "点错了"}))
    good(client.post("/bills/B1/lock", {"coupons": [number], **member}))
    good(client.post("/bills/B1/unlock", {}))
    lines = {"lines": [a_dish()], "service_fen": 0}
    good(client.post("/quotes", {**lines, **member, "coupons": [number]}))
    coupon, cash = {"method": "coupon", "number": number}, _paid("cash", 9000)
    good(client.post("/bills/B1/settle", {**a_bill(), **member, "tenders": [coupon, cash]}))
    tenders = [_paid("balance", 1000), _paid("points", 100), _paid("cash", 8900)]
    good(client.post("/bills/B4/settle", {**a_bill(), **member, "tenders": tenders}))
    good(client.post("/bills/B4/refund", {"refund": "F4", "reason": "退菜"}))
    good(client.get("/bills/B1/receipt"))
    good(client.post("/bills/B1/refund", {"refund": "F1", "reason": "退菜"}))
    good(client.post("/bills/B2/settle", a_bill()))
    good(client.post("/bills/B2/member", member))
    good(client.post("/bills/replay", {"bills": [{"bill": "B3", **a_bill()}]}))
    good(client.get("/events"))
    good(client.get("/events?after=1"))


def verifier(evening: Evening) -> None:
    member = a_member(evening.shop)
    phone: Phone = _phone(evening, member)
    with tenancy.acting_for(evening.shop.merchant_id):
        token = verifiers.invite("s01", name="小王", now=clock.now()).token
    good(phone.post("/bind", {"token": token}))
    asked = {"scan": evening.new_coupon(), "store": "s01"}
    good(phone.post("/check", asked))
    redeemed = good(phone.post("/redeem", asked))
    good(phone.get("/redemptions"))
    good(phone.post(f"/redemptions/{redeemed['redemption']['id']}/undo", {"reason": "点错了"}))


def mall(evening: Evening) -> None:
    client = a_mall(evening.shop, evening.http)
    good(client.sold("V1"))
    a_sale_link(evening.shop, "thirty", code="sale")
    good(client.sold("V2", buyer={"openid": "o1", "phone": "13800138001"}))
    good(client.refunded("V2"))


def official_account(evening: Evening) -> None:
    shop, wechat = evening.shop, evening.wechat
    person = wechat.person()
    wechat.follow(person, shop.oa, scene=f"s:{shop.code}:s01")
    wechat.unfollow(person, shop.oa)
    parts = sorted([f"token-{shop.oa}", "1", "n"])
    signed = {"signature": sha1("".join(parts).encode()).hexdigest(), "timestamp": "1"}
    asked = {**signed, "nonce": "n", "echostr": "7"}
    assert evening.http.get(f"/wechat/{shop.oa}/callback", query_string=asked).text == "7"


def pages(evening: Evening) -> None:
    browser = WechatBrowser(evening.app, evening.wechat, evening.wechat.person("李雷"))
    link = a_link(evening.shop, evening.guest.member_id, evening.gift, made_for="bill-2")
    browser.presses(browser.visits(link.address))
    put = evening.room.put("H1").get_json()
    page = browser.visits(put["table_code"]["url"])
    found = re.search(r'name="quote" value="([^"]+)"', page.get_data(as_text=True))
    assert found is not None
    browser.presses(page, deed="pay", quote=found[1])
    good(browser.visits(f"/h5/bills/{put['token']}/state"))
    code = good(evening.till.post("/members/code", {}))
    browser.visits(code["url"])


PLAYS: tuple[Callable[[Evening], None], ...] = (
    customer,
    table,
    till,
    verifier,
    mall,
    official_account,
    pages,
)


def good(answer: TestResponse) -> Any:  # noqa: ANN401
    """What it said; limits begin anew, so many calls of one guest as no person makes."""
    assert answer.status_code < 300, answer.get_data(as_text=True)
    background.redis().flushdb()
    return answer.get_json()


def _paid(method: str, fen: int) -> dict[str, Any]:
    return {"method": method, "amount_fen": fen}


def _phone(evening: Evening, member_id: int) -> Phone:
    from tests.miniprogram_api.verifier.phones import phone_of

    return phone_of(evening.http, evening.shop, member_id)
