"""识别会员."""

from typing import Annotated

from pydantic import Field

from backend import clock
from backend.visits.at_counter import identify
from miniprogram_api.answers import CouponAnswer, MemberAnswer
from miniprogram_api.contract import Answer, Body, route
from miniprogram_api.pos.blueprint import blueprint

Said = Annotated[str, Field(min_length=1, max_length=200)]


class IdentifyBody(Body):
    """One of the three."""

    phone: Said | None = None
    card: Said | None = None
    scan: Said | None = None


class IdentifyAnswer(Answer):
    """会员, what they can use now, and what their coming has just brought."""

    member: MemberAnswer
    coupons: list[CouponAnswer]
    claimed: list[CouponAnswer]


@route(blueprint, "POST", "/members/identify", body=IdentifyBody, answer=IdentifyAnswer)
def identify_member(body: IdentifyBody) -> IdentifyAnswer:
    """识别会员: by phone, card or member code; it counts as a login"""
    visit = identify(phone=body.phone, card=body.card, scan=body.scan, now=clock.now())
    return IdentifyAnswer(
        member=MemberAnswer.of(visit.member),
        coupons=CouponAnswer.each(visit.coupons),
        claimed=CouponAnswer.each(visit.claimed),
    )
