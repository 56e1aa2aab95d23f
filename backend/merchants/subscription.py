"""营销包年 (S0-16). Days are inclusive; outside them campaigns neither grant nor send. A package
may be for some kinds of campaign only (S0-01, S3-38): the others are as if there were none."""

from datetime import date, timedelta

from sqlalchemy import ColumnElement, bindparam, exists, select

from backend.database import db, table_of
from backend.known import asked_once
from backend.merchants.models import Subscription

_periods = table_of(Subscription)
_IN_FORCE = (
    select(_periods.c.kinds)
    .where(
        _periods.c.merchant_id == bindparam("merchant"),
        _periods.c.starts_on <= bindparam("day"),
        _periods.c.ends_on >= bindparam("day"),
    )
    .order_by(_periods.c.starts_on, _periods.c.id)
)


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


def is_subscribed(merchant_id: int, *, on: date, kind: str | None = None) -> bool:
    """Whether this merchant's campaigns, or those of one kind, may grant and send on that day."""
    packages = _packages(merchant_id, on=on)
    return any(kind is None or not kinds or kind in kinds for kinds in packages)


def included(merchant_id: int, *, on: date) -> list[str] | None:
    """所含活动种类 of that day's packages, in their order; None: all kinds."""
    packages = _packages(merchant_id, on=on)
    if not all(packages):
        return None
    return list(dict.fromkeys(kind for kinds in packages for kind in kinds))


def leaves_out(merchant_id: int, *, on: date, kind: str) -> bool:
    """Whether there is a package on that day, and it is not for this kind."""
    kinds = included(merchant_id, on=on)
    return bool(kinds) and kind not in (kinds or ())


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


def _packages(merchant_id: int, *, on: date) -> list[list[str]]:
    """The kinds of each package in force on that day, asked once in a transaction."""
    asked = {"merchant": merchant_id, "day": on}
    return asked_once(
        ("packages", merchant_id, on),
        lambda: list(db.session.connection().scalars(_IN_FORCE, asked)),
    )
