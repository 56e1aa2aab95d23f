"""扫一扫核销: check, confirm, undo, own history (S4-22…25)."""

from datetime import datetime

from backend import clock
from backend.card_pack.at_counter import check, undo
from backend.errors import FieldError, ParamError
from backend.merchants import queries as merchants
from backend.redemption import queries
from backend.redemption.redeem import redeem
from miniprogram_api import paging
from miniprogram_api.answers import CouponAnswer
from miniprogram_api.contract import Answer, Body, CodeText, route
from miniprogram_api.instants import shown
from miniprogram_api.redemptions import (
    RedeemedAnswer,
    RedemptionAnswer,
    Scan,
    SheetAnswer,
    UndoBody,
)
from miniprogram_api.verifier.blueprint import (
    blueprint,
    counting_numbers,
    this_verifier,
    verifier_at,
)


class ScanBody(Body):
    """What was scanned or typed, and at which store of theirs."""

    scan: Scan
    store: CodeText


class PastRedemption(RedemptionAnswer):
    """核销记录 in the verifier's own history."""

    undone_at: datetime | None


class History(Answer):
    """核销记录, newest first; ``today`` counts what stands of today's."""

    items: list[PastRedemption]
    next_cursor: str | None
    today: int


@route(blueprint, "POST", "/check", body=ScanBody, answer=SheetAnswer, around=counting_numbers)
def check_coupon(body: ScanBody) -> SheetAnswer:
    """查券: changes nothing, refuses exactly as redeeming would"""
    _, here = verifier_at(body.store)
    return SheetAnswer.of(check(body.scan, here=here, now=clock.now()))


@route(
    blueprint,
    "POST",
    "/redeem",
    body=ScanBody,
    answer=RedeemedAnswer,
    status=201,
    around=counting_numbers,
)
def redeem_coupon(body: ScanBody) -> RedeemedAnswer:
    """核销: once, whatever happens at the same time"""
    verifier, here = verifier_at(body.store)
    return RedeemedAnswer.of(redeem(body.scan, here=here, by=verifier.redeemer, now=clock.now()))


@route(
    blueprint,
    "POST",
    "/redemptions/<int(max=9223372036854775807):redemption_id>/undo",
    body=UndoBody,
    answer=CouponAnswer,
)
def undo_redemption(redemption_id: int, body: UndoBody) -> CouponAnswer:
    """撤销 of one's own, within 5 minutes"""
    by, reason = this_verifier().redeemer, body.reason.strip()
    coupon = undo(redemption_id, by=by, reason=reason, now=clock.now())
    return CouponAnswer.of(coupon)


@route(blueprint, "GET", "/redemptions", answer=History, query=paging.QUERY)
def list_redemptions() -> History:
    """核销记录 of one's own, newest first"""
    verifier = this_verifier()
    asked = paging.page_asked()
    limit = asked.limit
    rows = queries.by_verifier(verifier.id, before_id=_after(asked.cursor), limit=limit + 1)
    zone = merchants.zone()
    return History(
        items=[
            PastRedemption(
                id=row.id,
                number=row.number,
                title=row.title,
                store=row.store_code,
                store_name=row.store_name,
                at=shown(row.at, zone),
                by=row.by,
                undone_at=None if row.undone_at is None else shown(row.undone_at, zone),
            )
            for row in rows[:limit]
        ],
        next_cursor=str(rows[limit - 1].id) if len(rows) > limit else None,
        today=queries.count_today(verifier.id, zone=zone, now=clock.now()),
    )


def _after(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise ParamError(errors=[FieldError(field="cursor", message="填写有误")])
    return int(cursor)
