"""聚微量 ↔ 聚食汇: a voucher is bought in the mall and used at the table (S1-01…19, S1-23…27)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from backend import tenancy
from backend.database import changed, table_of, transaction
from backend.messaging.models import Channel, Purpose
from backend.redemption.models import VoucherReport
from backend.reports import doctor
from jobs import malls as ticks
from scripts.wechat_platform.accounts import known_account
from scripts.wechat_platform.people import Person
from scripts.wechat_platform.server import Platform
from tests.admin.desk import at_desk
from tests.backend.messaging.post import TPL, has_template
from tests.builders import Shop, reread
from tests.conftest import StillClock
from tests.journeys.customers import Customer, enters
from tests.journeys.shops import a_journeys_shop, apply_setup
from tests.journeys.working import work_and_tell
from tests.malls import Listener, MallClient, listening, reports_of, voucher_of
from tests.miniprogram_api.pos.till import TillClient, a_bill, a_dish, till_of

CASH = (
    "{code: c100, kind: cash, title: 100元代金券, rule: {value_fen: 10000}, validity: {days: 30}}"
)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
DISH = (
    "{code: fish, kind: gift, title: 送鱼香肉丝, rule: {dishes: [D007], quantity: 1}, "
    "validity: {days: 30}, stores: [s01]}"
)


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    return a_journeys_shop(wechat)


@pytest.fixture(autouse=True)
def sound(app: Flask) -> Iterator[None]:
    yield
    reread()
    assert [str(finding) for finding in doctor.check()] == []


@pytest.fixture
def ear() -> Iterator[Listener]:
    with listening("x01") as listener:
        yield listener


def setup(app: Flask, tmp_path: Path, shop: Shop, text: str) -> str:
    return apply_setup(app, tmp_path, f"merchants: [{{code: {shop.code}, {text}}}]")


def bound(app: Flask, http: FlaskClient, tmp_path: Path, shop: Shop, ear: Listener) -> MallClient:
    """The mall's store id and secret, entered (S1-08, S1-09)."""
    mall = f'{{id: m01, secret: x01, callback: "{ear.url}", oa: {shop.oa}}}'
    setup(app, tmp_path, shop, f"stores: [{{code: s01, mall: {mall}}}]")
    return MallClient(http, "m01", "x01")


def linked(app: Flask, tmp_path: Path, shop: Shop, template: str = CASH, **more: str) -> None:
    """【聚微量票券核销】 of product P60 (S1-11, S1-14)."""
    code = template.split("code: ")[1].split(",")[0]
    said = {"code": "mall", "product": "P60", "template": code, **more}
    settings = ", ".join(f"{name}: {value}" for name, value in said.items())
    campaign = f"{{kind: mall_voucher, state: running, {settings}}}"
    setup(app, tmp_path, shop, f"templates: [{template}], campaigns: [{campaign}]")


def of_the_mall(me: Customer) -> list[dict[str, Any]]:
    """我的优惠, what was bought: beside it stands what the default plan gives to followers."""
    return [coupon for coupon in me.coupons() if coupon["source"] == "mall"]


def delivered(wechat: Platform, person: Person) -> list[tuple[str, str, object]]:
    """(app, channel, first field) of every message, without those of the default plan's gift."""
    return [
        (message.app_id, message.channel.value, message.data.get("thing1"))
        for message in wechat.delivered(person)
        if message.channel.value == "template"
    ]


def known_to_the_mall(wechat: Platform, person: Person, app_id: str) -> dict[str, str | None]:
    account = known_account(wechat.world.store, app_id)
    return {"openid": wechat.openid(person, app_id), "unionid": wechat.unionid(person, account)}


def ticked() -> None:
    """The malls' tick, with the pauses between tries over."""
    reports = table_of(VoucherReport)
    with transaction(), tenancy.across_merchants("a test lets the pauses pass"):
        changed(update(reports).where(reports.c.state == "waiting").values(due_at=LONG_AGO))
    ticks.tick.__wrapped__()  # type: ignore[attr-defined]
    reread()


def said(answer: Any) -> tuple[int, str, str]:  # noqa: ANN401
    return answer.status_code, answer.json["code"], answer.json["message"]


def test_S1_01_S1_07_S1_08_S1_09_S1_10_S1_15_S1_16_S1_17_a_voucher_is_bought(
    app: Flask,
    http: FlaskClient,
    wechat: Platform,
    shop: Shop,
    ear: Listener,
    tmp_path: Path,
) -> None:
    mall = bound(app, http, tmp_path, shop, ear)
    linked(app, tmp_path, shop)
    has_template(shop, Channel.TEMPLATE, purpose=Purpose.MALL_PURCHASE)
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    buyer = known_to_the_mall(wechat, anna, shop.oa)
    answer = mall.sold("V60-1", buyer=buyer)
    assert answer.status_code == 200, answer.json
    assert answer.json["state"] == "usable"
    assert answer.json["number"].startswith("J") and len(answer.json["number"]) == 13
    me = enters(http, wechat, shop, anna)
    (coupon,) = of_the_mall(me)
    assert (coupon["number"], coupon["title"]) == (answer.json["number"], "100元代金券")
    assert (coupon["source"], coupon["campaign"]["code"]) == ("mall", "mall")
    work_and_tell()
    assert delivered(wechat, anna) == [(shop.oa, "template", "100元代金券")]


def test_S1_18_S1_23_S1_24_it_is_used_at_the_front_desk_and_the_mall_is_told(
    app: Flask,
    http: FlaskClient,
    wechat: Platform,
    shop: Shop,
    ear: Listener,
    tmp_path: Path,
    clock: StillClock,
) -> None:
    mall = bound(app, http, tmp_path, shop, ear)
    linked(app, tmp_path, shop)
    has_template(shop, Channel.TEMPLATE, purpose=Purpose.COUPON_REDEEMED)
    has_template(shop, Channel.TEMPLATE, purpose=Purpose.CONSUMPTION_COMPLETE)
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    buyer = known_to_the_mall(wechat, anna, shop.oa)
    number = mall.sold("V60-1", buyer=buyer).json["number"]
    me = enters(http, wechat, shop, anna)
    ear.answers = [500, 302]
    till = till_of(http, shop)
    bill = a_bill(a_dish("D001", 284), cash_fen=18400, coupon=number, member_id=me.member_id)
    done = till.post("/bills/0023/settle", bill)
    assert done.status_code == 201, done.json
    assert (done.json["paid_fen"], done.json["reduction_fen"]) == (18400, 10000)
    for _ in range(4):
        ticked()
    assert ear.forged == 0
    (event,) = ear.told
    assert event == {
        "event_id": event["event_id"],
        "type": "redeemed",
        "voucher": "V60-1",
        "store": "s01",
        "bill": "0023",
        "at": "2026-11-23T08:00:00+08:00",
    }
    work_and_tell()
    assert sorted(delivered(wechat, anna)) == [
        (shop.oa, "template", "100元代金券"),
        (shop.oa, "template", "消费完成"),
    ]
    back = till.post("/bills/0023/refund", {"refund": "R1", "reason": "退单"})
    assert back.status_code == 200, back.json
    ticked()
    assert ear.types() == ["redeemed", "undone"]
    assert ear.told[1]["event_id"] != event["event_id"]
    assert [coupon["state"] for coupon in of_the_mall(me)] == ["usable"]


@pytest.mark.parametrize("spelling", ["{J}", "{digits}", "{spaced}", "CODE_128,{J}", "V60-1"])
def test_S1_18_S1_27_the_number_is_read_with_its_letter_or_without_and_the_malls_own_too(
    app: Flask,
    http: FlaskClient,
    shop: Shop,
    ear: Listener,
    tmp_path: Path,
    spelling: str,
) -> None:
    mall = bound(app, http, tmp_path, shop, ear)
    linked(app, tmp_path, shop)
    number = mall.sold("V60-1").json["number"]
    scan = spelling.format(J=number, digits=number[1:], spaced=f"{number[:5]} {number[5:]}".lower())
    done = till_of(http, shop).post("/coupons/redeem", {"scan": scan})
    assert done.status_code == 201, done.json
    assert done.json["redemption"]["number"] == number


def test_S1_02_S1_03_S1_14_a_voucher_waits_for_its_link_and_is_unknown_until_then(
    app: Flask,
    http: FlaskClient,
    wechat: Platform,
    shop: Shop,
    ear: Listener,
    tmp_path: Path,
) -> None:
    mall = bound(app, http, tmp_path, shop, ear)
    answer = mall.sold("V60-1").json
    assert answer["state"] == "waiting_for_link"
    till = till_of(http, shop)
    line = {"dish": "D001", "name": "毛肚", "quantity": 1, "price_fen": 20000}
    for scan in (answer["number"], answer["number"][1:], "V60-1"):
        for path in ("/coupons/check", "/coupons/redeem"):
            refused = till.post(path, {"scan": scan})
            assert said(refused) == (404, "COUPON_NOT_FOUND", "票券不存在")
            assert "票券关联是否已绑定" in refused.json["detail"]["hint"]
            assert "聚微量客服" in refused.json["detail"]["hint"]
        quoted = till.post("/quotes", {"lines": [line], "service_fen": 0, "coupons": [scan]}).json
        (candidate,) = quoted["candidates"]
        assert (candidate["code"], candidate["reason"]) == ("COUPON_NOT_FOUND", "票券不存在")
    bill = a_bill(a_dish("D001", 200), cash_fen=10000, coupon=answer["number"])
    assert said(till.post("/bills/B1/settle", bill))[:2] == (404, "COUPON_NOT_FOUND")
    linked(app, tmp_path, shop)
    assert till.post("/coupons/check", {"scan": "V60-1"}).status_code == 200
    assert till.post("/bills/B1/settle", bill).status_code == 201
    assert mall.sold("V60-2").json["state"] == "usable"


def test_S1_02_S1_04_S1_05_the_dish_is_known_by_its_number_not_by_its_name(
    app: Flask, http: FlaskClient, shop: Shop, ear: Listener, tmp_path: Path
) -> None:
    mall = bound(app, http, tmp_path, shop, ear)
    linked(app, tmp_path, shop, DISH)
    number = mall.sold("V1").json["number"]
    till = till_of(http, shop)
    same_name = {"dish": "D999", "name": "鱼香肉丝", "quantity": 1, "price_fen": 3000}
    same_number = {"dish": "D007", "name": "改了名字的菜", "quantity": 1, "price_fen": 3000}
    words = "订单中没有此券相关菜品,不能使用"
    for path in ("/coupons/check", "/coupons/redeem"):
        refused = till.post(path, {"scan": number, "lines": [same_name]})
        assert said(refused) == (422, "DISH_MISSING", words)
        assert "聚食汇客服" in refused.json["detail"]["hint"]
    quoted = till.post("/quotes", {"lines": [same_name], "service_fen": 0, "coupons": [number]})
    assert quoted.json["candidates"][0]["reason"] == words
    bill = a_bill(same_name, cash_fen=3000, coupon=number)
    assert said(till.post("/bills/B1/settle", bill)) == (422, "DISH_MISSING", words)
    bill = a_bill(same_number, cash_fen=0, coupon=number)
    bill["tenders"] = bill["tenders"][:1]
    done = till.post("/bills/B1/settle", bill)
    assert (done.status_code, done.json["reduction_fen"]) == (201, 3000)


def test_S1_02_S1_06_another_store_refuses_it_by_name_and_number_until_it_is_added(
    app: Flask, http: FlaskClient, shop: Shop, ear: Listener, tmp_path: Path
) -> None:
    mall = bound(app, http, tmp_path, shop, ear)
    linked(app, tmp_path, shop, CASH[:-1] + ", stores: [s01]}")
    other = "{code: s02, name: 华强北, pos: {key: k02, secret: p02}}"
    setup(app, tmp_path, shop, f"stores: [{other}]")
    number = mall.sold("V1").json["number"]
    elsewhere = TillClient(http, "k02", "p02")
    words = f"华强北店不能使用该票券,票券【消费号{number}】不能使用!"
    refused = elsewhere.post("/coupons/redeem", {"scan": number})
    assert said(refused) == (422, "STORE_NOT_ALLOWED", words)
    assert "聚食汇客服" in refused.json["detail"]["hint"]
    quoted = elsewhere.post(
        "/quotes", {"lines": [a_dish()], "service_fen": 0, "coupons": [number]}
    ).json
    assert quoted["candidates"][0]["reason"] == words
    bill = a_bill(a_dish("D001", 200), cash_fen=10000, coupon=number)
    assert said(elsewhere.post("/bills/B1/settle", bill)) == (422, "STORE_NOT_ALLOWED", words)
    setup(app, tmp_path, shop, f"templates: [{CASH[:-1]}, stores: [s01, s02]}}]")
    assert elsewhere.post("/bills/B1/settle", bill).status_code == 201


def test_S1_11_S1_12_S1_13_three_kinds_of_coupon_and_one_campaign_for_each_product(
    app: Flask, http: FlaskClient, shop: Shop, ear: Listener, tmp_path: Path
) -> None:
    bound(app, http, tmp_path, shop, ear)
    off = "{code: off, kind: discount, title: 八折, rule: {rate_bp: 8000}, validity: {days: 30}}"
    worth = (
        "{code: worth, kind: deduction, title: 抵30, "
        "rule: {dishes: [D1], value_fen: 3000}, validity: {days: 30}}"
    )
    for place, template in enumerate((CASH, DISH, worth)):
        linked(app, tmp_path, shop, template, code=f"mall{place}", product=f"P{place}")
    with pytest.raises(AssertionError, match="只能选择代金券、兑换券、抵扣券"):
        linked(app, tmp_path, shop, off, code="mall9", product="P9")
    with pytest.raises(AssertionError, match="商品P1已由活动"):
        linked(app, tmp_path, shop, CASH, code="again", product="P1")


def test_S1_16_S1_23_S1_24_where_the_mall_has_an_account_of_its_own_each_account_tells_its_part(
    app: Flask,
    http: FlaskClient,
    wechat: Platform,
    shop: Shop,
    ear: Listener,
    tmp_path: Path,
) -> None:
    theirs = f"{shop.oa}mall"
    wechat.account(theirs, "official_account", f"secret-{theirs}", token="t", union_group=shop.code)
    templates = ", ".join(
        f"{{purpose: {purpose}, channel: template, app_id: {app_id}, template_id: {TPL}, "
        "fields: {thing1: title}}"
        for purpose, app_id in (
            ("mall_purchase", theirs),
            ("coupon_redeemed", shop.oa),
            ("coupon_redeemed", theirs),
            ("consumption_complete", shop.oa),
        )
    )
    account = f"{{app_id: {theirs}, kind: official_account, secret: secret-{theirs}, token: t}}"
    mall_entry = f'{{id: m01, secret: x01, callback: "{ear.url}", oa: {theirs}}}'
    setup(
        app,
        tmp_path,
        shop,
        f"wechat: [{account}], stores: [{{code: s01, mall: {mall_entry}}}], "
        f"messages: [{templates}]",
    )
    linked(app, tmp_path, shop)
    anna = wechat.person()
    for app_id in (shop.oa, theirs):
        wechat.follow(anna, app_id)
    buyer = known_to_the_mall(wechat, anna, theirs)
    mall = MallClient(http, "m01", "x01")
    number = mall.sold("V1", buyer=buyer).json["number"]
    me = enters(http, wechat, shop, anna)
    assert [coupon["number"] for coupon in of_the_mall(me)] == [number]
    bill = a_bill(a_dish("D001", 200), cash_fen=10000, coupon=number, member_id=me.member_id)
    assert till_of(http, shop).post("/bills/B1/settle", bill).status_code == 201
    work_and_tell()
    assert sorted(delivered(wechat, anna)) == sorted(
        [
            (theirs, "template", "100元代金券"),
            (theirs, "template", "100元代金券"),
            (shop.oa, "template", "消费完成"),
        ]
    )


def test_S1_14_a_refund_takes_back_what_was_not_used(
    app: Flask, http: FlaskClient, shop: Shop, ear: Listener, tmp_path: Path, clock: StillClock
) -> None:
    mall = bound(app, http, tmp_path, shop, ear)
    waiting = mall.sold("V0").json["number"]
    assert mall.refunded("V0").json == {"number": waiting, "state": "revoked"}
    linked(app, tmp_path, shop)
    unused, used = (mall.sold(voucher).json["number"] for voucher in ("V1", "V2"))
    till = till_of(http, shop)
    assert mall.refunded("V1").json == {"number": unused, "state": "revoked"}
    assert said(till.post("/coupons/redeem", {"scan": unused}))[:2] == (409, "COUPON_REVOKED")
    assert till.post("/coupons/redeem", {"scan": used}).status_code == 201
    event = {"event_id": "r1", "type": "refunded", "voucher": "V2"}
    words = "该券已于2026-11-23 08:00在皇岗核销"
    assert said(mall.say(event)) == (409, "COUPON_REDEEMED", words)
    redemption = reports_of(shop)[0].redemption_id
    assert till.post(f"/redemptions/{redemption}/undo", {"reason": "错了"}).status_code == 200
    assert said(mall.say(event)) == (409, "COUPON_REDEEMED", words)
    assert mall.refunded("V2").json == {"number": used, "state": "revoked"}
    assert voucher_of(shop, "V2").state == "revoked"


def test_S1_25_S1_26_what_was_sold_and_what_became_of_it_stand_at_the_desk(
    app: Flask, http: FlaskClient, shop: Shop, ear: Listener, tmp_path: Path
) -> None:
    mall = bound(app, http, tmp_path, shop, ear)
    linked(app, tmp_path, shop)
    number = mall.sold("V60-1").json["number"]
    mall.sold("V60-2")
    bill = a_bill(a_dish("D001", 200), cash_fen=10000, coupon=number)
    assert till_of(http, shop).post("/bills/0023/settle", bill).status_code == 201
    desk = at_desk(app, shop)
    orders, file = desk.read("/admin/orders/"), desk.read("/admin/vouchers/")
    for text in ("O-V60-1", "V60-2", "已核销", "已关联", "¥120.00"):
        assert text in orders, text
    for text in (f"{number[:5]} {number[5:9]} {number[9:]}", "商城", "皇岗", "0023", "已核销"):
        assert text in file, text
