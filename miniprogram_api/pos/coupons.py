"""查券, 核销 without a bill, 撤销."""

from backend import clock
from backend.card_pack.at_counter import check, undo
from backend.redemption.redeem import redeem
from miniprogram_api.answers import CouponAnswer
from miniprogram_api.contract import route
from miniprogram_api.pos.blueprint import blueprint, counting_numbers, this_till
from miniprogram_api.pos.bodies import TillScanBody
from miniprogram_api.pos.signature import current_till
from miniprogram_api.redemptions import RedeemedAnswer, SheetAnswer, UndoBody


@route(
    blueprint,
    "POST",
    "/coupons/check",
    body=TillScanBody,
    answer=SheetAnswer,
    around=counting_numbers,
)
def check_coupon(body: TillScanBody) -> SheetAnswer:
    """查券: changes nothing, refuses exactly as redeeming would"""
    here, lines = current_till().place, body.judged()
    return SheetAnswer.of(check(body.scan, here=here, lines=lines, now=clock.now()))


@route(
    blueprint,
    "POST",
    "/coupons/redeem",
    body=TillScanBody,
    answer=RedeemedAnswer,
    status=201,
    around=counting_numbers,
)
def redeem_coupon(body: TillScanBody) -> RedeemedAnswer:
    """核销 without a bill"""
    done = redeem(
        body.scan,
        here=current_till().place,
        by=this_till(),
        lines=body.judged(),
        now=clock.now(),
    )
    return RedeemedAnswer.of(done)


@route(
    blueprint,
    "POST",
    "/redemptions/<int(max=9223372036854775807):redemption_id>/undo",
    body=UndoBody,
    answer=CouponAnswer,
)
def undo_redemption(redemption_id: int, body: UndoBody) -> CouponAnswer:
    """撤销核销 of this store, within 24 hours"""
    coupon = undo(
        redemption_id,
        by=this_till(),
        store_code=current_till().place.code,
        reason=body.reason.strip(),
        now=clock.now(),
    )
    return CouponAnswer.of(coupon)
