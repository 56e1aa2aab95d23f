"""账单页 inside WeChat: the best coupon is ticked, the price paid is the one shown (S1-19)."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend.database import db
from backend.tenancy import acting_for
from scripts.wechat_platform.server import Platform
from tests.backend.open_bills.dining import Dining, a_dining_room, is_sound
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import a_template
from tests.conftest import StillClock
from tests.miniprogram_api.h5.browser import WechatBrowser
from tests.miniprogram_api.pos.till import a_dish


@pytest.fixture
def room(app: Flask, http: FlaskClient, wechat: Platform, clock: StillClock) -> Dining:
    return a_dining_room(http, wechat)


@pytest.fixture
def browser(app: Flask, wechat: Platform) -> WechatBrowser:
    return WechatBrowser(app, wechat, wechat.person("王勇"))


def words(page: TestResponse) -> str:
    text = re.sub(r"<[^>]+>", " ", page.get_data(as_text=True))
    return re.sub(r"\s+", " ", text)


def hidden(page: TestResponse, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]+)"', page.get_data(as_text=True))
    assert found is not None
    return found[1]


def ticked(page: TestResponse) -> list[str]:
    return re.findall(r'value="(\d+)" checked', page.get_data(as_text=True))


def gives(room: Dining, yuan: int, title: str) -> str:
    """A coupon for whoever logged in last."""
    from sqlalchemy import select

    from backend.members.models import Member

    template = a_template(room.shop, rule={"value_fen": yuan * 100}, title=title)
    with acting_for(room.shop.merchant_id):
        member = db.session.scalars(select(Member.id).order_by(Member.id.desc())).first()
    assert member is not None
    return number_of(a_coupon(room.shop, member, template))


def test_S1_19_the_table_code_leads_to_the_bill_and_to_paid(
    room: Dining, browser: WechatBrowser, wechat: Platform
) -> None:
    put = room.put("0023", a_dish(yuan=100, name="<b>毛肚</b>"), service_fen=500).get_json()
    browser.visits(put["table_code"]["url"])
    better, other = gives(room, 30, "三十元券"), gives(room, 20, "二十元券")
    page = browser.visits(put["table_code"]["url"])
    assert page.request.path == f"/h5/bills/{put['token']}"
    assert "台位 A12 · 单号 0023 · 2 人" in words(page)
    assert "微信支付 ¥75.00" in words(page) and ticked(page) == [better]
    assert "&lt;b&gt;毛肚&lt;/b&gt;" in page.get_data(as_text=True)

    page = browser.presses(page, deed="choose", coupon=other)
    assert "微信支付 ¥85.00" in words(page) and ticked(page) == [other]

    page = browser.presses(page, deed="pay", quote=hidden(page, "quote"))
    assert page.status_code == 200 and "请在微信支付中确认 ¥85.00" in words(page)
    assert "微信支付 ¥85.00" in words(browser.visits(put["url"]))
    assert ticked(browser.visits(put["url"] + "?again=1")) == [better]
    page = browser.presses(page, deed="pay", quote=hidden(page, "quote"))
    prepay = re.search(r"prepay_id=(\w+)", page.get_data(as_text=True))
    assert prepay is not None
    state = browser.visits(f"/h5/bills/{put['token']}/state").get_json()
    assert state == {"state": "open"}
    assert wechat.pay(browser.person, prepay[1]).status == 204
    page = browser.visits(put["url"])
    assert "已支付 ¥85.00 请等候店员结账" in words(page)
    dish = a_dish(yuan=100, name="<b>毛肚</b>")
    done = room.settle_as_told(room.events()[0], dish, service_fen=500)
    assert done.status_code == 201
    assert "已结账 您已支付 ¥85.00" in words(browser.visits(put["url"]))
    is_sound()


def test_another_coupon_after_the_sheet_was_closed_is_another_payment(
    room: Dining, browser: WechatBrowser, wechat: Platform
) -> None:
    url = room.put("B1").get_json()["url"]
    browser.visits(url)
    better = gives(room, 30, "三十元券")
    page = browser.visits(url)
    page = browser.presses(page, deed="pay", quote=hidden(page, "quote"))
    page = browser.presses(browser.visits(url + "?again=1"), deed="choose")
    assert "微信支付 ¥100.00" in words(page) and better in page.get_data(as_text=True)
    page = browser.presses(page, deed="pay", quote=hidden(page, "quote"))
    assert "请在微信支付中确认 ¥100.00" in words(page)
    assert [order.state for order in wechat.orders()] == ["CLOSED", "NOTPAY"]
    assert room.states() == (["open"], ["closed", "prepared"])


def test_nothing_is_paid_by_a_form_from_elsewhere(room: Dining, browser: WechatBrowser) -> None:
    page = browser.visits(room.put("B1").get_json()["url"])
    refused = browser.presses(page, deed="pay", quote=hidden(page, "quote"), token="0" * 64)
    assert refused.status_code == 403
    assert room.states() == (["open"], [])


def test_an_empty_table_and_a_made_up_code_say_so(room: Dining, browser: WechatBrowser) -> None:
    put = room.put("B1").get_json()
    room.till.call("DELETE", "/bills/B1")
    for address in (put["table_code"]["url"], "/h5/tables/abc"):
        page = browser.visits(address)
        assert page.status_code == 404 and "本桌暂无待付账单" in words(page)
    gone = browser.visits(put["url"])
    assert (gone.status_code, "账单不存在" in words(gone)) == (404, True)


def test_a_second_phone_sees_who_is_paying(
    app: Flask, room: Dining, browser: WechatBrowser, wechat: Platform
) -> None:
    url = room.put("B1").get_json()["url"]
    other = WechatBrowser(app, wechat, wechat.person("李雷"))
    before = other.visits(url)
    page = browser.visits(url)
    browser.presses(page, deed="pay", quote=hidden(page, "quote"))
    assert "本账单正在由其他人支付" in words(other.visits(url))
    refused = other.presses(before, deed="pay", quote=hidden(before, "quote"))
    assert refused.status_code == 409 and "本账单正在由其他人支付" in words(refused)


def test_other_dishes_meanwhile_are_shown_before_anything_is_paid(
    room: Dining, browser: WechatBrowser
) -> None:
    url = room.put("B1").get_json()["url"]
    page = browser.visits(url)
    room.put("B1", a_dish(yuan=300))
    again = browser.presses(page, deed="pay", quote=hidden(page, "quote"))
    assert again.status_code == 422
    assert "报价已过期，请重新计算" in words(again) and "微信支付 ¥300.00" in words(again)
