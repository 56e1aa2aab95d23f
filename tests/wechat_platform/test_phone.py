"""The phone page, first as pages, then as a person sees it."""

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from scripts.wechat_platform.scenes import new_scene
from scripts.wechat_platform.server import Platform, start_platform
from tests.wechat_platform.conftest import SUBSCRIBE_SEND, TEMPLATE_SEND, Caller
from tests.wechat_platform.shop import Shop, open_shop
from tests.wechat_platform.test_pay import MCH, Merchant

_PHONE = {"width": 390, "height": 844}
_FIELDS = {"thing1": "券名称"}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


@pytest.fixture
def street(shop: Shop) -> Iterator[Platform]:
    """A platform beside an open shop, with a store's code on the wall."""
    platform = start_platform(
        product=shop.url, deliver=lambda url, query, body, content_type: (200, b"")
    )
    account = platform.account(
        "wxoa", "official_account", "wxoa-secret", name="星火火锅", templates={"TPL2": _FIELDS}
    )
    platform.account(
        "wxmini", "miniprogram", "wxmini-secret", name="星火火锅", templates={"TPL1": _FIELDS}
    )
    new_scene(platform.world.store, account, "s:xinghuo:s01", title="星火火锅 · 皇岗")
    yield platform
    platform.stop()


def _open(platform: Platform, address: str) -> str:
    answer = requests.get(platform.url + address, timeout=10)
    assert answer.status_code == 200
    return answer.text


def test_a_new_person_scans_a_store_and_follows(street: Platform) -> None:
    visitor = requests.Session()
    made = visitor.post(f"{street.url}/people", data={"nickname": "王勇"}, timeout=10)
    codes = visitor.get(f"{made.url}/scan", timeout=10).text
    ticket = re.search(r'value="(gQ[^"]+)"', codes)
    assert ticket is not None
    chat = visitor.post(f"{made.url}/scan", data={"ticket": ticket[1]}, timeout=10).text
    assert "您已关注星火火锅" in chat
    unfollowed = visitor.post(f"{made.url}/oa/wxoa/unfollow", timeout=10).text
    assert "关注公众号" in unfollowed


def test_a_code_whose_text_is_an_address_opens_it_as_the_person_of_the_phone(
    street: Platform,
) -> None:
    visitor, anna = requests.Session(), street.person("安娜")
    phone = f"{street.url}/phone/{anna.id}/scan"
    assert "小票或桌上的码" in visitor.get(phone, timeout=10).text
    scanned = visitor.post(
        phone,
        data={"address": "http://127.0.0.1:1/h5/claims/abc"},
        allow_redirects=False,
        timeout=10,
    )
    assert scanned.headers["Location"] == "http://127.0.0.1:1/h5/claims/abc?local_wechat=1"
    asking = {"appid": "wxoa", "redirect_uri": "http://127.0.0.1:1/h5", "response_type": "code"}
    authorize = f"{street.url}/connect/oauth2/authorize"
    back = visitor.get(authorize, params=asking, allow_redirects=False, timeout=10)
    assert back.headers["Location"].startswith("http://127.0.0.1:1/h5?code=")
    told = visitor.post(
        phone, data={"address": "javascript:alert(1)"}, allow_redirects=False, timeout=10
    )
    assert told.headers["Location"] == f"/phone/{anna.id}/scan"


def test_messages_are_cards_and_only_links_survive_of_their_html(street: Platform) -> None:
    anna = street.person("安娜")
    street.follow(anna, "wxoa")
    openid = street.openid(anna, "wxoa")
    call = Caller(street)
    call.post(
        TEMPLATE_SEND,
        "wxoa",
        touser=openid,
        template_id="TPL2",
        url="http://127.0.0.1/h5",
        data={"thing1": {"value": "每满300减100"}},
    )
    text = '<b>请</b><a href="http://127.0.0.1/h5/pack">打开卡包</a>'
    call.post(
        "/cgi-bin/message/custom/send",
        "wxoa",
        touser=openid,
        msgtype="text",
        text={"content": text},
    )
    page = _open(street, f"/phone/{anna.id}/oa/wxoa")
    assert "<dt>券名称</dt><dd>每满300减100</dd>" in page
    assert '<a href="http://127.0.0.1/h5/pack" target="_blank"' in page
    assert "&lt;b&gt;请&lt;/b&gt;" in page


def test_without_its_product_the_mini_program_says_so(street: Platform) -> None:
    street.world.product = "http://127.0.0.1:9"
    anna = street.person("安娜")
    answer = requests.post(
        f"{street.url}/phone/{anna.id}/mini/wxmini/login", json={}, timeout=10
    ).json()
    assert (answer["status"], answer["body"]["code"]) == (503, "PRODUCT_AWAY")


def test_the_page_never_holds_the_bearer_and_reaches_only_the_api(
    street: Platform, shop: Shop
) -> None:
    anna = street.person("安娜")
    address = f"{street.url}/phone/{anna.id}/mini/wxmini"
    answer = requests.post(f"{address}/login", json={}, timeout=10).json()
    assert answer["status"] == 200
    assert "token" not in answer["body"]
    for path in ("/admin/", "/api/v1/../../admin/"):
        refused = requests.post(f"{address}/call", json={"path": path}, timeout=10).json()
        assert refused["status"] == 503


@pytest.fixture
def page(street: Platform, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="zh-CN", viewport=_PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    yield page
    context.close()
    assert problems == []
    assert [url for url in asked if not url.startswith(street.url)] == []


@pytest.mark.browser
def test_a_coupon_is_claimed_shown_redeemed_and_reminded(
    street: Platform, shop: Shop, page: Page
) -> None:
    anna, clerk = street.person("安娜", "13100009041"), street.person("小李")
    page.goto(f"{street.url}/phone/{anna.id}/mini/wxmini")
    expect(page.get_by_text("这次登录为您领取了 2 张券")).to_be_visible()
    page.get_by_text("到期提醒我").click()
    page.get_by_text("允许").click()
    expect(page.get_by_text("已订阅，到时提醒您")).to_be_visible()
    assert shop.consents == [{"results": {"TPL1": "accept"}}]
    page.get_by_text("绑定手机号").click()
    expect(page.get_by_text("131****9041")).to_be_visible()
    page.get_by_text("去使用").first.click()
    expect(page.get_by_text("4829 1307 5561")).to_be_visible()
    expect(page.locator(".qr-code svg")).to_be_visible()

    desk = page.context.new_page()
    desk.goto(f"{street.url}/phone/{clerk.id}/mini/wxmini")
    desk.get_by_text("知道了").click()
    desk.locator("[data-view=verify]").click()
    desk.get_by_label("绑定码").fill("bind-me")
    desk.get_by_role("button", name="绑定", exact=True).click()
    desk.get_by_text("扫一扫").click()
    desk.get_by_text("安娜出示的券").click()
    desk.get_by_text("确认核销").click()
    expect(desk.get_by_text("核销成功")).to_be_visible()
    expect(page.get_by_text("已核销")).to_be_visible()
    desk.get_by_text("撤销这次核销").click()
    expect(desk.get_by_text("已撤销，券可以再用")).to_be_visible()

    letter = {"touser": street.openid(anna, "wxmini"), "template_id": "TPL1"}
    sent = Caller(street).post(
        SUBSCRIBE_SEND, "wxmini", **letter, data={"thing1": {"value": "每满300减100"}}
    )
    assert sent["errcode"] == 0
    page.goto(f"{street.url}/phone/{anna.id}/notices")
    expect(page.get_by_text("每满300减100")).to_be_visible()


@pytest.mark.browser
def test_the_operators_mini_program_asks_for_the_store_first(
    street: Platform, shop: Shop, page: Page
) -> None:
    street.account("wxshared", "miniprogram", "s", name="排队网", union_group="operator")
    anna = street.person("安娜")
    page.goto(f"{street.url}/phone/{anna.id}/mini/wxshared")
    page.get_by_text("星火火锅 · 皇岗").click()
    expect(page.get_by_text("这次登录为您领取了 2 张券")).to_be_visible()
    assert shop.logins[-1] == {"app_id": "wxshared", "scene": "s:xinghuo:s01"}


@pytest.mark.browser
def test_a_table_is_scanned_and_paid_for(street: Platform, shop: Shop, page: Page) -> None:
    anna = street.person("安娜")
    merchant = Merchant(street, street.pay_account(MCH, name="星火火锅"), anna)

    def taken(url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        shop.bill |= {"state": "paid", "best": None, "paid": {"mine": True, "name": "安"}}
        return 204, b""

    street.deliver_notice = taken
    shop.wechat_pay = merchant.params(merchant.prepay(amount={"total": 18400}))
    page.goto(f"{street.url}/phone/{anna.id}/scan")
    page.get_by_label("码里的网址").fill("https://shop.example/h5/tables/t1")
    page.get_by_role("button", name="扫一扫", exact=True).click()
    expect(page.get_by_text("鸳鸯锅 ×1")).to_be_visible()
    expect(page.get_by_text("¥184.00")).to_be_visible()
    page.get_by_label("每满300减100").uncheck()
    expect(page.get_by_text("¥284.00")).to_be_visible()
    page.get_by_role("button", name="微信支付").click()
    expect(page.get_by_text("报价已失效")).to_be_visible()
    page.get_by_role("button", name="微信支付").click()
    expect(page.get_by_role("dialog").get_by_text("¥184.00")).to_be_visible()
    page.get_by_role("button", name="取消").click()
    expect(page.get_by_text("已取消")).to_be_visible()
    assert [order.state for order in street.orders()] == ["NOTPAY"]
    page.get_by_role("button", name="微信支付").click()
    page.get_by_role("button", name="确认支付").click()
    expect(page.get_by_text("您已付款")).to_be_visible()
    assert [order.state for order in street.orders()] == ["SUCCESS"]
