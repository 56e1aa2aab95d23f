"""消费: what settled bills do to a member's counters and class. Never by hand."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, exists, func, insert, not_, select, update

from backend import tenancy
from backend.database import MetAnother, changed, db, table_of, transactional
from backend.members.classes import class_after
from backend.members.held import Held, forget, keep, person
from backend.members.models import ClassChange, CustomerClass, Member, Spending

_members, _spending, _changes = table_of(Member), table_of(Spending), table_of(ClassChange)

_NEW, _MOVED = insert(_spending), insert(_changes)
_THIS = (_members.c.merchant_id == bindparam("merchant"), _members.c.id == bindparam("member"))
_IS_COUNTED = exists().where(
    _spending.c.merchant_id == bindparam("merchant"), _spending.c.cause == bindparam("cause")
)
_COUNT = (
    update(_members)
    .where(*_THIS, not_(_IS_COUNTED))
    .values(
        consumption_count=_members.c.consumption_count + 1,
        consumption_fen=_members.c.consumption_fen + bindparam("paid_fen"),
        last_consumed_at=bindparam("last"),
        customer_class=bindparam("after"),
    )
)
_NEW_CLASS = update(_members).where(*_THIS).values(customer_class=bindparam("after"))


@dataclass(frozen=True)
class ClassMove:
    """客户分类变动 of one member."""

    before: CustomerClass
    after: CustomerClass


@transactional
def add_bill(
    member_id: int, *, bill_id: int, paid_fen: int, spent_at: datetime, now: datetime
) -> ClassMove | None:
    """One settled bill counts 1 and ``paid_fen``; the same bill again changes nothing."""
    cause, merchant_id, before = f"bill-{bill_id}", tenancy.merchant_id(), person(member_id)
    after = replace(
        before,
        consumption_count=before.consumption_count + 1,
        consumption_fen=before.consumption_fen + paid_fen,
        last_consumed_at=max(before.last_consumed_at or spent_at, spent_at),
        customer_class=class_after(before.consumption_count + 1),
    )
    counted = {
        "merchant": merchant_id,
        "member": before.id,
        "cause": cause,
        "paid_fen": paid_fen,
        "last": after.last_consumed_at,
        "after": after.customer_class,
    }
    if not changed(_COUNT, counted):
        return None
    keep(after)
    db.session.connection().execute(
        _NEW,
        {
            "merchant_id": merchant_id,
            "member_id": before.id,
            "cause": cause,
            "paid_fen": paid_fen,
            "spent_at": spent_at,
        },
    )
    return _moved(before, after, cause=cause, now=now)


@transactional
def reverse_bill(bill_id: int, *, now: datetime) -> ClassMove | None:
    """A bill refunded whole no longer counts; the class follows. Once."""
    merchant_id = tenancy.merchant_id()
    ours = (_spending.c.merchant_id == merchant_id, _spending.c.cause == f"bill-{bill_id}")
    if not changed(
        update(_spending).where(*ours, _spending.c.reversed_at.is_(None)).values(reversed_at=now)
    ):
        return None
    row = (
        db.session.connection()
        .execute(select(_spending.c.member_id, _spending.c.paid_fen).where(*ours))
        .one()
    )
    last = (
        select(func.max(_spending.c.spent_at))
        .where(
            _spending.c.merchant_id == merchant_id,
            _spending.c.member_id == row.member_id,
            _spending.c.reversed_at.is_(None),
        )
        .scalar_subquery()
    )
    _count(row.member_id, bills=-1, paid_fen=-row.paid_fen, last=last)
    return judge_class(row.member_id, cause=f"refund-{bill_id}", now=now)


@transactional
def reduce_bill(bill_id: int, *, fen: int) -> None:
    """A bill refunded in part counts with what is left paid of it."""
    ours = (
        _spending.c.merchant_id == tenancy.merchant_id(),
        _spending.c.cause == f"bill-{bill_id}",
        _spending.c.reversed_at.is_(None),
    )
    if not changed(update(_spending).where(*ours).values(paid_fen=_spending.c.paid_fen - fen)):
        return
    member_id = db.session.connection().execute(select(_spending.c.member_id).where(*ours)).scalar()
    if member_id is not None:
        _count(member_id, bills=0, paid_fen=-fen, last=_members.c.last_consumed_at)


def judge_class(member_id: int, *, cause: str, now: datetime) -> ClassMove | None:
    """The class that the count asks for."""
    before = person(member_id)
    after = replace(before, customer_class=class_after(before.consumption_count))
    if before != after:
        this = {"merchant": tenancy.merchant_id(), "member": before.id}
        changed(_NEW_CLASS, {**this, "after": after.customer_class})
        keep(after)
    return _moved(before, after, cause=cause, now=now)


def _moved(before: Held, after: Held, *, cause: str, now: datetime) -> ClassMove | None:
    """A move is kept for the report (S0-06)."""
    move = ClassMove(CustomerClass(before.customer_class), CustomerClass(after.customer_class))
    if move.before == move.after:
        return None
    db.session.connection().execute(
        _MOVED,
        {
            "merchant_id": tenancy.merchant_id(),
            "member_id": before.id,
            "before": move.before,
            "after": move.after,
            "at": now,
            "cause": cause,
        },
    )
    return move


def _count(member_id: int, *, bills: int, paid_fen: int, last: ColumnElement[datetime]) -> None:
    """Move the counters of a member who has not been joined into another meanwhile."""
    counted = changed(
        update(_members)
        .where(
            _members.c.merchant_id == tenancy.merchant_id(),
            _members.c.id == member_id,
            _members.c.alias_of_id.is_(None),
        )
        .values(
            consumption_count=_members.c.consumption_count + bills,
            consumption_fen=_members.c.consumption_fen + paid_fen,
            last_consumed_at=last,
        )
    )
    if not counted:
        raise MetAnother("the member was joined into another")
    forget(member_id)
