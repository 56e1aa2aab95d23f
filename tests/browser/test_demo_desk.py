"""The demo's desk on a phone in a real Chromium: every page that a link leads to, with something on
it, and what is behind a wrong address."""

import re
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from backend.database import db
from backend.merchants import staff
from backend.merchants.models import Merchant, Role
from backend.setup.apply import apply
from backend.setup.reading import read
from scripts.demo.first_run import SETUP, live
from tests.admin.desk import PASSWORD
from tests.browser.test_desk import Watched
from tests.builders import reread
from tests.conftest import StillClock

pytestmark = pytest.mark.browser

KINDS = (
    "class_marketing", "periodic", "consumption_gift", "points_exchange", "mall_voucher",
    "registration_points", "consumption_points", "holiday_points", "manual_points",
)  # fmt: skip
RAW = re.compile(
    r"\b[a-z]+_[a-z_]+\b|\b[A-Z]+_[A-Z_]+\b|\d{4}-\d\d-\d\dT\d\d"
    r"|\b(?:None|True|False|NaN|undefined)\b"
)
"""Names of the code, times of machines and what a template prints of nothing."""
SHOWS_WHAT_CAME = ("/admin/audit/details/", "/admin/refused-bills/details/")
"""These show what a till or the set-up file wrote, word for word."""


@pytest.fixture
def demo(app: Flask, clock: StillClock, tmp_path: Path) -> None:
    clock.move_to("2026-11-21 20:30")
    apply(read(SETUP.read_text()), now=clock.at)
    live(tmp_path, members=120, now=clock.at)
    merchant_id = db.session.scalars(select(Merchant.id)).one()
    staff.create(
        "tester",
        role=Role.OWNER,
        merchant_id=merchant_id,
        password=PASSWORD,
        actor="test",
        now=clock.at,
    )
    reread()


def test_every_page_of_the_demo_reads_well_on_a_phone(
    demo: None, chromium: Browser, address: str
) -> None:
    watched = Watched(chromium, address, narrow=True)
    watched.sign_in("tester@xinghuo")
    waiting = ["/admin/", *(f"/admin/campaigns/new/?kind={kind}" for kind in KINDS)]
    seen: set[str] = set()
    while waiting:
        path = waiting.pop(0)
        watched.open(path)
        watched.page.wait_for_load_state("networkidle")
        assert _spills(watched.page) <= 0, path
        said = watched.page.locator("main").inner_text()
        if not path.startswith(SHOWS_WHAT_CAME):
            assert RAW.findall(said) == [], path
        for link in _links(watched.page):
            kind_of_page = re.sub(r"\d+", "n", link.partition("&")[0])
            if kind_of_page not in seen:
                seen.add(kind_of_page)
                waiting.append(link)
    assert len(seen) > 40
    assert watched.wrong == []
    watched.context.close()


@pytest.mark.parametrize("path", ["claims/nowhere", "bills/nowhere", "tills/nowhere", "no/where"])
def test_a_wrong_address_says_what_to_do(
    app: Flask, chromium: Browser, address: str, path: str
) -> None:
    page = Watched(chromium, address, narrow=True).page
    page.goto(f"{address}/h5/{path}")
    expect(page.get_by_text("请重新扫一次二维码")).to_be_visible()
    assert _spills(page) <= 0
    page.context.close()


def test_the_bare_address_leads_to_the_desk(app: Flask, chromium: Browser, address: str) -> None:
    page = Watched(chromium, address, narrow=False).page
    page.goto(address)
    expect(page.get_by_label("账号")).to_be_visible()
    page.context.close()


def _spills(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def _links(page: Page) -> list[str]:
    """Pages of the desk that this one leads to; no other view of it, and no file."""
    found = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
    return [
        link
        for link in found
        if link.startswith("/admin/")
        and not re.search(r"logout|export|[?&](page|sort|tab|flt|page_size)|#", link)
    ]
