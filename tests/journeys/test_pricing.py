"""批价: every way to a price, and every way to pay it. (S1-18, S2-40…S2-50, S2-54)"""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend.merchants.models import Role
from scripts.wechat_platform.server import Platform
from tests.admin.desk import a_person, at_desk
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import a_shop, a_template
from tests.conftest import StillClock
from tests.journeys.customers import Customer, enters
from tests.journeys.guest import TOGETHER, Guest, cash, is_sound, paid, said
from tests.journeys.shops import a_journeys_shop
from tests.miniprogram_api.pos.test_gifts import a_gift
from tests.miniprogram_api.pos.till import TillClient, a_bill, a_dish, till_of

DINNER = (a_dish("D001", 60), a_dish("D002", 40))
"""¥100."""


@pytest.fixture
def guest(app: Flask, http: FlaskClient, clock: StillClock) -> Guest:
    return Guest(http, clock, a_shop())


@pytest.fixture(autouse=True)
def sound(app: Flask) -> Any:  # noqa: ANN401
    yield
    is_sound()


@pytest.mark.parametrize("scanned", ["CODE_128,{}{}", "{}{}", " {} {} ", "{}-{}"])
def test_S1_18_S1_22_a_coupon_is_a_way_to_pay_scanned_or_typed(guest: Guest, scanned: str) -> None:
    """票券 among the tenders; the points count what it paid (R-09)."""
    number = guest.coupon(2000)
    read = scanned.format(number[:4], number[4:])
    tenders = [{"method": "coupon", "number": read}, cash(8000)]
    done = guest.settle("B1", *DINNER, tenders=tenders)
    assert done.status_code == 201, done.json
    assert (done.json["paid_fen"], done.json["points_earned"]) == (8000, 100)
    assert "票券x1:                    20.00" in done.json["receipt_text"].splitlines()


def test_S2_42_S2_43_by_default_nothing_is_shared_and_the_best_is_chosen(guest: Guest) -> None:
    """95 折, coupons of 10, 30 and 20: the one of 30, and it is proven."""
    guest.level(discount_bp=9500, held=True)
    numbers = [guest.coupon(fen) for fen in (1000, 3000, 2000)]
    quote = guest.quote(*DINNER)
    assert [each["number"] for each in quote["chosen"]] == [numbers[1]]
    assert (quote["to_pay_fen"], quote["level_discount_fen"], quote["proven"]) == (7000, 0, True)
    assert {each["applicable"] for each in quote["candidates"]} == {True}


def test_S2_40_S2_41_the_same_bill_with_the_switch_both_ways(guest: Guest) -> None:
    """优惠共享: changed at the desk, it holds for the next quote."""
    guest.house(points={"per_yuan": 100, "max_bp": 5000})
    guest.level(discount_bp=9000, held=True)
    guest.has(points_=500)
    guest.coupon(2000, combine=TOGETHER)
    alone = guest.quote(*DINNER, points=500)
    assert (alone["to_pay_fen"], len(alone["chosen"])) == (8000, 1)
    assert (alone["level_discount_fen"], alone["points_fen"]) == (0, 0)
    guest.house(sharing="shared")
    shared = guest.quote(*DINNER, points=500)
    assert (shared["level_discount_fen"], shared["points_fen"]) == (800, 500)
    assert (shared["to_pay_fen"], shared["points_earned"]) == (6700, 92)
    tenders = [cash(6700)]
    done = guest.settle("B1", *DINNER, tenders=tenders, quote_id=shared["quote_id"])
    assert (done.status_code, done.json["reduction_fen"]) == (201, 3300)


@pytest.mark.parametrize("method", ["cash", "wechat", "card"])
def test_S2_44_known_by_the_person_icon_then_benefits_then_any_tender(
    http: FlaskClient, wechat: Platform, clock: StillClock, method: str
) -> None:
    """小人头: scan, choose, confirm, 收款."""
    anna, till = _anna(http, wechat)
    known = till.post("/members/identify", {"scan": _member_code(anna)}).get_json()
    (coupon,) = known["coupons"]
    asked = {"member_id": known["member"]["id"], "lines": list(DINNER), "service_fen": 0}
    best = till.post("/quotes", asked).get_json()
    without = till.post("/quotes", asked | {"coupons": []}).get_json()
    assert (best["to_pay_fen"], without["to_pay_fen"]) == (9000, 10000)
    quote = till.post("/quotes", asked | {"coupons": [coupon["number"]]}).get_json()
    bill = a_bill(*DINNER, member_id=anna.member_id, quote_id=quote["quote_id"])
    done = till.post("/bills/B1/settle", bill | {"tenders": [paid(method, 9000)]})
    assert (done.status_code, done.get_json()["paid_fen"]) == (201, 9000)
    assert anna.numbers("redeemed") == [coupon["number"]]


def test_S2_45_S2_46_paying_by_balance_that_is_short_is_refused_until_the_price_is_changed(
    guest: Guest,
) -> None:
    """会员支付: the till shows who, how much and the balance; 余额不足 stops it."""
    guest.has(balance_fen=8500, card="8001")
    number = guest.coupon(1000)
    manager = a_person(guest.shop, Role.STORE_MANAGER, stores=["s01"])
    known = guest.till.post("/members/identify", {"card": "8001"}).json
    assert (known["member"]["balance_fen"], known["member"]["id"]) == (8500, guest.id)
    quote = guest.quote(*DINNER)
    assert (quote["total_fen"], quote["to_pay_fen"]) == (10000, 9000)
    short = guest.settle("B1", *DINNER, tenders=[paid("balance", 9000)], quote_id=quote["quote_id"])
    assert said(short) == (422, "BALANCE_INSUFFICIENT", "余额不足")
    assert guest.figures()[:3] == (0, 8500, 0)
    manual = {"to_pay_fen": 8500, "staff": manager, "reason": "抹零"}
    changed = guest.quote(*DINNER, manual=manual)
    assert (changed["to_pay_fen"], changed["manual_fen"], changed["points_earned"]) == (
        8500,
        500,
        95,
    )
    done = guest.settle(
        "B1", *DINNER, tenders=[paid("balance", 8500)], quote_id=changed["quote_id"]
    )
    assert (done.status_code, done.json["balance_fen"]) == (201, 0)
    assert done.json["points_earned"] == 95
    text = done.json["receipt_text"].splitlines()
    assert "手动批价:                  -5.00" in text and "应付金额:                  95.00" in text
    back = guest.refund("B1", "T1").json
    assert (back["refunded_fen"], back["balance_fen"], back["points_total"]) == (8500, 8500, 0)
    assert [each["number"] for each in back["coupons"]] == [number]


def test_S2_47_S2_48_a_card_is_swiped_frozen_destroyed_or_unknown(guest: Guest) -> None:
    guest.has(balance_fen=5000, card="8001")
    till = guest.till

    def swiped(card: str = "8001") -> Any:  # noqa: ANN401
        return till.post("/members/identify", {"card": card})

    assert swiped().json["member"]["phone_masked"] == "181****4469"
    assert said(swiped("8002")) == (404, "CARD_NOT_FOUND", "该实体卡不存在")
    assert till.post("/cards", {"action": "freeze", "card": "8001"}).json["state"] == "frozen"
    assert said(swiped()) == (422, "CARD_FROZEN", "该实体卡已冻结")
    assert till.post("/cards", {"action": "unfreeze", "card": "8001"}).status_code == 200
    assert swiped().status_code == 200
    assert till.post("/cards", {"action": "destroy", "card": "8001"}).status_code == 200
    assert said(swiped()) == (422, "CARD_DESTROYED", "该实体卡已销毁")


@pytest.mark.parametrize("method", ["wechat", "cash", "card"])
def test_S2_49_a_price_changed_by_hand_is_paid_with_any_tender_and_stands_in_the_log(
    app: Flask, guest: Guest, method: str
) -> None:
    """交易批价: for a guest who is no member too; the till's plug-in is a role's right here."""
    boss, clerk = a_person(guest.shop, Role.OWNER, login="boss"), a_person(guest.shop, Role.CASHIER)
    asked = {"lines": list(DINNER), "service_fen": 300, "bill": "B1"}
    manual = {"reduce_fen": 1234, "staff": clerk, "reason": "上菜慢"}
    refused = guest.till.post("/quotes", asked | {"manual": manual})
    assert said(refused)[:2] == (403, "MAY_NOT_CHANGE_PRICE")
    quote = guest.till.post("/quotes", asked | {"manual": manual | {"staff": boss}}).json
    assert (quote["to_pay_fen"], quote["reduction_fen"]) == (9066, 1234)
    bill = a_bill(*DINNER, service_fen=300, quote_id=quote["quote_id"])
    done = guest.till.post("/bills/B1/settle", bill | {"tenders": [paid(method, 9066)]})
    assert (done.status_code, done.json["reduction_fen"]) == (201, 1234)
    log = at_desk(app, guest.shop).read("/admin/audit/")
    assert "手动批价" in log and "账单 B1" in log and "boss" in log


def test_S2_50_known_by_scan_by_card_or_by_phone_then_choose_and_pay(
    http: FlaskClient, wechat: Platform, clock: StillClock
) -> None:
    anna, till = _anna(http, wechat)
    till.post("/cards", {"action": "bind", "card": "8001", "member_id": anna.member_id})
    shown = [{"scan": _member_code(anna)}, {"card": "8001"}, {"phone": "13800000000"}]
    known = [till.post("/members/identify", each).get_json() for each in shown]
    assert [each["member"]["id"] for each in known] == [anna.member_id] * 3
    till.post("/recharges", {"recharge": "R1", "member_id": anna.member_id, "principal_fen": 20000})
    asked = {"member_id": anna.member_id, "lines": list(DINNER), "service_fen": 0}
    quote = till.post("/quotes", asked).get_json()
    bill = a_bill(*DINNER, member_id=anna.member_id, quote_id=quote["quote_id"])
    done = till.post("/bills/B1/settle", bill | {"tenders": [paid("balance", 9000)]}).get_json()
    assert (done["balance_fen"], done["class"]) == (11000, "ordinary")


def test_S2_54_what_was_really_paid_brings_the_gift_not_what_was_ordered(guest: Guest) -> None:
    """消费满 100: ordered 110, paid 90 brings none; paid 100 does."""
    a_gift(guest.shop, yuan=100)
    dishes = a_dish("D001", 110)
    coupon = {"method": "coupon", "number": guest.coupon(2000)}
    assert guest.settle("B1", dishes, tenders=[coupon, cash(9000)]).json["gift"] is None
    small = {"method": "coupon", "number": guest.coupon(1000)}
    gift = guest.settle("B2", dishes, tenders=[small, cash(10000)]).json["gift"]
    assert "/h5/claims/" in gift["url"] and gift["svg"].startswith("<svg")


def _anna(http: FlaskClient, wechat: Platform) -> tuple[Customer, TillClient]:
    """Logged in with her phone, holding a coupon of ¥10."""
    shop = a_journeys_shop(wechat)
    person = wechat.person("安娜", phone="13800000000")
    anna = enters(http, wechat, shop, person)
    code = {"code": wechat.phone_code(person, shop.mini)}
    assert anna.post("/api/v1/phone", dict(code)).status_code == 200
    number_of(a_coupon(shop, anna.member_id, a_template(shop)))
    return anna, till_of(http, shop)


def _member_code(customer: Customer) -> str:
    return str(customer.get("/api/v1/me/qr").get_json()["text"])
