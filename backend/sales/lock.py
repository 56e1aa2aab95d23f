"""锁券: coupons held for one open bill, for 15 minutes, so that nobody else uses them meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from backend import tenancy
from backend.coupons import states
from backend.coupons.models import Coupon, CouponState
from backend.coupons.numbers import coupon_numbers
from backend.database import MetAnother, db, table_of, transactional
from backend.merchants.queries import Place
from backend.redemption.look_up import find, judge, use_at
from backend.sales.bill import bill_key

_coupons = table_of(Coupon)


@dataclass(frozen=True)
class Locked:
    """锁券结果."""

    numbers: tuple[str, ...]
    expires_at: datetime


@transactional
def lock(scans: Sequence[str], *, bill: str, here: Place, actor: str, now: datetime) -> Locked:
    """锁券. All of them or none; the same bill may lock again."""
    key = bill_key(here.store_id, bill)
    numbers = []
    for scan in scans:
        coupon = find(scan, now=now)
        judge(coupon, use_at(here, bill=key, at=now))
        held = states.lock(
            coupon.id,
            holder_id=coupon.holder_id,
            bill=key,
            actor=actor,
            cause=f"bill {bill}",
            now=now,
        )
        if not held:
            raise MetAnother("the coupon changed between look and lock")
        numbers.append(coupon.number)
    return Locked(tuple(numbers), now + states.LOCKED_FOR)


@transactional
def unlock(
    scans: Sequence[str] | None, *, bill: str, here: Place, actor: str, now: datetime
) -> tuple[str, ...]:
    """解锁 these coupons, or all of the bill; what it does not hold is left alone."""
    key = bill_key(here.store_id, bill)
    named = (
        _locked_by(key)
        if scans is None
        else {coupon.id: coupon.number for coupon in (find(scan, now=now) for scan in scans)}
    )
    return tuple(
        number
        for coupon_id, number in named.items()
        if states.release(coupon_id, bill=key, actor=actor, cause=f"bill {bill}", now=now)
    )


def _locked_by(key: str) -> dict[int, str]:
    """Numbers of the coupons that the bill holds, by id."""
    numbers = coupon_numbers()
    rows = db.session.connection().execute(
        select(_coupons.c.id, _coupons.c.voucher_id).where(
            tenancy.owner(_coupons) == tenancy.merchant_id(),
            _coupons.c.state == CouponState.LOCKED,
            _coupons.c.locked_bill == key,
        )
    )
    return {row.id: numbers.of(row.id, row.voucher_id) for row in rows}
