"""节假日多倍积分 (S2-26…28): up to ten stretches of days, or days of the week."""

from datetime import date
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from backend.calendar import parse_date
from backend.campaigns.kinds.points import LevelName, PointsKind
from backend.coupons.kinds import Term

MOST_RANGES = 10
"""最多不超过10个 (S2-26)."""


def _day(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_date(value)
    except ValueError:
        raise ValueError("日期应写作 2026-01-01") from None


Day = Annotated[date, BeforeValidator(_day)]
Weekday = Annotated[int, Field(ge=1, le=7)]
Times = Annotated[int, Field(ge=1, le=100)]


class Days(Term):
    """Both days count."""

    first: Day = Field(alias="from")
    last: Day = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("结束日期早于开始日期")
        return self


class HolidayPoints(PointsKind):
    """节假日多倍积分's settings: the days, and the multiple of everybody or of each level."""

    ranges: Annotated[tuple[Days, ...], Field(strict=False, max_length=MOST_RANGES)] = ()
    weekdays: Annotated[tuple[Weekday, ...], Field(strict=False, max_length=7)] = ()
    multiple: Times | dict[LevelName, Times]

    @model_validator(mode="after")
    def _one_sort_of_days(self) -> Self:
        if bool(self.ranges) == bool(self.weekdays):
            raise ValueError("ranges 与 weekdays 须且只能填一种")
        return self

    levels_stand_in: ClassVar[str] = "multiple"

    def times_on(self, day: date, level: str | None) -> int:
        """The multiple for a level on a day of the merchant's zone; 1 on other days."""
        in_range = any(each.first <= day <= each.last for each in self.ranges)
        if not in_range and day.isoweekday() not in self.weekdays:
            return 1
        if isinstance(self.multiple, int):
            return self.multiple
        return self.multiple.get(level or "", 1)

    @property
    def level_names(self) -> frozenset[str]:
        """会员等级 with a multiple."""
        return frozenset() if isinstance(self.multiple, int) else frozenset(self.multiple)
