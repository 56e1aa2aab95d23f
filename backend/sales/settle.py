"""结账. One paid bill, once: coupons used, points and balance moved, counters, class and level
following, the customer told, the gift behind the receipt's code made."""

from dataclasses import dataclass
from datetime import datetime

from backend import faults
from backend.campaigns import gifts
from backend.campaigns.gifts import PaidBill
from backend.campaigns.links import Link
from backend.coupons import states
from backend.database import MetAnother, after_commit, transactional
from backend.members.held import Held, person
from backend.members.levels import level_name
from backend.members.view import MemberView, member_view
from backend.merchants.queries import Place
from backend.points import earn
from backend.points import ledger as points
from backend.points.earn import Rules
from backend.redemption.redeem import OnBill, Redeemer, take
from backend.sales import queries, receipt_layout
from backend.sales.bill import Bill, bill_key
from backend.sales.crediting import Counted, credit, tell
from backend.sales.due import Due, due
from backend.sales.errors import BillConflict
from backend.sales.queries import Settlement
from backend.sales.receipt import receipt
from backend.sales.records import claim_number, write_answer, write_content
from backend.wallet import ledger as wallet
from backend.wallet.notices import tell_changed


def settle(
    bill: Bill, *, here: Place, by: Redeemer, held_points: str = "", now: datetime
) -> Settlement:
    """结账. The same store and bill number always answer the same settlement. ``held_points`` is
    the cause of points that were taken for this bill before."""
    settlement = _settle(bill, here=here, by=by, held_points=held_points, now=now)
    after_commit(lambda: faults.point("settle.after_commit"))
    return settlement


@transactional
def _settle(
    bill: Bill, *, here: Place, by: Redeemer, held_points: str, now: datetime
) -> Settlement:
    """The number is claimed before anything is judged: who comes second waits, then finds it."""
    bill_id = claim_number(bill, here=here, now=now)
    if bill_id is None:
        return _as_before(bill, here=here)
    member = None if bill.member_id is None else person(bill.member_id)
    to_pay = due(bill, here=here, member_id=None if member is None else member.id)
    _use_coupons(to_pay, bill, bill_id, here=here, by=by, now=now)
    _free_the_others(to_pay, bill, here=here, by=by, now=now)
    write_content(bill, bill_id, to_pay=to_pay)
    if held_points:
        points.hand_over(held_points, to_pay.points, cause=f"bill-{bill_id}-points", now=now)
    brought = None
    if member is not None:
        brought = _bring(member, bill, bill_id, to_pay=to_pay, here=here, now=now)
    settlement = _settlement(bill, to_pay, brought, here=here)
    write_answer(
        bill_id,
        settlement,
        member_id=None if member is None else member.id,
        to_pay=to_pay,
        earning=None if brought is None else brought.earning,
    )
    faults.point("settle.before_commit")
    return settlement


def _free_the_others(to_pay: Due, bill: Bill, *, here: Place, by: Redeemer, now: datetime) -> None:
    """Coupons that were locked for the bill and are not used on it."""
    for left in to_pay.locked:
        states.release(
            left.id,
            bill=bill_key(here.store_id, bill.number),
            actor=by.name,
            cause=f"bill {bill.number}",
            now=now,
        )


@dataclass(frozen=True)
class _Brought:
    """What a bill did for its member: as they are after it, what they earned, the gift."""

    member: MemberView
    earning: Rules
    earned: int
    gift: Link | None


def _as_before(bill: Bill, *, here: Place) -> Settlement:
    """What the till was told of this number; BillConflict when it was another bill."""
    earlier = queries.settled(here.store_id, bill.number)
    if earlier is None:
        raise MetAnother("the number is free again")
    if earlier.fingerprint != bill.fingerprint:
        raise BillConflict(bill=bill.number)
    return earlier.settlement


def _use_coupons(
    to_pay: Due, bill: Bill, bill_id: int, *, here: Place, by: Redeemer, now: datetime
) -> None:
    """In the order of their ids, so that two bills which meet wait for each other, not both."""
    for used in sorted(to_pay.price.chosen, key=lambda used: used.coupon.id):
        on_bill = OnBill(
            bill_id=bill_id,
            reduction_fen=used.reduction.total_fen,
            redeemed_at=bill.settled_at,
        )
        take(used.coupon, use=to_pay.use, here=here, by=by, on_bill=on_bill, now=now)


def _bring(
    member: Held, bill: Bill, bill_id: int, *, to_pay: Due, here: Place, now: datetime
) -> _Brought:
    """Points and balance paid, points earned, counters, class and level, the news, the gift."""
    earning = earn.rules_for(level_name(member.level_id), at=bill.settled_at)
    earned = _move(member.id, bill, bill_id, to_pay=to_pay, earning=earning, now=now)
    after = member_view(member.id)
    tell(_counted(bill, bill_id), after, earned=earned, here=here, now=now)
    if to_pay.balance_fen:
        tell_changed(
            member.id,
            title="余额支付",
            amount_fen=to_pay.balance_fen,
            balance_fen=after.balance_fen,
            here=here,
            cause=f"bill-{bill_id}-balance",
            now=now,
        )
    gift = None
    if bill.goods.is_consumption:
        paid = PaidBill(bill_id, member.id, bill.money_fen, here.code, bill.settled_at)
        gift = gifts.for_bill(paid, now=now)
    return _Brought(after, earning, earned, gift)


def _move(
    member_id: int, bill: Bill, bill_id: int, *, to_pay: Due, earning: Rules, now: datetime
) -> int:
    """Points and balance paid, points earned, counters, class and level; the points earned."""
    cause = f"bill-{bill_id}"
    points.spend(member_id, to_pay.points, cause=f"{cause}-points", now=now)
    wallet.pay(member_id, to_pay.balance_fen, cause=f"{cause}-balance", now=now)
    counted_fen = earn.counted_fen(
        to_pay.price.payable_fen,
        coupons_fen=to_pay.price.plan.coupons_fen,
        balance_fen=to_pay.balance_fen,
        rule=earning.rule,
    )
    earned = earn.points_for(counted_fen, rule=earning.rule, multiple=earning.multiple)
    credit(_counted(bill, bill_id), member_id, earned=earned, now=now)
    return earned


def _counted(bill: Bill, bill_id: int) -> Counted:
    return Counted(bill_id, bill.number, bill.money_fen, bill.settled_at, bill.goods.is_consumption)


def _settlement(bill: Bill, to_pay: Due, brought: _Brought | None, *, here: Place) -> Settlement:
    member = None if brought is None else brought.member
    gift = None if brought is None else brought.gift
    earned = 0 if brought is None else brought.earned
    printed = receipt(
        bill,
        here=here,
        tenders=to_pay.tenders,
        level_fen=to_pay.price.plan.level_fen,
        manual_fen=to_pay.price.plan.manual_fen,
        rounding_fen=to_pay.price.plan.rounding_fen,
        member=member,
        points_earned=earned,
        claim_url=None if gift is None else gift.address,
    )
    return Settlement(
        bill=bill.number,
        paid_fen=bill.money_fen,
        reduction_fen=to_pay.price.reduction_fen,
        points_earned=earned,
        points_total=None if member is None else member.points,
        balance_fen=None if member is None else member.balance_fen,
        customer_class=None if member is None else member.customer_class,
        level=None if member is None else member.level,
        receipt=printed,
        receipt_text=receipt_layout.text(printed),
        gift=None if gift is None else gift.code,
    )
