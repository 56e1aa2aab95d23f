"""登录: what a code of wx.login, getPhoneNumber or a web page's authorization stands for."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from backend import deployment
from backend.errors import RateLimited
from backend.wechat import gateway, tokens, transport
from backend.wechat.errors import (
    LoginCodeInvalid,
    PhoneCodeInvalid,
    WechatError,
    WechatUnavailable,
)
from backend.wechat.models import WechatApp


@dataclass(frozen=True)
class Session:
    """Who logged in: the openid in this app, the unionid where WeChat gives one."""

    openid: str
    unionid: str | None


def exchange(app: WechatApp, code: str) -> Session:
    """登录. A code is good once, for five minutes, in its own app; needs no access token.

    The session key is not kept: nothing here decrypts with it.
    """
    return _session(app, "/sns/jscode2session", "js_code", code)


def is_played() -> bool:
    """Whether a simulator stands where WeChat would: any browser may then be inside WeChat."""
    return deployment.wechat_api() != transport.HOST


def web_host() -> str:
    """Where a browser is sent to be recognised."""
    base = deployment.wechat_api()
    return _WEB_HOST if base == transport.HOST else base


def web_address(app: WechatApp, *, back_to: str, state: str, with_unionid: bool = False) -> str:
    """网页授权: where a page inside WeChat sends the browser, to come back with a code.

    Silent, and tells the openid only; ``with_unionid`` the person is asked, and who they are in
    other apps is told too. ``state``: at most 128 letters and digits.
    """
    query = {
        "appid": app.app_id,
        "redirect_uri": back_to,
        "response_type": "code",
        "scope": "snsapi_userinfo" if with_unionid else "snsapi_base",
        "state": state,
    }
    return f"{web_host()}/connect/oauth2/authorize?{urlencode(query)}#wechat_redirect"


def web_exchange(app: WechatApp, code: str) -> Session:
    """网页授权's code: who opened the page, by their openid in this official account."""
    return _session(app, "/sns/oauth2/access_token", "code", code)


def phone_number(app: WechatApp, code: str) -> str:
    """手机号, as the customer confirmed it to WeChat; foreign ones carry ``+`` and their area."""
    problem: Exception
    try:
        answer = gateway.write(
            app, "/wxa/business/getuserphonenumber", {"code": code}, expects=("phone_info",)
        )
    except WechatError as error:
        problem = PhoneCodeInvalid() if error.code in _BAD_CODES else _unavailable(error)
    else:
        told = answer["phone_info"]
        pure = told.get("purePhoneNumber") if isinstance(told, dict) else None
        area = str(told.get("countryCode", "86")) if isinstance(told, dict) else ""
        if isinstance(pure, str) and _DIGITS.fullmatch(pure) and area.isdecimal():
            return pure if area == "86" else f"+{area}{pure}"
        problem = WechatUnavailable()
    raise problem


_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{4,15}")
_BAD_CODES = {40029, 40163, 41008}
_BLOCKED_USER = 40226
_WEB_HOST = "https://open.weixin.qq.com"
_TOO_OFTEN = 45011


def _session(app: WechatApp, path: str, parameter: str, code: str) -> Session:
    us = tokens.credentials_of(app)
    problem: Exception
    try:
        answer = gateway.without_token(
            path,
            params={
                "appid": us.app_id,
                "secret": us.secret,
                parameter: code,
                "grant_type": "authorization_code",
            },
            expects=("openid",),
        )
    except WechatError as error:
        problem = _login_refused(error)
    else:
        openid, unionid = answer["openid"], answer.get("unionid")
        if isinstance(openid, str) and _ID.fullmatch(openid):
            known = isinstance(unionid, str) and _ID.fullmatch(unionid)
            return Session(openid, str(unionid) if known else None)
        problem = WechatUnavailable()
    raise problem


def _login_refused(error: WechatError) -> Exception:
    if error.code in _BAD_CODES or error.code == _BLOCKED_USER:
        return LoginCodeInvalid()
    return _unavailable(error)


def _unavailable(error: WechatError) -> Exception:
    return RateLimited(retry_after=60) if error.code == _TOO_OFTEN else WechatUnavailable()
