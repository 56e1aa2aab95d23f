"""领取页 on a phone in a real Chromium, opened by the local WeChat's 扫一扫 (S2-51, S2-57)."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from scripts.wechat_platform.server import Platform
from tests.backend.campaigns.test_links import a_gift, a_link
from tests.browser.test_desk import NARROW
from tests.builders import a_member
from tests.journeys.shops import a_journeys_shop

pytestmark = pytest.mark.browser


def test_a_visitor_scans_a_receipt_claims_and_reads_that_it_is_claimed(
    app: Flask, wechat: Platform, chromium: Browser, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_URL", address)
    shop = a_journeys_shop(wechat)
    link = a_link(shop, a_member(shop), a_gift(shop, title="下次到店立减10元"))
    anna = wechat.person("安娜")
    context = chromium.new_context(viewport=NARROW, locale="zh-CN")  # type: ignore[arg-type]
    page = context.new_page()
    hosts: set[str] = set()
    wrong: list[str] = []
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))

    page.goto(link.address)
    expect(page.get_by_role("heading", name="请在微信中打开")).to_be_visible()
    page.goto(f"{wechat.url}/phone/{anna.id}/scan")
    page.get_by_label("码里的网址").fill(link.address)
    page.get_by_role("button", name="扫一扫").click()
    expect(page.get_by_role("heading", name="下次到店立减10元")).to_be_visible()
    assert _fits(page)
    page.get_by_role("button", name="立即领取").click()
    expect(page.get_by_role("heading", name="领取成功")).to_be_visible()
    assert _fits(page)
    page.goto(link.address)
    expect(page.get_by_role("heading", name="已领取")).to_be_visible()

    assert wrong == []
    assert hosts == {address.split("/")[2], wechat.url.split("/")[2]}
    context.close()


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
