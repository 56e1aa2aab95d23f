"""网页登录 of a page's customer: WeChat says who they are, a signed cookie remembers it.

A page calls ``require_h5_customer(merchant_id)`` first. Its forms carry ``form_token()`` in a field
``token``, and its POST calls ``refuse_foreign_form()`` after that.
"""

import hashlib
import hmac
import re
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn
from urllib.parse import urlencode

from flask import abort, g, make_response, redirect, render_template, request
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response

from backend import clock, deployment, tenancy
from backend.errors import DomainError, Forbidden
from backend.keys import is_same, purpose_key
from backend.members.queries import ids_of
from backend.visits import web
from backend.wechat import accounts
from backend.wechat.login import is_played
from miniprogram_api.customer.tokens import GOOD_FOR, Customer
from miniprogram_api.h5.blueprint import blueprint
from miniprogram_api.limits import Limit, code_key, spend

_STATE_COOKIE = "qb-h5-state"
_STATE = re.compile(r"[0-9a-f]{32}")
_STATE_LASTS = 600
_INSIDE = "local_wechat"


class LoginLost(DomainError):
    """The browser came back from WeChat without what it left with."""

    code = "H5_LOGIN_LOST"
    message = "登录已失效，请重新打开"
    http_status = 403


@dataclass(frozen=True)
class _Session:
    """What the cookie says; ``asked``: the person has been asked for who they are elsewhere."""

    merchant_id: int
    member_id: int
    wechat_user_id: int
    asked: bool


def require_h5_customer(merchant_id: int, *, across_apps: bool = False) -> Customer:
    """Who opened this page, logged in at this merchant; the rest of the request acts for it.

    Nobody yet: the request ends here with a redirect to WeChat (a POST comes back as a GET), or
    with 请在微信中打开. ``across_apps`` asks a stranger for their unionid, once, before something
    becomes theirs that their mini-program should show; a page opened with ``?go`` then gets it
    back as ``?go=<form token>`` and may go on where it was interrupted.
    """
    session = _session(merchant_id)
    if request.method == "GET" and "code" in request.args:
        _come_back(merchant_id, session)
    member_ids = _member_ids(merchant_id, session)
    if session is None or not member_ids:
        _refuse_outside_wechat()
        _go_to_wechat(merchant_id)
    if across_apps and not session.asked and _may_be_asked(session):
        _go_to_wechat(merchant_id, with_unionid=True)
    spend(Limit.CUSTOMER, f"h5-{merchant_id}-{session.wechat_user_id}")
    leave(None)
    stack = ExitStack()
    stack.enter_context(tenancy.acting_for(merchant_id))
    g.h5_stack, g.h5_session = stack, session
    return Customer(merchant_id, member_ids[0], session.wechat_user_id, tuple(member_ids))


def form_token() -> str:
    """What a form of this person carries, so that no other site can send it."""
    session: _Session = g.h5_session
    return _token_of(session)


def is_form_token(said: str | None) -> bool:
    """Whether this is the token of this person's own forms."""
    return bool(said) and is_same(str(said), form_token())


def refuse_foreign_form() -> None:
    """Forbidden unless the form came from one of our own pages."""
    if not is_form_token(request.form.get("token")):
        raise Forbidden()


@blueprint.teardown_request
def leave(_error: BaseException | None) -> None:
    """The request acts for nobody any more."""
    g.pop("h5_session", None)
    if (stack := g.pop("h5_stack", None)) is not None:
        stack.close()


def _session(merchant_id: int) -> _Session | None:
    try:
        said = _serializer().loads(request.cookies.get(_cookie(merchant_id), ""))
        of_merchant, member_id, wechat_user_id, asked, end = said
    except (BadSignature, ValueError):
        return None
    if of_merchant != merchant_id or clock.now().timestamp() >= end:
        return None
    return _Session(merchant_id, member_id, wechat_user_id, asked)


def _member_ids(merchant_id: int, session: _Session | None) -> list[int]:
    if session is None:
        return []
    with tenancy.acting_for(merchant_id):
        return ids_of(session.member_id)


def _come_back(merchant_id: int, before: _Session | None) -> None:
    """From WeChat with a code: log in and show the page without it. A code that this browser did
    not set out for (an address passed on, a page reloaded) is passed over."""
    nonce, said = request.cookies.get(_STATE_COOKIE, ""), request.args.get("state", "")
    if not _STATE.fullmatch(nonce) or not is_same(said[:32], nonce):
        if before is None:
            raise LoginLost()
        return
    spend(Limit.CODE, code_key(f"h5-{merchant_id}", request.args["code"]))
    visitor = web.recognise_code(merchant_id, request.args["code"])
    spend(Limit.LOGIN, f"{visitor.app_id}/{visitor.openid}")
    now = clock.now()
    login = web.log_in(visitor, now=now)
    session = _Session(
        merchant_id, login.member_id, login.wechat_user_id, asked=said[32:] == "asked"
    )
    onward = {"go": _token_of(session)} if "go" in request.args else {}
    response = redirect(f"{request.path}?{urlencode(onward)}".rstrip("?"))
    _keep(response, session, now=now)
    response.delete_cookie(_STATE_COOKIE, path="/h5")
    abort(response)


def _go_to_wechat(merchant_id: int, *, with_unionid: bool = False) -> NoReturn:
    nonce = request.cookies.get(_STATE_COOKIE, "")
    if not _STATE.fullmatch(nonce):
        nonce = secrets.token_hex(16)
    onward = "?go=1" if with_unionid else ""
    response = redirect(
        web.address(
            merchant_id,
            back_to=f"{deployment.public_url()}{request.path}{onward}",
            state=nonce + ("asked" if with_unionid else ""),
            with_unionid=with_unionid,
        ),
        303,
    )
    response.set_cookie(
        _STATE_COOKIE,
        nonce,
        max_age=_STATE_LASTS,
        path="/h5",
        httponly=True,
        samesite="Lax",
        secure=_secure(),
    )
    abort(response)


def _refuse_outside_wechat() -> None:
    inside = "MicroMessenger" in request.user_agent.string
    if inside or (is_played() and _INSIDE in request.args):
        return
    onward = f"{request.path}?{_INSIDE}=1" if is_played() else None
    abort(make_response(render_template("h5/outside.html", onward=onward)))


def _may_be_asked(session: _Session) -> bool:
    """Where the merchant has a mini-program, and this person is not known there yet."""
    return accounts.miniprogram_of(session.merchant_id) is not None and not web.is_known_elsewhere(
        session.wechat_user_id
    )


def _keep(response: Response, session: _Session, *, now: datetime) -> None:
    end = int((now + GOOD_FOR).timestamp())
    said = [
        session.merchant_id, session.member_id, session.wechat_user_id, session.asked, end
    ]  # fmt: skip
    response.set_cookie(
        _cookie(session.merchant_id),
        str(_serializer().dumps(said)),
        max_age=int(GOOD_FOR.total_seconds()),
        path="/h5",
        httponly=True,
        samesite="Lax",
        secure=_secure(),
    )


def _cookie(merchant_id: int) -> str:
    return f"qb-h5-{merchant_id}"


def _secure() -> bool:
    return deployment.public_url().startswith("https://")


def _token_of(session: _Session) -> str:
    said = f"form/{session.merchant_id}/{session.wechat_user_id}".encode()
    return hmac.new(purpose_key("h5-form"), said, hashlib.sha256).hexdigest()


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(
        purpose_key("h5-session"), salt="h5", signer_kwargs={"digest_method": hashlib.sha256}
    )
