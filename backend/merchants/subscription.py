"""营销包年 (S0-16). Days are inclusive; outside them campaigns neither grant nor send."""

from datetime import date, timedelta

from sqlalchemy import ColumnElement, exists, select

from backend.database import db, table_of
from backend.merchants.models import Subscription


def subscribed(
    merchant_id: ColumnElement[int] | int, *, on: ColumnElement[date] | date
) -> ColumnElement[bool]:
    """营销包年有效, as an expression for crowd statements; ``on`` is a day of the merchant's zone.

    ``merchant_id`` may be a column, so that one statement asks it of every merchant.
    """
    period = table_of(Subscription)
    return exists().where(
        period.c.merchant_id == merchant_id, period.c.starts_on <= on, period.c.ends_on >= on
    )


def is_subscribed(merchant_id: int, *, on: date) -> bool:
    """Whether this merchant's campaigns may grant and send on that day."""
    return bool(db.session.scalar(select(subscribed(merchant_id, on=on))))


def days_left(merchant_id: int, *, on: date) -> int:
    """剩余天数, the day itself included; 0 outside. A renewal that follows without a gap counts."""
    period = table_of(Subscription)
    coming = db.session.execute(
        select(period.c.starts_on, period.c.ends_on)
        .where(period.c.merchant_id == merchant_id, period.c.ends_on >= on)
        .order_by(period.c.starts_on)
    )
    last = on - timedelta(days=1)
    for starts_on, ends_on in coming:
        if starts_on > last + timedelta(days=1):
            break
        last = max(last, ends_on)
    return (last - on).days + 1
