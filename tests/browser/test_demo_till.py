"""The demo till in a real browser: a cashier identifies, prices, settles and refunds."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from tests.backend.redemption.coupons import a_coupon
from tests.browser.test_desk import Watched
from tests.builders import a_member, a_shop, a_template

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "390 px"])
def test_a_cashier_takes_a_bill_from_the_first_dish_to_the_refund(
    app: Flask, chromium: Browser, address: str, narrow: bool
) -> None:
    shop = a_shop()
    guest = a_member(shop, phone="13800000000", nickname="安娜")
    a_coupon(shop, guest, a_template(shop, title="见面礼20元", rule={"value_fen": 2000}))
    watched = Watched(chromium, address, narrow=narrow)
    page = watched.page
    page.goto(f"{address}/demo/pos/")
    page.get_by_role("button", name="鸳鸯锅").click()
    page.get_by_role("button", name="吊龙").click()
    page.get_by_label("识别会员").fill("13900000000")
    page.get_by_role("button", name="识别会员").click()
    expect(page.get_by_role("status")).to_contain_text("会员不存在。请核对手机号")
    watched.wrong.clear()
    page.get_by_label("识别会员").fill("13800000000")
    page.get_by_role("button", name="识别会员").click()
    expect(page.get_by_text("安娜 138****0000")).to_be_visible()
    expect(page.locator(".sums .total")).to_contain_text("104.00")
    expect(page.get_by_role("button", name="余额不足")).to_be_disabled()
    page.get_by_role("button", name="现金").click()
    expect(page.locator("#receipt pre")).to_contain_text("票券x1")
    page.get_by_role("button", name="整单退款").click()
    expect(page.get_by_role("button", name="已退款 ¥104.00")).to_be_visible()
    assert page.locator("section.bill").bounding_box()["y"] < 300  # type: ignore[index]
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0
    assert watched.wrong == []
    watched.context.close()
