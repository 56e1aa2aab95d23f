"""使用规则: where a coupon counts, when it may be used, how long it is good, what it goes with."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    field_validator,
    model_validator,
)

from backend.calendar import local, parse_date
from backend.coupons.kinds import Code, Term


class Scope(Term):
    """适用菜品. Dishes and categories by code (S1-05); neither named: everything on the bill."""

    dishes: tuple[Code, ...] = Field(default=(), strict=False)
    categories: tuple[Code, ...] = Field(default=(), strict=False)

    def covers(self, *, dish: str, category: str | None) -> bool:
        """Whether a line of this dish counts for the coupon."""
        if not self.dishes and not self.categories:
            return True
        return dish in self.dishes or category in self.categories


class UseHours(Term):
    """可用时段. Weekdays 1–7 (Monday is 1) and hours ``11:00-14:00``; none named: always.

    An end is exclusive. ``22:00-02:00`` runs over midnight and belongs to the day it began on:
    with weekday 5 it covers Saturday until 02:00. ``24:00`` is an end.
    """

    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(default=(), strict=False)
    hours: tuple[str, ...] = Field(default=(), strict=False)

    @field_validator("weekdays")
    @classmethod
    def _in_order(cls, weekdays: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(weekdays)))

    @field_validator("hours")
    @classmethod
    def _readable(cls, hours: tuple[str, ...]) -> tuple[str, ...]:
        for hour in hours:
            _minutes(hour)
        return hours

    def allow(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether the coupon may be used at this instant."""
        here = local(at, zone)
        minute = here.hour * 60 + here.minute
        if not self.hours:
            return self._on(here.isoweekday())
        yesterday = (here - timedelta(days=1)).isoweekday()
        return any(
            (self._on(here.isoweekday()) and opens <= minute < closes)
            or (self._on(yesterday) and opens <= minute + 24 * 60 < closes)
            for opens, closes in self._spans
        )

    @property
    def words(self) -> str:
        """``周一至周五 11:00-14:00``; empty when there is no limit."""
        weekdays = "" if len(self.weekdays) == 7 else _weekday_words(self.weekdays)
        return " ".join(part for part in (weekdays, "、".join(self.hours)) if part)

    @cached_property
    def _spans(self) -> tuple[tuple[int, int], ...]:
        return tuple(_minutes(hour) for hour in self.hours)

    def _on(self, weekday: int) -> bool:
        return not self.weekdays or weekday in self.weekdays


def _day(value: object) -> object:
    return parse_date(value) if isinstance(value, str) else value


Day = Annotated[date, BeforeValidator(_day)]


class FixedValidity(Term):
    """固定有效期. From date to date, both inclusive."""

    first: Day = Field(alias="from")
    last: Day = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("有效期的结束日期早于开始日期")
        return self


class RelativeValidity(Term):
    """领取后有效. From the claim plus ``after_days`` (0: at once) for ``days`` days."""

    days: int = Field(ge=1, le=3650)
    after_days: int = Field(default=0, ge=0, le=3650)


def _sort_of_validity(value: object) -> str:
    if isinstance(value, Mapping):
        return "fixed" if "from" in value or "to" in value else "relative"
    return "fixed" if isinstance(value, FixedValidity) else "relative"


Validity = Annotated[
    Annotated[FixedValidity, Tag("fixed")] | Annotated[RelativeValidity, Tag("relative")],
    Discriminator(_sort_of_validity),
]
"""有效期, of either sort; as a field of another model it reads ``{from, to}`` or ``{days, …}``."""

_VALIDITY: TypeAdapter[FixedValidity | RelativeValidity] = TypeAdapter(Validity)


def parse_validity(validity: Mapping[str, object]) -> FixedValidity | RelativeValidity:
    """有效期 as stored or sent; pydantic's ValidationError names what is wrong."""
    return _VALIDITY.validate_python(dict(validity))


class Combine(Term):
    """同享. With what it may be used on one bill (spec 04); alone among coupons unless it says so.

    ``discounted_dishes`` false: lines that the till already sells at a special price do not count.
    """

    level: bool = True
    points: bool = True
    coupons: bool = False
    discounted_dishes: bool = True


_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")


def _minutes(hours: str) -> tuple[int, int]:
    """``22:00-02:00`` → (1320, 1560): minutes of the day it begins on."""
    found = _HOURS.fullmatch(hours)
    if found is None:
        raise ValueError("时段应写作 11:00-14:00")
    from_hour, from_minute, to_hour, to_minute = map(int, found.groups())
    opens, closes = from_hour * 60 + from_minute, to_hour * 60 + to_minute
    if closes > 24 * 60 or closes == opens:
        raise ValueError("时段应写作 11:00-14:00")
    return opens, closes if closes > opens else closes + 24 * 60


def _weekday_words(weekdays: tuple[int, ...]) -> str:
    runs = (
        [weekday for _, weekday in run]
        for _, run in groupby(enumerate(weekdays), key=lambda placed: placed[1] - placed[0])
    )
    return "、".join(
        f"{_NAMES[run[0]]}至{_NAMES[run[-1]]}"
        if len(run) > 2
        else "、".join(_NAMES[weekday] for weekday in run)
        for run in runs
    )


_NAMES = ("", "周一", "周二", "周三", "周四", "周五", "周六", "周日")
