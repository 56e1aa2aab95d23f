"""撤销核销: with a reason, in time, with the effect of one however often it is asked for."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update

from backend import tenancy
from backend.coupons import states
from backend.coupons.models import Coupon
from backend.database import MetAnother, changed, db, table_of, transactional
from backend.merchants.models import Store
from backend.redemption.errors import RedeemedOnBill, RedemptionNotFound, UndoTooLate
from backend.redemption.models import Redemption, ReportKind
from backend.redemption.redeem import Redeemer
from backend.redemption.voucher_reports import report

VERIFIER_HAS = timedelta(minutes=5)
TILL_HAS = timedelta(hours=24)

_redemptions, _stores = table_of(Redemption), table_of(Store)
_coupons = table_of(Coupon)


@dataclass(frozen=True)
class _Standing:
    coupon_id: int
    bill_id: int | None
    at: datetime
    undone: bool


@transactional
def undo(
    redemption_id: int,
    *,
    by: Redeemer,
    store_code: str | None = None,
    reason: str,
    now: datetime,
) -> int:
    """撤销. A verifier their own within 5 minutes, a till its store's (a manager: any, no
    ``store_code``) within 24 h. Its coupon, usable again, or expired where its time is over."""
    standing = _find(redemption_id, by=by, store_code=store_code)
    if not standing.undone:
        if standing.bill_id is not None:
            raise RedeemedOnBill()
        if now >= standing.at + (TILL_HAS if by.verifier_id is None else VERIFIER_HAS):
            raise UndoTooLate()
        give_back(redemption_id, by=by.name, reason=reason, now=now)
    return standing.coupon_id


@transactional
def give_back(redemption_id: int, *, by: str, reason: str, now: datetime) -> None:
    """End the live redemption and free its coupon; somebody else's undoing is as good."""
    ours = _redemptions.c.merchant_id == tenancy.merchant_id(), _redemptions.c.id == redemption_id
    ended = changed(
        update(_redemptions)
        .where(*ours, _redemptions.c.live_key.is_not(None))
        .values(live_key=None, undone_at=now, undone_by=by[:80], undo_reason=reason)
    )
    if not ended:
        return
    coupon = (
        db.session.connection()
        .execute(
            select(_coupons.c.id, _coupons.c.voucher_id)
            .join(_redemptions, _redemptions.c.coupon_id == _coupons.c.id)
            .where(*ours)
        )
        .one_or_none()
    )
    if coupon is None or not states.undo(
        coupon.id, actor=by, cause=f"undo {redemption_id}", now=now
    ):
        raise MetAnother("a live redemption without its redeemed coupon")
    report(redemption_id, coupon.voucher_id, ReportKind.UNDONE, at=now)


def _find(redemption_id: int, *, by: Redeemer, store_code: str | None) -> _Standing:
    mine: list[ColumnElement[bool]] = []
    if by.verifier_id is not None:
        mine.append(_redemptions.c.verifier_id == by.verifier_id)
    if store_code is not None:
        mine.append(_stores.c.code == store_code)
    row = (
        db.session.connection()
        .execute(
            select(
                _redemptions.c.coupon_id,
                _redemptions.c.bill_id,
                _redemptions.c.at,
                _redemptions.c.live_key.is_(None).label("undone"),
            )
            .join(_stores, _stores.c.id == _redemptions.c.store_id)
            .where(
                _redemptions.c.merchant_id == tenancy.merchant_id(),
                _redemptions.c.id == redemption_id,
                *mine,
            )
        )
        .one_or_none()
    )
    if row is None:
        raise RedemptionNotFound()
    return _Standing(row.coupon_id, row.bill_id, row.at, bool(row.undone))
