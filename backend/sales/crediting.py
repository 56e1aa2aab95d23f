"""会员得益: what a settled bill brings its member: points, counters, class, level, and the news."""

from dataclasses import dataclass
from datetime import datetime

from backend.calendar import local
from backend.members import spending
from backend.members.view import MemberView
from backend.membership import levels
from backend.merchants.queries import Place
from backend.messaging import outbox
from backend.messaging.models import Purpose
from backend.money import yuan
from backend.points import ledger as points


@dataclass(frozen=True)
class Counted:
    """A settled bill as it counts for its member: what of it was really paid, and when."""

    id: int
    number: str
    paid_fen: int
    settled_at: datetime
    is_consumption: bool


def credit(bill: Counted, member_id: int, *, earned: int, now: datetime) -> None:
    """积分, counters, class and level; a bill worth nothing counts for nobody (R-23)."""
    cause = f"bill-{bill.id}"
    points.earn(member_id, earned, cause=f"{cause}-earn", now=now)
    if not bill.is_consumption:
        return
    spending.add_bill(
        member_id, bill_id=bill.id, paid_fen=bill.paid_fen, spent_at=bill.settled_at, now=now
    )
    levels.judge(member_id, cause=cause, now=now)


def tell(bill: Counted, member: MemberView, *, earned: int, here: Place, now: datetime) -> None:
    """消费完成 to the member, beside the bill it reports."""
    outbox.queue(
        member.id,
        Purpose.CONSUMPTION_COMPLETE,
        {
            "title": "消费完成",
            "number": bill.number,
            "store": here.name,
            "merchant": here.merchant_name,
            "amount": yuan(bill.paid_fen),
            "points": earned,
            "points_total": member.points,
            "level": member.level or "",
            "time": local(bill.settled_at, here.zone).isoformat(timespec="seconds"),
        },
        dedupe_key=f"bill-{bill.id}",
        now=now,
    )
