"""退款, whole or by lines: coupons come back, points and balance are reversed, counters, class and
level follow, the gift is taken back. Once per bill and the till's number of the refund."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from backend import faults
from backend.calendar import day_of, end_of_day
from backend.campaigns import gifts
from backend.card_pack import queries as card_pack
from backend.card_pack.view import CouponView
from backend.coupons import states
from backend.database import after_commit, transactional
from backend.members import spending
from backend.members.levels import Occasion
from backend.members.queries import survivor_id
from backend.members.view import MemberView, member_view
from backend.membership import levels
from backend.merchants.house import house
from backend.merchants.queries import Place
from backend.points import ledger as points
from backend.points.owed import collected
from backend.redemption.undo import give_back
from backend.sales import refund_records as records
from backend.sales.errors import RefundConflict
from backend.sales.refund_news import tell
from backend.sales.refund_records import Refunded, RefundOrder, SettledBill
from backend.sales.remaining import Step, thousandths_by_line
from backend.wallet import ledger as wallet

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class RefundAnswer:
    """退款 as answered: the same figures every time, the coupons as they are by now."""

    refunded: Refunded
    coupons: tuple[CouponView, ...]


def refund(order: RefundOrder, *, bill: str, here: Place, by: str, now: datetime) -> RefundAnswer:
    """退款. The same number of the same bill always answers the same refund."""
    refunded = _refund(order, bill=bill, here=here, by=by, now=now)
    after_commit(lambda: faults.point("refund.after_commit"))
    return RefundAnswer(
        refunded, tuple(card_pack.by_id(coupon_id, now=now) for coupon_id in refunded.coupon_ids)
    )


@transactional
def _refund(order: RefundOrder, *, bill: str, here: Place, by: str, now: datetime) -> Refunded:
    """The bill is held before anything is read of it: its refunds come one after another."""
    settled = records.held(bill, here=here)
    if earlier := records.refunded(settled, order.number):
        if earlier.fingerprint != order.fingerprint:
            raise RefundConflict(refund=order.number)
        return earlier.refunded
    before = records.state(settled)
    counts = None if order.lines is None else thousandths_by_line(order.lines)
    step = Step(before, before.after(counts))
    refund_id = records.write(order, settled, step, by=by, now=now)
    if step.after.no_dish_left:
        gifts.take_back(settled.id, by=by, now=now)
    coupon_ids = _coupons_back(settled, step, here=here, by=by, reason=order.reason, now=now)
    taken, member = 0, None
    if settled.member_id is not None:
        taken = _reverse(settled, refund_id, step, now=now)
        member = member_view(survivor_id(settled.member_id))
    refunded = _refunded(order, step, coupon_ids=coupon_ids, taken=taken, member=member)
    records.write_answer(refund_id, refunded)
    if member is not None:
        tell(member, refunded, refund_id, here=here, now=now)
    faults.point("refund.before_commit")
    return refunded


def _coupons_back(
    settled: SettledBill, step: Step, *, here: Place, by: str, reason: str, now: datetime
) -> list[int]:
    """They come back when no dish is left; past their validity they are expired, or good until the
    end of the next day where the merchant says so."""
    if not step.after.no_dish_left:
        return []
    used = records.live_redemptions(settled.id)
    for redemption_id in used:
        give_back(redemption_id, by=by, reason=reason or "退款", now=now)
    if used and house().refund_reissue:
        tomorrow = day_of(now, here.zone) + ONE_DAY
        for coupon_id in used.values():
            states.extend(
                coupon_id,
                ends_before=now + ONE_DAY,
                until=end_of_day(tomorrow, here.zone),
                actor=by,
                cause=f"refund of bill {settled.id}",
                now=now,
            )
    return list(used.values())


def _reverse(settled: SettledBill, refund_id: int, step: Step, *, now: datetime) -> int:
    """Points and balance, counters, class and level; how many points were taken: what this bill
    earned, and what of those that come back was owed by the bills that earned them (R-25)."""
    bill, cause = f"bill-{settled.id}", f"refund-{refund_id}"
    owed = 0
    if step.points_back:
        back = points.reverse(
            f"{bill}-points", points=step.points_back, cause=f"{cause}-points", now=now
        )
        owed = collected(back)
    wallet.refund(f"{bill}-balance", step.balance_fen, cause=f"{cause}-balance", now=now)
    taken = None
    if settled.earning is not None and (too_many := step.points_taken(settled.earning)):
        taken = points.reverse(f"{bill}-earn", points=too_many, cause=f"{cause}-earn", now=now)
    if step.after.is_over:
        spending.reverse_bill(settled.id, now=now)
    else:
        spending.reduce_bill(settled.id, fen=step.paid_fen)
    if settled.member_id is not None:
        levels.judge(settled.member_id, cause=cause, occasion=Occasion.WENT_BACK, now=now)
    return owed if taken is None else owed - taken.change


def _refunded(
    order: RefundOrder,
    step: Step,
    *,
    coupon_ids: list[int],
    taken: int,
    member: MemberView | None,
) -> Refunded:
    return Refunded(
        refund=order.number,
        refunded_fen=step.paid_fen,
        balance_back_fen=step.balance_fen,
        points_back=step.points_back,
        points_taken=taken,
        coupon_ids=coupon_ids,
        points_total=None if member is None else member.points,
        balance_fen=None if member is None else member.balance_fen,
        customer_class=None if member is None else member.customer_class,
        level=None if member is None else member.level,
    )
