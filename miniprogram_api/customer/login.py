"""登录: the only call of the mini-program that needs no token."""

import hashlib
from datetime import datetime
from typing import Annotated

from flask import Blueprint, request
from pydantic import Field

from backend import clock
from backend.visits import login as visits
from miniprogram_api import idempotency
from miniprogram_api.answers import CouponAnswer, MemberAnswer
from miniprogram_api.contract import Answer, Body, CodeText, Text, route
from miniprogram_api.customer import tokens
from miniprogram_api.instants import shown
from miniprogram_api.limits import Limit, code_key, spend

blueprint = Blueprint("login", __name__, url_prefix="/api/v1")


def _whoever_holds_the_code() -> str:
    """Before the exchange nobody is known; who sends the same code is the same caller."""
    return f"login-{hashlib.sha256(request.get_data()).hexdigest()}"


idempotency.protect(blueprint, caller=_whoever_holds_the_code)


class LoginBody(Body):
    app_id: CodeText
    code: Annotated[str, Field(min_length=1, max_length=200)]
    store: Text | None = None
    scene: Text | None = None


class LoginAnswer(Answer):
    token: str
    expires_at: datetime
    is_new: bool
    member: MemberAnswer
    claimed: list[CouponAnswer]


@route(blueprint, "POST", "/login", body=LoginBody, answer=LoginAnswer, once_by="code of wx.login")
def log_in(body: LoginBody) -> LoginAnswer:
    """登录小程序: every open grant becomes coupons here."""
    spend(Limit.CODE, code_key(body.app_id, body.code))
    visitor = visits.recognise_code(body.app_id, body.code, store=body.store, scene=body.scene)
    spend(Limit.LOGIN, f"{visitor.app_id}/{visitor.openid}")
    now = clock.now()
    done = visits.log_in(visitor, now=now)
    token = tokens.issue(done.merchant_id, done.member.id, done.wechat_user_id, now=now)
    return LoginAnswer(
        token=token.text,
        expires_at=shown(token.expires_at, done.zone),
        is_new=done.is_new,
        member=MemberAnswer.of(done.member),
        claimed=CouponAnswer.each(done.claimed),
    )
