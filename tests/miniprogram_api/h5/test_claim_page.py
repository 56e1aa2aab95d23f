"""领取页 inside WeChat: whose it becomes, what it says, who it turns away (S2-51, S2-57)."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from backend import tenancy
from backend.campaigns.models import ClaimLinkKind
from backend.database import db
from backend.members.models import Member
from scripts.wechat_platform.server import Platform
from tests.backend.campaigns.plans import coupons_of
from tests.backend.campaigns.test_links import a_gift, a_link
from tests.builders import Shop, a_member
from tests.conftest import StillClock
from tests.journeys.customers import enters
from tests.journeys.shops import a_journeys_shop
from tests.miniprogram_api.h5.browser import WechatBrowser


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    return a_journeys_shop(wechat)


def words(page: TestResponse) -> str:
    return page.get_data(as_text=True)


def test_the_first_to_press_has_the_coupons_and_everybody_after_reads_so(
    app: Flask, wechat: Platform, shop: Shop
) -> None:
    link = a_link(shop, a_member(shop), a_gift(shop, title="下次立减10元"))
    anna = WechatBrowser(app, wechat, wechat.person("安娜"))

    page = anna.visits(link.address)
    assert page.status_code == 200
    for word in (
        "下次立减10元",
        "代金券",
        "全部门店",
        "立即领取",
        ">2026-12-22<",
    ):
        assert word in words(page)
    assert "领取成功" in words(anna.presses(page))
    assert len(coupons_of(shop)) == 1

    for visitor in (anna, WechatBrowser(app, wechat, wechat.person("别人"))):
        again = words(visitor.visits(link.address))
        assert "<h1>已领取</h1>" in again
        assert "立即领取" not in again


def test_two_who_had_the_page_open_do_not_both_claim(
    app: Flask, wechat: Platform, shop: Shop
) -> None:
    link = a_link(shop, a_member(shop), a_gift(shop))
    first, second = (WechatBrowser(app, wechat, wechat.person(name)) for name in "甲乙")
    pages = [browser.visits(link.address) for browser in (first, second)]
    assert "领取成功" in words(first.presses(pages[0]))
    late = second.presses(pages[1])
    assert late.status_code == 409
    assert "<h1>已领取</h1>" in words(late)
    assert len(coupons_of(shop)) == 1


def test_past_its_window_the_page_says_so(
    app: Flask, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    end = clock.at + timedelta(hours=1)
    link = a_link(shop, a_member(shop), a_gift(shop), until=end)
    browser = WechatBrowser(app, wechat, wechat.person())
    page = browser.visits(link.address)
    clock.at = end
    assert "<h1>已过领取时间</h1>" in words(browser.presses(page))
    assert "<h1>已过领取时间</h1>" in words(browser.visits(link.address))
    assert coupons_of(shop) == []


@pytest.mark.parametrize("tells_of_strangers", [True, False])
def test_what_is_claimed_on_the_page_stands_in_the_mini_programs_card_pack(
    app: Flask, wechat: Platform, shop: Shop, tells_of_strangers: bool
) -> None:
    """Where WeChat does not say who a stranger is, they are asked, when something becomes theirs;
    one press claims all the same."""
    if not tells_of_strangers:
        wechat.fail("/cgi-bin/user/info", errcode=48001, times=9)
    person = wechat.person("小陈")
    link = a_link(shop, a_member(shop), a_gift(shop))
    browser = WechatBrowser(app, wechat, person)
    assert "领取成功" in words(browser.presses(browser.visits(link.address)))
    asked = ["snsapi_userinfo" in each for each in browser.asked]
    assert asked == ([False] if tells_of_strangers else [False, True])
    assert len(enters(app.test_client(), wechat, shop, person).numbers()) == 1


def test_a_page_login_collects_nothing_that_waits_for_a_login(
    app: Flask, wechat: Platform, shop: Shop
) -> None:
    person = wechat.person("小陈")
    customer = enters(app.test_client(), wechat, shop, person)
    a_link(shop, customer.member_id, a_gift(shop), kind=ClaimLinkKind.EXCHANGE)
    other = a_link(shop, a_member(shop), a_gift(shop, "two"), made_for="bill-2")
    browser = WechatBrowser(app, wechat, person)
    browser.presses(browser.visits(other.address))
    assert len(coupons_of(shop)) == 1


def test_an_exchanges_page_is_its_members_alone(app: Flask, wechat: Platform, shop: Shop) -> None:
    person = wechat.person("小陈")
    customer = enters(app.test_client(), wechat, shop, person)
    link = a_link(shop, customer.member_id, a_gift(shop), kind=ClaimLinkKind.EXCHANGE)
    refused = WechatBrowser(app, wechat, wechat.person("别人")).visits(link.address)
    assert refused.status_code == 404
    assert "请用兑换时的会员账号登录" in words(refused)
    with pytest.raises(tenancy.NoMerchant):
        tenancy.merchant_id()
    browser = WechatBrowser(app, wechat, person)
    assert "领取成功" in words(browser.presses(browser.visits(link.address)))


def test_outside_wechat_the_page_says_where_to_open_it(
    app: Flask, wechat: Platform, shop: Shop
) -> None:
    link = a_link(shop, a_member(shop), a_gift(shop))
    page = WechatBrowser(app, wechat, wechat.person(), agent="Mozilla/5.0").visits(link.address)
    assert "请在微信中打开" in words(page)
    assert "立即领取" not in words(page)


def test_an_unknown_link_has_no_page(app: Flask, wechat: Platform, shop: Shop) -> None:
    page = WechatBrowser(app, wechat, wechat.person()).visits("/h5/claims/nothing")
    assert page.status_code == 404
    assert "领取链接不存在" in words(page)


def test_a_form_from_elsewhere_claims_nothing(app: Flask, wechat: Platform, shop: Shop) -> None:
    link = a_link(shop, a_member(shop), a_gift(shop))
    browser = WechatBrowser(app, wechat, wechat.person())
    page = browser.visits(link.address)
    browser.presses(page, token="")
    assert browser.presses(page, token="0" * 64).status_code == 403
    assert coupons_of(shop) == []


def test_a_code_that_this_browser_did_not_set_out_for_logs_nobody_in(
    app: Flask, wechat: Platform, shop: Shop
) -> None:
    """An address with somebody's code and state in it, sent to another person."""
    link = a_link(shop, a_member(shop), a_gift(shop))
    code = wechat.oauth_code(wechat.person("坏人"), shop.oa)
    victim = WechatBrowser(app, wechat, wechat.person("好人"))
    refused = victim.visits(f"{link.address}?code={code}&state={'0' * 32}")
    assert refused.status_code == 403
    assert "登录已失效，请重新打开" in words(refused)
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalar(select(Member.id).where(Member.channel == "h5")) is None


def test_the_cookie_cannot_be_read_by_scripts_and_stays_with_the_pages(
    app: Flask, wechat: Platform, shop: Shop
) -> None:
    link = a_link(shop, a_member(shop), a_gift(shop))
    browser = WechatBrowser(app, wechat, wechat.person())
    browser.visits(link.address)
    cookie = browser.http.get_cookie(f"qb-h5-{shop.merchant_id}", path="/h5")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert not cookie.secure


def test_nothing_on_the_page_comes_from_elsewhere(app: Flask, wechat: Platform, shop: Shop) -> None:
    link = a_link(shop, a_member(shop), a_gift(shop))
    page = WechatBrowser(app, wechat, wechat.person()).visits(link.address)
    assert "http://" not in words(page)
    assert "https://" not in words(page)
    assert "<script" not in words(page)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_after_thirty_days_the_person_is_asked_for_again(
    app: Flask, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    link = a_link(shop, a_member(shop), a_gift(shop))
    browser = WechatBrowser(app, wechat, wechat.person())
    browser.visits(link.address)
    browser.visits(link.address)
    assert len(browser.asked) == 1
    clock.at += timedelta(days=30)
    assert "立即领取" in words(browser.visits(link.address))
    assert len(browser.asked) == 2
