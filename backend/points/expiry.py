"""积分有效期: until when points earned now are good. Pure."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from backend.calendar import day_of, end_of_day, month_days
from backend.merchants.settings import Expiry


def expires_at(earned_at: datetime, *, expiry: Expiry, zone: ZoneInfo) -> datetime | None:
    """Exclusive end of points earned at an instant; ``None``: they never expire.

    Earned on 2026-11-23: ``year_end`` → 2027-12-31 24:00, 3 months → 2027-02-23 24:00. A day that
    the month lacks is its last.
    """
    day = day_of(earned_at, zone)
    match expiry:
        case "none":
            return None
        case "year_end":
            return end_of_day(date(day.year + 1, 12, 31), zone)
        case int():
            return end_of_day(_months_later(day, expiry), zone)


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    first = date(day.year + years, month + 1, 1)
    return first.replace(day=min(day.day, month_days(first)))
