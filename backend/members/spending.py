"""消费: what settled bills do to a member's counters and class. Never by hand."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, case, func, insert, literal, or_, select, update

from backend import tenancy
from backend.database import MetAnother, UtcDateTime, changed, db, table_of, transactional
from backend.members.classes import class_after
from backend.members.models import ClassChange, CustomerClass, Member, Spending
from backend.members.queries import survivor_id

_members, _spending, _changes = table_of(Member), table_of(Spending), table_of(ClassChange)

_NEW, _MOVED = insert(_spending), insert(_changes)
_OF_CAUSE = select(_spending.c.id).where(
    _spending.c.merchant_id == bindparam("merchant"), _spending.c.cause == bindparam("cause")
)
_THIS = (_members.c.merchant_id == bindparam("merchant"), _members.c.id == bindparam("member"))
_STANDING = select(_members.c.consumption_count, _members.c.customer_class).where(*_THIS)
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
    cause, merchant_id = f"bill-{bill_id}", tenancy.merchant_id()
    if _counted(cause):
        return None
    member_id = survivor_id(member_id)
    db.session.connection().execute(
        _NEW,
        {
            "merchant_id": merchant_id,
            "member_id": member_id,
            "cause": cause,
            "paid_fen": paid_fen,
            "spent_at": spent_at,
        },
    )
    last, this = _members.c.last_consumed_at, literal(spent_at, UtcDateTime)
    _count(
        member_id,
        bills=1,
        paid_fen=paid_fen,
        last=case((or_(last.is_(None), last < this), this), else_=last),
    )
    return judge_class(member_id, cause=cause, now=now)


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
    """The class that the count asks for; a move is kept for the report (S0-06)."""
    connection, merchant_id = db.session.connection(), tenancy.merchant_id()
    this = {"merchant": merchant_id, "member": member_id}
    row = connection.execute(_STANDING, this).one()
    move = ClassMove(CustomerClass(row.customer_class), class_after(row.consumption_count))
    if move.before == move.after:
        return None
    connection.execute(_NEW_CLASS, {**this, "after": move.after})
    connection.execute(
        _MOVED,
        {
            "merchant_id": merchant_id,
            "member_id": member_id,
            "before": move.before,
            "after": move.after,
            "at": now,
            "cause": cause,
        },
    )
    return move


def _counted(cause: str) -> bool:
    asked = {"merchant": tenancy.merchant_id(), "cause": cause}
    return db.session.connection().scalar(_OF_CAUSE, asked) is not None


def _count(member_id: int, *, bills: int, paid_fen: int, last: ColumnElement[datetime]) -> None:
    """Move the counters of a member who has not been joined into another meanwhile."""
    counted = changed(
        update(_members)
        .where(*_one(member_id), _members.c.alias_of_id.is_(None))
        .values(
            consumption_count=_members.c.consumption_count + bills,
            consumption_fen=_members.c.consumption_fen + paid_fen,
            last_consumed_at=last,
        )
    )
    if not counted:
        raise MetAnother("the member was joined into another")
    loaded = db.session.identity_map.get(db.session.identity_key(Member, member_id))
    if loaded is not None:
        db.session.expire(loaded)


def _one(member_id: int) -> tuple[ColumnElement[bool], ...]:
    return _members.c.merchant_id == tenancy.merchant_id(), _members.c.id == member_id
