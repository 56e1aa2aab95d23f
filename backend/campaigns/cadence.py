"""发券周期: when a campaign runs, and until when what it gave can be claimed.

The calendar is ours: a cycle is named by the day and time it was planned for, in the merchant's
zone, and the same question gives the same cycles whenever it is asked. Pure; pauses, and what was
done already, are the caller's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import chain, dropwhile, islice, takewhile
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from backend.calendar import (
    day_of,
    end_of_day,
    first_of_next_month,
    first_of_week,
    instant,
    month_days,
)

SLOTS = ((time(9), time(12)), (time(16), time(20)))
"""票券营销's waves and until when each may still be run (S0-08, R-18)."""


@dataclass(frozen=True, order=True)
class Cycle:
    """One planned run of a campaign. It may start from ``planned_at`` until ``catch_up_until``."""

    planned_at: datetime
    catch_up_until: datetime
    key: str

    def is_due(self, at: datetime) -> bool:
        """Never early; after the catch-up it is missed."""
        return self.planned_at <= at < self.catch_up_until


class Every(StrEnum):
    """每日, 每周, 每月."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def _time_of_day(value: object) -> time:
    if isinstance(value, time):
        return value
    if isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        return time.fromisoformat(value)
    raise ValueError("时间应写作 10:00")


TimeOfDay = Annotated[
    time,
    BeforeValidator(_time_of_day),
    PlainSerializer(lambda at: f"{at:%H:%M}", return_type=str),
]


class Timetable(BaseModel):
    """发券时间. Daily, on weekdays 1–7, or on days of the month 1–31 or ``last``; at one time."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    every: Every = Field(strict=False)
    days: tuple[int | Literal["last"], ...] = Field(default=(), strict=False)
    at: TimeOfDay

    @model_validator(mode="after")
    def _days_of_its_period(self) -> Self:
        known: dict[Every, set[int | str]] = {
            Every.DAY: set(),
            Every.WEEK: set(range(1, 8)),
            Every.MONTH: {*range(1, 32), "last"},
        }
        if not known[self.every].issuperset(self.days):
            raise ValueError("日期不在周期之内")
        if self.every is not Every.DAY and not self.days:
            raise ValueError("请至少选择一天")
        return self


class WindowKind(StrEnum):
    """领取时间限制 (S3-22)."""

    SAME_DAY = "same_day"
    DAYS = "days"
    ANYTIME = "anytime"


class ClaimWindow(BaseModel):
    """领取时间限制. On the day of issue, within n natural days, or any time."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    kind: WindowKind = Field(strict=False)
    days: int | None = Field(default=None, ge=1, le=3650)

    @model_validator(mode="after")
    def _days_where_they_count(self) -> Self:
        if (self.kind is WindowKind.DAYS) is (self.days is None):
            raise ValueError("只有 days 需要天数")
        return self


def cycles(
    timetable: Timetable,
    *,
    first_started_at: datetime,
    after: datetime,
    until: datetime,
    zone: ZoneInfo,
) -> list[Cycle]:
    """定期送券. The cycles planned in [``after``, ``until``), in order.

    The first lies in the period after the one of the first start (S3-21, R-07): daily tomorrow,
    weekly next week, also when the weekday is still ahead in this one, monthly next month. A day
    that a month lacks falls on its last day, once (R-08). Each may be caught up to the end of its
    day (R-18).
    """
    first_day = max(day_of(after, zone), _first_day(timetable, day_of(first_started_at, zone)))
    return _within(_timetable_cycles(timetable, first_day, zone), after, until)


def due(
    timetable: Timetable, *, first_started_at: datetime, zone: ZoneInfo, at: datetime
) -> Cycle | None:
    """The cycle that may run at ``at``, if any: planned by then, its catch-up not over.

    There is never more than one, as a cycle's catch-up ends with its day.
    """
    today = day_of(at, zone)
    first_day = max(today, _first_day(timetable, day_of(first_started_at, zone)))
    cycle = next(_timetable_cycles(timetable, first_day, zone))
    return cycle if cycle.is_due(at) else None


def next_dates(
    timetable: Timetable,
    *,
    first_started_at: datetime | None,
    zone: ZoneInfo,
    n: int = 5,
    now: datetime,
) -> list[datetime]:
    """The next ``n`` planned instants after ``now``, for the form; not started: as if now."""
    started_on = day_of(first_started_at or now, zone)
    first_day = max(day_of(now, zone), _first_day(timetable, started_on))
    planned = (cycle.planned_at for cycle in _timetable_cycles(timetable, first_day, zone))
    return list(islice(dropwhile(lambda at: at <= now, planned), n))


def class_slots(
    *, first_started_at: datetime | None, after: datetime, until: datetime, zone: ZoneInfo
) -> list[Cycle]:
    """票券营销. The 09:00 and 16:00 slots planned in [``after``, ``until``), in order.

    A campaign runs in slots at or after its first start: started at 08:59:59 or at 09:00:00
    exactly it runs at 09:00, started a moment later at 16:00. Without a start (reminders) every
    slot counts.
    """
    start = max(after, first_started_at) if first_started_at else after
    return _within(_slot_cycles(day_of(start, zone), zone), start, until)


def due_slot(*, first_started_at: datetime | None, zone: ZoneInfo, at: datetime) -> Cycle | None:
    """The slot that may run at ``at``, if any: 09:00 until 12:00, 16:00 until 20:00."""
    today = islice(_slot_cycles(day_of(at, zone), zone), len(SLOTS))
    return next(
        (
            slot
            for slot in today
            if slot.is_due(at) and (first_started_at is None or first_started_at <= slot.planned_at)
        ),
        None,
    )


def next_slot(*, zone: ZoneInfo, now: datetime) -> Cycle:
    """The next 09:00 or 16:00 strictly after ``now`` (S0-18)."""
    return next(slot for slot in _slot_cycles(day_of(now, zone), zone) if now < slot.planned_at)


def claim_until(issued_at: datetime, window: ClaimWindow, *, zone: ZoneInfo) -> datetime | None:
    """领取期. Until when (exclusive) what was issued can be claimed; ``None``: any time.

    Natural days, the day of issue counts as the first (S3-23): issued on the 10th, 2 days → until
    the 11th 24:00. A wave that caught up is issued at its planned time.
    """
    match window.kind:
        case WindowKind.ANYTIME:
            return None
        case WindowKind.SAME_DAY | WindowKind.DAYS:
            last = day_of(issued_at, zone) + timedelta(days=(window.days or 1) - 1)
            return end_of_day(last, zone)


def _timetable_cycles(timetable: Timetable, first_day: date, zone: ZoneInfo) -> Iterator[Cycle]:
    return (
        Cycle(instant(day, timetable.at, zone), end_of_day(day, zone), _key(day, timetable.at))
        for day in _days_from(first_day)
        if _falls_on(timetable, day)
    )


def _slot_cycles(first_day: date, zone: ZoneInfo) -> Iterator[Cycle]:
    return chain.from_iterable(
        (
            Cycle(instant(day, at, zone), instant(day, catch_up, zone), _key(day, at))
            for at, catch_up in SLOTS
        )
        for day in _days_from(first_day)
    )


def _within(planned: Iterator[Cycle], after: datetime, until: datetime) -> list[Cycle]:
    return list(
        takewhile(
            lambda cycle: cycle.planned_at < until,
            dropwhile(lambda cycle: cycle.planned_at < after, planned),
        )
    )


def _falls_on(timetable: Timetable, day: date) -> bool:
    match timetable.every:
        case Every.DAY:
            return True
        case Every.WEEK:
            return day.isoweekday() in timetable.days
        case Every.MONTH:
            last = month_days(day)
            return day.day in {last if d == "last" else min(d, last) for d in timetable.days}


def _first_day(timetable: Timetable, started_on: date) -> date:
    match timetable.every:
        case Every.DAY:
            return started_on + timedelta(days=1)
        case Every.WEEK:
            return first_of_week(started_on) + timedelta(weeks=1)
        case Every.MONTH:
            return first_of_next_month(started_on)


def _days_from(first: date) -> Iterator[date]:
    day = first
    while True:
        yield day
        day += timedelta(days=1)


def _key(day: date, at: time) -> str:
    return f"{day.isoformat()}@{at:%H:%M}"
