"""核销查询: a verifier's own history and today's count."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from backend import tenancy
from backend.calendar import day_of, start_of_day
from backend.coupons.models import Coupon, TemplateRevision
from backend.coupons.numbers import coupon_numbers
from backend.database import db, table_of
from backend.merchants.models import Store
from backend.redemption.models import Redemption

_redemptions, _stores = table_of(Redemption), table_of(Store)
_coupons, _revisions = table_of(Coupon), table_of(TemplateRevision)


@dataclass(frozen=True)
class PastRedemption:
    """核销记录 as its verifier sees it."""

    id: int
    number: str
    title: str
    store_code: str
    store_name: str
    at: datetime
    by: str
    undone_at: datetime | None


def by_verifier(
    verifier_id: int, *, before_id: int | None = None, limit: int = 20
) -> list[PastRedemption]:
    """Their own, newest first; ``before_id`` goes on after the last one seen."""
    older = [] if before_id is None else [_redemptions.c.id < before_id]
    rows = db.session.connection().execute(
        select(
            _redemptions.c.id,
            _redemptions.c.coupon_id,
            _coupons.c.voucher_id,
            _revisions.c.title,
            _stores.c.code,
            _stores.c.name,
            _redemptions.c.at,
            _redemptions.c.by,
            _redemptions.c.undone_at,
        )
        .join(_stores, _stores.c.id == _redemptions.c.store_id)
        .join(_coupons, _coupons.c.id == _redemptions.c.coupon_id)
        .join(_revisions, _revisions.c.id == _coupons.c.revision_id)
        .where(
            _redemptions.c.merchant_id == tenancy.merchant_id(),
            _redemptions.c.verifier_id == verifier_id,
            *older,
        )
        .order_by(_redemptions.c.id.desc())
        .limit(limit)
    )
    named = coupon_numbers()
    return [
        PastRedemption(
            id=row.id,
            number=named.of(row.coupon_id, row.voucher_id),
            title=row.title,
            store_code=row.code,
            store_name=row.name,
            at=row.at,
            by=row.by,
            undone_at=row.undone_at,
        )
        for row in rows
    ]


def count_today(verifier_id: int, *, zone: ZoneInfo, now: datetime) -> int:
    """今日核销: what stands, undone ones not counted."""
    return (
        db.session.connection().scalar(
            select(func.count()).where(
                _redemptions.c.merchant_id == tenancy.merchant_id(),
                _redemptions.c.verifier_id == verifier_id,
                _redemptions.c.at >= start_of_day(day_of(now, zone), zone),
                _redemptions.c.undone_at.is_(None),
            )
        )
        or 0
    )
