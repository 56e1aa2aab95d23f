"""access_token, login codes, phone codes and web authorization."""

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from scripts.wechat_platform.server import Platform
from tests.wechat_platform.conftest import Caller

CLIENT = {"grant_type": "client_credential", "appid": "wxoa", "secret": "wxoa-secret"}


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"grant_type": "other"}, 40002),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"appid": "wxunknown"}, 40013),
        ({"secret": "wrong"}, 40125),
    ],
)
def test_a_wrong_token_request_says_what_is_wrong(
    call: Caller, changed: dict[str, str], errcode: int
) -> None:
    assert call.get("/cgi-bin/token", **(CLIENT | changed))["errcode"] == errcode
    assert call.post("/cgi-bin/stable_token", **(CLIENT | changed))["errcode"] == errcode


def test_an_error_is_http_200_with_a_request_id_and_wechats_content_type(call: Caller) -> None:
    answer = call.raw("GET", "/cgi-bin/user/info", {"openid": "o"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json; encoding=utf-8"
    assert re.search(r" rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$", answer.json()["errmsg"])


@pytest.mark.parametrize(("token", "errcode"), [("", 41001), ("made-up", 40001)])
def test_a_call_without_a_good_token_is_refused(call: Caller, token: str, errcode: int) -> None:
    assert call.get("/cgi-bin/user/get", access_token=token)["errcode"] == errcode


def test_an_expired_token_answers_42001_and_a_fresh_one_works(
    platform: Platform, call: Caller
) -> None:
    old = call.token("wxoa")
    platform.expire_tokens("wxoa")
    assert call.get("/cgi-bin/user/get", access_token=old)["errcode"] == 42001
    assert "total" in call.get("/cgi-bin/user/get", access_token=call.token("wxoa"))


def test_a_stable_token_stays_the_same_until_its_last_five_minutes(
    platform: Platform, call: Caller
) -> None:
    first = call.token("wxoa")
    assert call.token("wxoa") == first
    platform.world.clock = lambda: time.time() + 7200 - 299
    assert call.token("wxoa") != first
    assert "total" in call.get("/cgi-bin/user/get", access_token=first)


def test_force_refresh_kills_the_stable_token_once_in_thirty_seconds(call: Caller) -> None:
    first = call.token("wxoa")
    second = call.post("/cgi-bin/stable_token", **CLIENT, force_refresh=True)["access_token"]
    third = call.post("/cgi-bin/stable_token", **CLIENT, force_refresh=True)["access_token"]
    assert second != first
    assert third == second
    assert call.get("/cgi-bin/user/get", access_token=first)["errcode"] == 40001


def test_a_newer_classic_token_kills_the_older_after_five_minutes(
    platform: Platform, call: Caller
) -> None:
    older = str(call.get("/cgi-bin/token", **CLIENT)["access_token"])
    newer = str(call.get("/cgi-bin/token", **CLIENT)["access_token"])
    assert older != newer
    assert "total" in call.get("/cgi-bin/user/get", access_token=older)
    platform.world.clock = lambda: time.time() + 301
    assert call.get("/cgi-bin/user/get", access_token=older)["errcode"] == 40001
    assert "total" in call.get("/cgi-bin/user/get", access_token=newer)


def _session(call: Caller, code: str, app_id: str = "wxmini") -> dict[str, object]:
    return call.get(
        "/sns/jscode2session",
        appid=app_id,
        secret=f"{app_id}-secret",
        js_code=code,
        grant_type="authorization_code",
    )


def test_a_login_code_works_once(platform: Platform, call: Caller) -> None:
    anna = platform.person("安娜")
    code = platform.login_code(anna, "wxmini")
    session = _session(call, code)
    assert session["openid"] == platform.openid(anna, "wxmini")
    assert set(session) == {"openid", "session_key", "unionid"}
    assert _session(call, code)["errcode"] == 40163


def test_codes_of_another_app_another_purpose_or_too_old_are_40029(
    platform: Platform, call: Caller
) -> None:
    anna = platform.person("安娜", phone="13800000001")
    assert _session(call, platform.login_code(anna, "wxoa"))["errcode"] == 40029
    assert _session(call, platform.phone_code(anna, "wxmini"))["errcode"] == 40029
    assert _session(call, "made-up")["errcode"] == 40029
    old = platform.login_code(anna, "wxmini")
    platform.world.clock = lambda: time.time() + 301
    assert _session(call, old)["errcode"] == 40029


def test_openids_differ_by_app_and_the_unionid_joins_them(platform: Platform) -> None:
    anna = platform.person("安娜")
    oa = platform.account("wxoa", "official_account", "s")
    alone = platform.account("wxalone", "miniprogram", "s", union_group=None)
    in_oa, in_mini = platform.openid(anna, "wxoa"), platform.openid(anna, "wxmini")
    assert in_oa != in_mini
    assert all(re.fullmatch(r"o[\w-]{27}", openid) for openid in (in_oa, in_mini))
    assert re.fullmatch(r"o[\w-]{27}", platform.unionid(anna, oa) or "")
    assert platform.unionid(anna, alone) is None


def test_a_phone_code_gives_the_number_and_only_to_its_own_app(
    platform: Platform, call: Caller
) -> None:
    anna = platform.person("安娜", phone="13800000001")
    path = "/wxa/business/getuserphonenumber"
    answer = call.post(path, "wxmini", code=platform.phone_code(anna, "wxmini"))
    info = answer["phone_info"]
    assert isinstance(info, dict)
    assert info["purePhoneNumber"] == "13800000001"
    assert call.post(path, "wxoa", code=platform.phone_code(anna, "wxmini"))["errcode"] == 40029


def test_web_authorization_goes_back_as_the_person_of_the_phone(
    platform: Platform, call: Caller
) -> None:
    anna = platform.person("安娜")
    platform.choose(anna)
    answer = requests.get(
        f"{platform.url}/connect/oauth2/authorize",
        params={
            "appid": "wxoa",
            "redirect_uri": "http://127.0.0.1:1/back?x=1",
            "response_type": "code",
            "scope": "snsapi_userinfo",
            "state": "st1",
        },
        allow_redirects=False,
        timeout=10,
    )
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (back["x"], back["state"]) == (["1"], ["st1"])
    exchange = {
        "appid": "wxoa",
        "secret": "wxoa-secret",
        "code": back["code"][0],
        "grant_type": "authorization_code",
    }
    granted = call.get("/sns/oauth2/access_token", **exchange)
    assert granted["openid"] == platform.openid(anna, "wxoa")
    assert call.get("/sns/oauth2/access_token", **exchange)["errcode"] == 40163
    info = call.get(
        "/sns/userinfo",
        access_token=str(granted["access_token"]),
        openid=str(granted["openid"]),
    )
    assert (info["nickname"], info["unionid"]) == ("安娜", granted["unionid"])


def test_a_browser_without_a_phone_is_asked_whose_it_is(platform: Platform) -> None:
    anna = platform.person("安娜")
    query = "appid=wxoa&redirect_uri=http://127.0.0.1:1/b&response_type=code&scope=snsapi_base"
    address = f"{platform.url}/connect/oauth2/authorize?{query}"
    page = requests.get(address, timeout=10)
    assert f"&amp;_person={anna.id}" in page.text
    chosen = requests.get(f"{address}&_person={anna.id}", allow_redirects=False, timeout=10)
    assert chosen.status_code == 302
    assert chosen.cookies["wechat_person"] == anna.id
