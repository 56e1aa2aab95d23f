"""Who logs in, and the phone they confirm."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from backend.errors import RateLimited
from backend.wechat import login
from backend.wechat.errors import LoginCodeInvalid, PhoneCodeInvalid, WechatUnavailable
from backend.wechat.models import WechatApp
from scripts.wechat_platform.server import Platform
from tests.builders import Shop

EXCHANGE = "/sns/jscode2session"
PHONE = "/wxa/business/getuserphonenumber"


def test_a_code_tells_who_logs_in_without_any_token(
    wechat: Platform, shop: Shop, mini: WechatApp
) -> None:
    anna = wechat.person("安娜")
    session = login.exchange(mini, wechat.login_code(anna, shop.mini))
    account = wechat.account(shop.mini, "miniprogram", f"secret-{shop.mini}")
    assert session == login.Session(wechat.openid(anna, shop.mini), wechat.unionid(anna, account))
    assert wechat.calls("/cgi-bin/stable_token") == 0


def test_an_app_without_an_open_account_tells_no_unionid(
    wechat: Platform, shop: Shop, mini: WechatApp
) -> None:
    wechat.account(shop.mini, "miniprogram", f"secret-{shop.mini}", union_group=None)
    code = wechat.login_code(wechat.person(), shop.mini)
    assert login.exchange(mini, code).unionid is None


def test_a_code_is_good_once_and_only_in_its_own_app(
    wechat: Platform, shop: Shop, mini: WechatApp
) -> None:
    anna = wechat.person()
    code = wechat.login_code(anna, shop.mini)
    login.exchange(mini, code)
    for bad in (code, "made-up", "", wechat.login_code(anna, shop.oa)):
        with pytest.raises(LoginCodeInvalid):
            login.exchange(mini, bad)


@pytest.mark.parametrize(
    ("errcode", "refusal"),
    [
        (40226, LoginCodeInvalid),
        (45011, RateLimited),
        (-1, WechatUnavailable),
        (40125, WechatUnavailable),
    ],
)
def test_what_wechat_refuses_is_told_in_the_customers_words(
    wechat: Platform, mini: WechatApp, errcode: int, refusal: type[Exception]
) -> None:
    wechat.fail(EXCHANGE, errcode=errcode)
    with pytest.raises(refusal):
        login.exchange(mini, "code")


def test_a_lost_answer_is_wechat_being_away(wechat: Platform, shop: Shop, mini: WechatApp) -> None:
    for fault in ({"html": True}, {"status": 502}, {"truncate": True}):
        wechat.fail(EXCHANGE, **fault)  # type: ignore[arg-type]
        with pytest.raises(WechatUnavailable):
            login.exchange(mini, wechat.login_code(wechat.person(), shop.mini))


def test_the_confirmed_phone_is_read(wechat: Platform, shop: Shop, mini: WechatApp) -> None:
    anna = wechat.person(phone="13812345678")
    code = wechat.phone_code(anna, shop.mini)
    assert login.phone_number(mini, code) == "13812345678"
    for bad in (code, wechat.login_code(anna, shop.mini)):
        with pytest.raises(PhoneCodeInvalid):
            login.phone_number(mini, bad)


def test_without_wechat_there_is_no_phone(wechat: Platform, shop: Shop, mini: WechatApp) -> None:
    wechat.fail(PHONE, status=502)
    with pytest.raises(WechatUnavailable):
        login.phone_number(mini, "code")


def test_a_web_page_learns_who_opened_it(wechat: Platform, shop: Shop, oa: WechatApp) -> None:
    anna = wechat.person()
    session = login.web_exchange(oa, wechat.oauth_code(anna, shop.oa))
    assert session.openid == wechat.openid(anna, shop.oa)
    with pytest.raises(LoginCodeInvalid):
        login.web_exchange(oa, "made-up")


def test_a_browser_is_sent_to_wechat_and_comes_back_with_a_code(
    wechat: Platform, shop: Shop, oa: WechatApp
) -> None:
    anna = wechat.person()
    wechat.choose(anna)
    address = login.web_address(oa, back_to="http://127.0.0.1:8000/h5/x?a=1", state="s&t")
    answer = requests.get(address, allow_redirects=False, timeout=5)
    came_back = urlsplit(answer.headers["Location"])
    query = parse_qs(came_back.query)
    assert (came_back.path, query["a"], query["state"]) == ("/h5/x", ["1"], ["s&t"])
    session = login.web_exchange(oa, query["code"][0])
    assert session.openid == wechat.openid(anna, shop.oa)
