"""识别会员: by what they say or show, or by a code that the till shows."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from backend import clock
from backend.coupons.qr import svg
from backend.members.errors import CardNotFound, MemberNotFound
from backend.open_bills.till_scan import new_code, who_scanned
from backend.points.till_entries import TillEntries, till_entries
from backend.visits.at_counter import identify
from miniprogram_api.answers import CouponAnswer, MemberAnswer
from miniprogram_api.contract import Answer, TillBody, route
from miniprogram_api.instants import shown
from miniprogram_api.limits import note_wrong_numbers
from miniprogram_api.pos.blueprint import blueprint, counting_numbers
from miniprogram_api.pos.signature import current_till

Said = Annotated[str, Field(min_length=1, max_length=200)]


class IdentifyBody(TillBody):
    """One of them; ``scan_id`` is of a code that this till has shown."""

    phone: Said | None = None
    card: Said | None = None
    scan: Said | None = None
    openid: Said | None = None
    scan_id: Said | None = None


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


@route(
    blueprint,
    "POST",
    "/members/identify",
    body=IdentifyBody,
    answer=IdentifyAnswer,
    around=counting_numbers,
)
def identify_member(body: IdentifyBody) -> IdentifyAnswer:
    """识别会员: by phone, card or member code; it counts as a login"""
    now, scanned_by = clock.now(), None
    if body.scan_id is not None:
        scanned_by = who_scanned(body.scan_id, here=current_till().place)
    try:
        visit = identify(
            phone=body.phone,
            card=body.card,
            scan=body.scan,
            openid=body.openid,
            member_id=scanned_by,
            now=now,
        )
    except (CardNotFound, MemberNotFound):
        if body.card is not None or body.scan is not None:
            note_wrong_numbers(1)
        raise
    return IdentifyAnswer(
        member=MemberAnswer.of(visit.member),
        coupons=CouponAnswer.each(visit.coupons),
        claimed=CouponAnswer.each(visit.claimed),
        entries=Entries.of(till_entries(store_code=current_till().place.code, now=now)),
    )


class TillCodeBody(TillBody):
    """Nothing is asked."""


class TillCodeAnswer(Answer):
    """识别码: the guest scans ``url``; then the event ``identified`` comes, and identify takes the
    ``scan_id``."""

    scan_id: str
    url: str
    svg: str
    expires_at: datetime


@route(blueprint, "POST", "/members/code", body=TillCodeBody, answer=TillCodeAnswer, status=201)
def show_code(body: TillCodeBody) -> TillCodeAnswer:
    """识别码: what a guest scans to say who they are"""
    here = current_till().place
    code = new_code(here, now=clock.now())
    return TillCodeAnswer(
        scan_id=code.token.text,
        url=code.address,
        svg=svg(code.address),
        expires_at=shown(code.token.expires_at, here.zone),
    )
