"""识别会员."""

from typing import Annotated, Self

from pydantic import Field

from backend import clock
from backend.points.till_entries import TillEntries, till_entries
from backend.visits.at_counter import identify
from miniprogram_api.answers import CouponAnswer, MemberAnswer
from miniprogram_api.contract import Answer, Body, route
from miniprogram_api.pos.blueprint import blueprint
from miniprogram_api.pos.signature import current_till

Said = Annotated[str, Field(min_length=1, max_length=200)]


class IdentifyBody(Body):
    """One of the three."""

    phone: Said | None = None
    card: Said | None = None
    scan: Said | None = None


class ManualEntry(Answer):
    """手动增加积分, 手动扣减积分."""

    add: bool
    subtract: bool


class Entries(Answer):
    """会员页的入口: which buttons the till shows (S2-17, S2-34)."""

    manual: ManualEntry
    exchange: bool

    @classmethod
    def of(cls, found: TillEntries) -> Self:
        manual = ManualEntry(add=found.add_points, subtract=found.subtract_points)
        return cls(manual=manual, exchange=found.exchange)


class IdentifyAnswer(Answer):
    """会员, what they can use now, what coming has just brought, what may be done for them."""

    member: MemberAnswer
    coupons: list[CouponAnswer]
    claimed: list[CouponAnswer]
    entries: Entries


@route(blueprint, "POST", "/members/identify", body=IdentifyBody, answer=IdentifyAnswer)
def identify_member(body: IdentifyBody) -> IdentifyAnswer:
    """识别会员: by phone, card or member code; it counts as a login"""
    now = clock.now()
    visit = identify(phone=body.phone, card=body.card, scan=body.scan, now=now)
    return IdentifyAnswer(
        member=MemberAnswer.of(visit.member),
        coupons=CouponAnswer.each(visit.coupons),
        claimed=CouponAnswer.each(visit.claimed),
        entries=Entries.of(till_entries(store_code=current_till().store_code, now=now)),
    )
