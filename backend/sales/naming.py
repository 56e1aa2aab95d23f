"""补记会员: a bill that was settled without a member gets its guest, once: at the till on the same
day, later by who may.

The guest stands as if they had been named in time: points at the rate of the settlement, counters,
class and level, the gift on the receipt. What went back before counts no more.
"""

from dataclasses import asdict, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from backend import tenancy
from backend.calendar import day_of
from backend.campaigns import gifts
from backend.campaigns.gifts import PaidBill
from backend.database import changed, db, table_of, transactional
from backend.members.held import person
from backend.members.levels import level_name
from backend.members.view import member_view
from backend.merchants import audit
from backend.merchants.queries import Place
from backend.points import earn
from backend.sales import models, queries, receipt_layout
from backend.sales import refund_records as records
from backend.sales.crediting import Counted, credit, tell
from backend.sales.errors import (
    BillDayOver,
    BillHasMember,
    BillNotFound,
    BillRefunded,
    NamingOver,
)
from backend.sales.queries import Settlement
from backend.sales.receipt import kept, of_member

LATER_DAYS = 7
"""How many days after the settlement's who may (店长, 负责人) still name the guest."""

_bills = table_of(models.Bill)


def is_nameable(settled_at: datetime, *, later: bool, zone: ZoneInfo, now: datetime) -> bool:
    """Whether it is still time: days of the merchant's calendar; ``later`` for who may."""
    days = (day_of(now, zone) - day_of(settled_at, zone)).days
    return days <= (LATER_DAYS if later else 0)


@transactional
def name_member(
    number: str,
    member_id: int,
    *,
    here: Place,
    by: str,
    origin: str,
    later: bool = False,
    reason: str = "",
    now: datetime,
) -> Settlement:
    """补记会员; as settling answers. The bill is held first, as a refund does: who comes second
    finds its member. BillNotFound, BillHasMember, BillRefunded; BillDayOver, or NamingOver when
    ``later`` is over too."""
    held = records.held(number, here=here)
    if held.member_id is not None:
        raise BillHasMember(bill=number)
    earlier = queries.settled(here.store_id, number)
    if earlier is None:
        raise BillNotFound()
    state = records.state(held)
    bill = _counted(held.id, number)
    if not is_nameable(bill.settled_at, later=later, zone=here.zone, now=now):
        raise NamingOver(bill=number, days=LATER_DAYS) if later else BillDayOver(bill=number)
    if bill.is_consumption and state.is_over:
        raise BillRefunded(bill=number)
    guest = person(member_id)
    earning = earn.rules_for(level_name(guest.level_id), at=bill.settled_at)
    earned = state.earns(earning)
    credit(bill, guest.id, earned=earned, now=now)
    member = member_view(guest.id)
    tell(bill, member, earned=earned, here=here, now=now)
    gift = None
    if bill.is_consumption:
        paid = PaidBill(bill.id, guest.id, bill.paid_fen, here.code, bill.settled_at)
        gift = gifts.for_bill(paid, now=now)
    before = earlier.settlement
    printed = replace(
        before.receipt,
        member=of_member(member, earned=earned),
        claim_url=None if gift is None else gift.address,
    )
    named = replace(
        before,
        points_earned=earned,
        points_total=member.points,
        balance_fen=member.balance_fen,
        customer_class=member.customer_class,
        level=member.level,
        receipt=printed,
        receipt_text=receipt_layout.text(printed),
        gift=None if gift is None else gift.code,
    )
    answer = {**vars(named), "receipt": kept(printed)}
    text = answer.pop("receipt_text")
    changed(
        update(_bills)
        .where(_bills.c.id == bill.id, _bills.c.merchant_id == tenancy.merchant_id())
        .values(member_id=guest.id, earning=asdict(earning), answer=answer, receipt_text=text)
    )
    audit.record(
        "bill.member",
        subject=f"账单 {number}",
        actor=by,
        merchant_id=tenancy.merchant_id(),
        before={"member": None},
        after={
            "member": guest.id,
            "points": earned,
            "store": here.code,
            **({"reason": reason} if reason else {}),
        },
        origin=origin,
        now=now,
    )
    return named


def _counted(bill_id: int, number: str) -> Counted:
    row = (
        db.session.connection()
        .execute(
            select(
                _bills.c.settled_at,
                (_bills.c.paid_fen - _bills.c.refunded_fen).label("paid_fen"),
                (_bills.c.lines_fen + _bills.c.service_fen).label("total_fen"),
            ).where(_bills.c.id == bill_id, _bills.c.merchant_id == tenancy.merchant_id())
        )
        .one()
    )
    return Counted(bill_id, number, row.paid_fen, row.settled_at, row.total_fen > 0)
