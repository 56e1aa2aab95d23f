"""券的状态: what a coupon may become. Each arrow is one conditional UPDATE, with its event row.

Everything that may change meanwhile stands in the WHERE: state, holder, validity at the instant
(half-open) and the lock. ``False`` says that nothing was changed; the caller looks why. A lock that
is over holds nobody up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Update, and_, bindparam, case, insert, or_, update

from backend import requesting, tenancy
from backend.coupons.models import Coupon, CouponEvent, CouponState
from backend.database import UtcDateTime, changed, db, in_transaction, table_of

LOCKED_FOR = timedelta(minutes=15)

_coupons, _events = table_of(Coupon), table_of(CouponEvent)


@dataclass(frozen=True)
class Step:
    """An arrow of spec/02: from where (the likeliest first) to where."""

    before: tuple[CouponState, ...]
    after: CouponState


REDEEM = Step((CouponState.USABLE, CouponState.LOCKED), CouponState.REDEEMED)
UNDO = Step((CouponState.REDEEMED,), CouponState.USABLE)
LOCK = Step((CouponState.USABLE, CouponState.LOCKED), CouponState.LOCKED)
RELEASE = Step((CouponState.LOCKED,), CouponState.USABLE)
REVOKE = Step((CouponState.USABLE, CouponState.LOCKED, CouponState.GIFTING), CouponState.REVOKED)
EXTEND = Step((CouponState.USABLE,), CouponState.USABLE)


def redeem(
    coupon_id: int,
    *,
    holder_id: int,
    judged_at: datetime,
    actor: str,
    cause: str,
    bill: str | None = None,
    now: datetime,
) -> bool:
    """核销. Usable (or locked by this very bill) in this holder's hands, valid at ``judged_at``."""
    return _move(
        coupon_id,
        REDEEM,
        _UNLOCKED,
        {"holder": holder_id, "at": judged_at, "bill": bill},
        actor=actor,
        cause=cause,
        now=now,
    )


def undo(coupon_id: int, *, actor: str, cause: str, now: datetime) -> bool:
    """撤销核销. Back to usable; past its validity it is expired, since that is true by time."""
    return _move(coupon_id, UNDO, _MOVED, {}, actor=actor, cause=cause, now=now)


def lock(
    coupon_id: int,
    *,
    holder_id: int,
    bill: str,
    actor: str,
    cause: str,
    judged_at: datetime | None = None,
    until: datetime | None = None,
    now: datetime,
) -> bool:
    """锁定 for one bill, for 15 minutes or ``until``; the same bill may lock again and lengthen
    it. ``judged_at``: a quote found it good then."""
    at, end = judged_at or now, until or now + LOCKED_FOR
    return _move(
        coupon_id,
        LOCK,
        _LOCKED,
        {"holder": holder_id, "at": at, "bill": bill, "until": end},
        actor=actor,
        cause=cause,
        now=now,
    )


def keep_locked(coupon_ids: Sequence[int], *, bill: str, until: datetime) -> int:
    """How many of these the bill still holds; all of them from now on until then."""
    return changed(
        update(_coupons)
        .where(
            tenancy.owner(_coupons) == tenancy.merchant_id(),
            _coupons.c.id.in_(coupon_ids),
            _coupons.c.state == CouponState.LOCKED,
            _coupons.c.locked_bill == bill,
        )
        .values(locked_until=until)
    )


def release(coupon_id: int, *, bill: str, actor: str, cause: str, now: datetime) -> bool:
    """解锁. Only by the bill that locked it."""
    return _move(
        coupon_id,
        RELEASE,
        _RELEASED,
        {"bill": bill},
        actor=actor,
        cause=cause,
        now=now,
    )


def revoke(coupon_id: int, *, actor: str, cause: str, now: datetime) -> bool:
    """作废. Whatever is not used yet."""
    return _move(coupon_id, REVOKE, _MOVED, {}, actor=actor, cause=cause, now=now)


def extend(
    coupon_id: int,
    *,
    ends_before: datetime,
    until: datetime,
    actor: str,
    cause: str,
    now: datetime,
) -> bool:
    """延期. Good until ``until``, if it is unused and would end before ``ends_before``."""
    return _move(
        coupon_id,
        EXTEND,
        _EXTENDED,
        {"soon": ends_before, "until": until},
        actor=actor,
        cause=cause,
        now=now,
    )


_MOVED = (
    update(_coupons)
    .where(
        _coupons.c.id == bindparam("coupon"),
        _coupons.c.merchant_id == bindparam("merchant"),
        _coupons.c.state == bindparam("before"),
    )
    .values(state=bindparam("after"), locked_bill=None, locked_until=None)
)
_RELEASED = _MOVED.where(_coupons.c.locked_bill == bindparam("bill"))
_AT = bindparam("at", type_=UtcDateTime())
_UNLOCKED = _MOVED.where(
    and_(
        _coupons.c.member_id == bindparam("holder"),
        _coupons.c.valid_from <= _AT,
        _coupons.c.valid_until > _AT,
    ),
    or_(
        _coupons.c.locked_until.is_(None),
        _coupons.c.locked_until <= _AT,
        _coupons.c.locked_bill == bindparam("bill"),
    ),
)
"""In this holder's hands, valid, and not locked by another bill."""
_UNTIL = bindparam("until", type_=UtcDateTime())
_LOCKED = _UNLOCKED.values(
    locked_bill=bindparam("bill"),
    locked_until=case((_coupons.c.locked_until > _UNTIL, _coupons.c.locked_until), else_=_UNTIL),
)
"""A longer lock, which can only be the same bill's, stays as long."""
_EXTENDED = _MOVED.where(_coupons.c.valid_until < bindparam("soon", type_=UtcDateTime())).values(
    valid_until=bindparam("until", type_=UtcDateTime())
)
_HAPPENED = insert(_events)


def _move(
    coupon_id: int,
    step: Step,
    statement: Update,
    facts: Mapping[str, int | str | datetime | None],
    *,
    actor: str,
    cause: str,
    now: datetime,
) -> bool:
    """Try each state the arrow starts from; the event says which one it was."""
    if not in_transaction():
        raise RuntimeError("a coupon changes together with what changes it")
    merchant_id = tenancy.merchant_id()
    for before in step.before:
        named = {"coupon": coupon_id, "merchant": merchant_id, "before": before}
        if changed(statement, {**named, "after": step.after, **facts}):
            db.session.connection().execute(
                _HAPPENED,
                {
                    "merchant_id": merchant_id,
                    "coupon_id": coupon_id,
                    "before": before,
                    "after": step.after,
                    "at": now,
                    "actor": actor[:80],
                    "cause": cause[:80],
                    "request_id": requesting.request_id(),
                },
            )
            return True
    return False
