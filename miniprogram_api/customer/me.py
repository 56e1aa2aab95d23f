"""我: the member, the phone, the dynamic member code, consents to messages."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from backend import clock, requesting
from backend.calendar import local
from backend.members.levels import Missing, next_level
from backend.members.view import member_view
from backend.merchants.queries import zone
from backend.messaging import consents
from backend.visits import at_counter
from backend.visits import login as visits
from miniprogram_api.answers import CouponAnswer, MemberAnswer
from miniprogram_api.contract import Answer, Body, CodeText, route
from miniprogram_api.customer.blueprint import blueprint
from miniprogram_api.customer.codes import QrAnswer
from miniprogram_api.customer.tokens import current_customer
from miniprogram_api.limits import Limit, spend


class Rights(Answer):
    """权益 of the level: the share of a bill that is still paid, in basis points, and in words."""

    discount_bp: int
    text: str


class NextLevel(Answer):
    """下一等级: what is still missing; ``match`` says whether any of it will do, or all."""

    level: str
    match: Literal["any", "all"]
    amount_fen: int | None
    times: int | None
    recharge_fen: int | None

    @classmethod
    def of(cls, missing: Missing | None) -> Self | None:
        """None at the highest level."""
        if missing is None:
            return None
        return cls(
            level=missing.level,
            match=missing.match.value,
            amount_fen=missing.figures.amount_fen,
            times=missing.figures.times,
            recharge_fen=missing.figures.recharge_fen,
        )


class MeAnswer(MemberAnswer):
    registered_at: datetime | None
    rights: Rights
    next_level: NextLevel | None
    unread: int


class PhoneBody(Body):
    code: Annotated[str, Field(min_length=1, max_length=200)]


class PhoneAnswer(MemberAnswer):
    claimed: list[CouponAnswer]


Choice = Literal["accept", "reject", "ban", "filter", "acceptWithAudio", "acceptWithAlert"]
Choices = dict[CodeText, Choice]


class ConsentsBody(Body):
    results: Annotated[Choices, Field(max_length=20)]


class ConsentsAnswer(Answer):
    results: Choices


@route(blueprint, "POST", "/phone", body=PhoneBody, answer=PhoneAnswer, once_by="phone")
def bind_phone(body: PhoneBody) -> PhoneAnswer:
    """绑定手机号: registers, and joins the member who holds the phone already."""
    me = current_customer()
    spend(Limit.WECHAT, me.caller)
    bound = visits.bind_phone(me.member_id, me.wechat_user_id, body.code, now=clock.now())
    return PhoneAnswer(
        **MemberAnswer.of(bound.member).model_dump(by_alias=False),
        claimed=CouponAnswer.each(bound.claimed),
    )


@route(blueprint, "GET", "/me", answer=MeAnswer)
def me() -> MeAnswer:
    """会员本人. Nothing is unread: messages to members go through WeChat, not through here."""
    member = member_view(current_customer().member_id)
    missing = next_level(member.id, now=clock.now())
    return MeAnswer(
        **MemberAnswer.of(member).model_dump(by_alias=False),
        registered_at=local(member.registered_at, zone()) if member.registered_at else None,
        rights=Rights(discount_bp=member.level_discount_bp, text=member.level_rights),
        next_level=NextLevel.of(missing),
        unread=0,
    )


@route(blueprint, "GET", "/me/qr", answer=QrAnswer)
def member_code() -> QrAnswer:
    """动态会员码."""
    return QrAnswer.of(at_counter.member_code(current_customer().member_id, now=clock.now()))


@route(blueprint, "POST", "/me/consents", body=ConsentsBody, answer=ConsentsAnswer)
def report_consents(body: ConsentsBody) -> ConsentsAnswer:
    """订阅消息授权."""
    consents.report(
        current_customer().wechat_user_id,
        body.results,
        road=consents.Road.CLIENT,
        cause=requesting.request_id(),
        now=clock.now(),
    )
    return ConsentsAnswer(results=body.results)
