"""The desk in a real browser: from the login to a running campaign, on a desk and on a phone."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from backend import tenancy
from backend.campaigns.models import Campaign
from backend.database import db
from backend.merchants.models import Role
from tests.admin.desk import PASSWORD, a_person, one_of_each
from tests.admin.test_access import PAGES
from tests.builders import Shop, a_member, a_shop, reread

pytestmark = pytest.mark.browser
NARROW = {"width": 390, "height": 844}


class Watched:
    """A page whose every request and console message is kept."""

    def __init__(self, browser: Browser, address: str, *, narrow: bool) -> None:
        size = NARROW if narrow else {"width": 1440, "height": 900}
        self.context = browser.new_context(
            viewport=size,  # type: ignore[arg-type]
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
        )
        self.page: Page = self.context.new_page()
        self.address = address
        self.wrong: list[str] = []
        self.page.on("request", lambda r: self._note_host(r.url))
        self.page.on("console", lambda m: self._note(m.type in ("error", "warning"), m.text))
        self.page.on("pageerror", lambda error: self._note(True, str(error)))
        self.page.on("response", lambda r: self._note(r.status >= 400, f"{r.status} {r.url}"))

    def sign_in(self, login: str) -> None:
        self.page.goto(f"{self.address}/admin/login")
        self.page.get_by_label("账号").fill(login)
        self.page.get_by_label("密码").fill(PASSWORD)
        self.page.get_by_role("button", name="登录").click()
        expect(self.page.get_by_role("heading", name="经营概览")).to_be_visible()

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)

    def _note_host(self, url: str) -> None:
        self._note(not url.startswith((self.address, "data:")), f"left the host: {url}")

    def _note(self, is_wrong: bool, what: str) -> None:
        if is_wrong:
            self.wrong.append(what)


@pytest.fixture
def shop(app: Flask) -> Shop:
    shop = a_shop()
    one_of_each(shop)
    for n in range(9):
        a_member(shop, phone=f"1390000{n:04d}", nickname=f"客{n}", consumptions=n % 3)
    a_person(shop, Role.OWNER, login="boss")
    return shop


@pytest.fixture
def desk(chromium: Browser, address: str, shop: Shop) -> Iterator[Watched]:
    watched = Watched(chromium, address, narrow=False)
    watched.sign_in("boss")
    yield watched
    watched.context.close()


def test_from_the_login_to_a_running_campaign(desk: Watched, shop: Shop) -> None:
    page = desk.page
    page.get_by_role("link", name="券模板").click()
    page.get_by_role("link", name="新建券模板").click()
    page.get_by_label("券名称").fill("午市8.8折")
    page.locator("label", has_text="折扣券").click()
    expect(page.get_by_label("面额")).to_be_hidden()
    page.get_by_label("折扣", exact=True).fill("8.8")
    expect(page.locator(".ticket .face b")).to_have_text("8.8折")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("cell", name="午市8.8折")).to_be_visible()

    page.get_by_role("link", name="营销活动").click()
    page.get_by_role("link", name="新建活动").click()
    page.get_by_role("link", name="激活新客户").click()
    count = page.locator("#audience-count")
    expect(count).to_have_text("0 人")
    for _ in range(2):
        page.locator(".condition").first.get_by_role("button", name="移除").click()
    expect(count).to_have_text("10 人")
    page.get_by_role("button", name="＋ 客户分类").click()
    page.locator(".condition label", has_text="忠诚客").click()
    expect(count).to_have_text("3 人")
    expect(page.locator("#forecast")).to_contain_text("2026-12-03 10:00")
    page.get_by_role("button", name="＋ 添加券").click()
    page.get_by_label("券", exact=True).select_option(label="午市8.8折")
    page.get_by_role("button", name="保存并启动").click()
    expect(page.locator(".head .badge")).to_have_text("启动中")
    reread()
    with tenancy.acting_for(shop.merchant_id):
        running = db.session.scalars(select(Campaign.name).where(Campaign.state == "running"))
        assert running.all() == ["激活新客户"]
    assert desk.wrong == []


def test_the_switch_asks_before_it_pauses(desk: Watched) -> None:
    page = desk.page
    desk.open("/admin/campaigns/")
    page.get_by_role("switch").click()
    expect(page.locator("#confirm p")).to_contain_text("首次启动从下一周期开始发券")
    page.locator("#confirm").get_by_role("button", name="确定").click()
    expect(page.get_by_role("switch")).to_have_attribute("aria-checked", "true")
    page.get_by_role("switch").click()
    expect(page.locator("#confirm p")).to_contain_text("暂停后从现在起不再发券")
    page.locator("#confirm").get_by_role("button", name="取消").click()
    expect(page.get_by_role("switch")).to_have_attribute("aria-checked", "true")
    assert desk.wrong == []


def test_an_empty_input_is_not_sent(desk: Watched) -> None:
    """Trap 5, in the browser."""
    desk.open("/admin/members/")
    desk.page.get_by_label("昵称").fill("客1")
    desk.page.get_by_role("button", name="查询").click()
    expect(desk.page.locator("tbody tr")).to_have_count(1)
    assert "flt0_0" not in desk.page.url and "flt1_1" in desk.page.url


@pytest.mark.parametrize("narrow", [False, True], ids=["desk", "phone"])
def test_every_page_stays_in_its_width_and_on_its_host(
    chromium: Browser, address: str, shop: Shop, narrow: bool
) -> None:
    watched = Watched(chromium, address, narrow=narrow)
    watched.sign_in("boss")
    for path in PAGES:
        if "export" in path:
            continue
        watched.open(path)
        watched.page.wait_for_load_state("networkidle")
        width = watched.page.evaluate("document.documentElement.scrollWidth")
        assert width <= watched.page.viewport_size["width"], path  # type: ignore[index]
    assert watched.wrong == []
    watched.context.close()


def test_the_menu_slides_in_on_a_phone(chromium: Browser, address: str, shop: Shop) -> None:
    watched = Watched(chromium, address, narrow=True)
    watched.sign_in("boss")
    link = watched.page.get_by_role("link", name="券码明细")
    expect(link).not_to_be_in_viewport()
    watched.page.get_by_role("button", name="菜单").click()
    link.click()
    expect(watched.page.get_by_role("heading", name="券码明细")).to_be_visible()
    expect(watched.page.get_by_label("手机号")).to_be_hidden()
    watched.page.get_by_role("button", name="筛选").click()
    expect(watched.page.get_by_label("手机号")).to_be_visible()
    watched.context.close()
