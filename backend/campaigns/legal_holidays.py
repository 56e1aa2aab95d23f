"""法定节假日, ready-made for 节假日多倍积分 (S2-26): what the State Council has announced."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby


@dataclass(frozen=True)
class LegalHoliday:
    """放假安排, its adjoining weekend included; both days count."""

    name: str
    first: date
    last: date

    @property
    def words(self) -> str:
        """``国庆节 10月1日–7日``, ``春节 1月28日–2月4日``."""
        days = f"{self.first.month}月{self.first.day}日"
        if self.last.month != self.first.month:
            days += f"–{self.last.month}月{self.last.day}日"
        elif self.last != self.first:
            days += f"–{self.last.day}日"
        return f"{self.name} {days}"


def of_year(year: int) -> list[LegalHoliday]:
    """The year's legal holidays in order; none for a year that is not announced yet."""
    from chinese_calendar.constants import Holiday, holidays

    names = {each.value: each.chinese for each in Holiday}
    days = sorted(day for day in holidays if day.year == year)
    stretches = groupby(
        enumerate(days), lambda found: (holidays[found[1]], found[1] - timedelta(days=found[0]))
    )
    return [
        LegalHoliday(names[name], dates[0], dates[-1])
        for (name, _), rows in stretches
        for dates in [[day for _, day in rows]]
    ]


def coming(today: date) -> list[LegalHoliday]:
    """Those of this year and the next which are not over."""
    found = [*of_year(today.year), *of_year(today.year + 1)]
    return [holiday for holiday in found if holiday.last >= today]
