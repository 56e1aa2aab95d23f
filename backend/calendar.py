"""日历: days, weeks and months of a merchant's zone, as instants.

Pure; nothing here reads the clock. A day is a date of the zone, an instant is an aware UTC datetime
(wall-clock arithmetic goes wrong where clocks change), a stretch of time is half-open. Naive
datetimes are refused, and a zone is always named: the merchant's, or the operator's.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
"""The operator's zone: the business clock's and the commands', which belong to no merchant."""


@dataclass(frozen=True, order=True)
class Span:
    """时段. From ``start`` up to, not including, ``end``: ``at in span``."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if _aware(self.end) < _aware(self.start):
            raise ValueError("a span cannot end before it starts")

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end


def local(at: datetime, zone: ZoneInfo) -> datetime:
    """The same instant as the zone's clocks show it: for texts and answers."""
    return _aware(at).astimezone(zone)


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The zone's date at an instant."""
    return local(at, zone).date()


def last_day_before(end: datetime, zone: ZoneInfo) -> date:
    """The last good day of something that ends, exclusively, at ``end``."""
    return day_of(end - timedelta(microseconds=1), zone)


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant at which the zone's clocks show this day and time."""
    if at.tzinfo is not None:
        raise ValueError("a time of day has no zone of its own")
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """00:00 of the day."""
    return instant(day, time.min, zone)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """24:00 of the day, which is no longer part of it."""
    return start_of_day(day + timedelta(days=1), zone)


def days(first: date, last: date, zone: ZoneInfo) -> Span:
    """From 00:00 of the first day to 24:00 of the last: dates are inclusive."""
    return Span(start_of_day(first, zone), end_of_day(last, zone))


def week_of(at: datetime, zone: ZoneInfo) -> Span:
    """本周. The natural week, from Monday 00:00 (R-01)."""
    monday = first_of_week(day_of(at, zone))
    return days(monday, monday + timedelta(days=6), zone)


def first_of_week(day: date) -> date:
    """The Monday on or before the day."""
    return day - timedelta(days=day.weekday())


def month_days(day: date) -> int:
    """How many days the month of ``day`` has."""
    return calendar.monthrange(day.year, day.month)[1]


def first_of_next_month(day: date) -> date:
    """The first of the month after the one of ``day``."""
    return day.replace(day=1) + timedelta(days=month_days(day))


def year_before(at: datetime, zone: ZoneInfo) -> datetime:
    """近12个月: the same time of the same day, twelve calendar months ago; 29 February → 28."""
    here = local(at, zone)
    day = min(here.day, month_days(date(here.year - 1, here.month, 1)))
    return instant(date(here.year - 1, here.month, day), here.time(), zone)


def parse_date(text: str) -> date:
    """A date as written in files and forms, ``2026-11-23``; anything else is a ValueError."""
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError("dates are written YYYY-MM-DD")
    return day


def parse_instant(text: str) -> datetime:
    """An RFC 3339 time; without an offset it is a ValueError."""
    return _aware(datetime.fromisoformat(text)).astimezone(UTC)


def _aware(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError("an instant needs a zone")
    return at
