"""扫码付 on a phone in a real Chromium: another coupon, paid in the local WeChat, told without a
touch (S1-19, S1-20)."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from scripts.wechat_platform.server import Platform
from tests.backend.open_bills.dining import a_dining_room
from tests.browser.test_desk import NARROW
from tests.conftest import StillClock
from tests.miniprogram_api.h5.test_bill_page import gives

pytestmark = pytest.mark.browser


def test_a_guest_scans_changes_the_coupon_pays_and_sees_it_settled(
    app: Flask,
    http: FlaskClient,
    clock: StillClock,
    wechat: Platform,
    chromium: Browser,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_URL", address)
    room = a_dining_room(http, wechat)
    put = room.put("0023").get_json()
    anna = wechat.person("安娜")
    context = chromium.new_context(viewport=NARROW, locale="zh-CN")  # type: ignore[arg-type]
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))

    wechat.choose(anna)
    page.goto(put["table_code"]["url"])
    page.get_by_role("link", name="以微信身份继续").click()
    expect(page.get_by_role("button", name="微信支付 ¥100.00")).to_be_visible()
    gives(room, 30, "三十元券")
    gives(room, 20, "二十元券")
    page.reload()
    expect(page.get_by_role("button", name="微信支付 ¥70.00")).to_be_visible()
    assert _fits(page)
    page.get_by_label("三十元券").uncheck()
    expect(page.get_by_role("button", name="微信支付 ¥100.00")).to_be_visible()
    page.get_by_label("二十元券").check()
    expect(page.get_by_role("button", name="微信支付 ¥80.00")).to_be_visible()
    page.get_by_role("button", name="微信支付 ¥80.00").click()
    expect(page.get_by_role("status")).to_have_text("请在微信支付中确认 ¥80.00")
    assert _fits(page)

    phone = context.new_page()
    phone.goto(f"{wechat.url}/phone/{anna.id}/pay")
    phone.get_by_role("button", name="确认支付").click()
    expect(page.get_by_role("heading", name="已支付 ¥80.00")).to_be_visible()
    expect(page.get_by_text("请等候店员结账")).to_be_visible()
    assert _fits(page)
    assert room.settle_as_told(room.events()[0]).status_code == 201
    expect(page.get_by_role("heading", name="已结账")).to_be_visible()

    assert wrong == []
    context.close()


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
