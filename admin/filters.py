"""查询条件: what the search bar of a list asks for.

Values come from the address bar: rubbish is a ValueError, which the list answers with a message.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from flask_admin.model.filters import BaseFilter
from sqlalchemy import ColumnElement

from admin import access
from backend.calendar import days, parse_date

Options = Sequence[tuple[str, str]]
Condition = Callable[[Any], ColumnElement[bool]]


class Asked(BaseFilter):  # type: ignore[misc]
    """One labelled input of the search bar."""

    widget = "text"
    longest = 64

    def __init__(self, label: str, condition: Condition, *, placeholder: str = "") -> None:
        super().__init__(label)
        self.condition = condition
        self.placeholder = placeholder or f"请输入{label}"

    def clean(self, value: str) -> Any:
        """The value as the condition needs it."""
        said = value.strip()
        if not said or len(said) > self.longest or "\x00" in said:
            raise ValueError("不能为空，也不能太长")
        return said

    def apply(self, query: Any, value: Any, alias: object = None) -> Any:
        return query.filter(self.condition(value))

    def operation(self) -> str:
        return ""

    def choices(self) -> Options:
        """What a select offers."""
        return ()


class Choice(Asked):
    """A select; only what it offers is taken."""

    widget = "select"

    def __init__(
        self, label: str, condition: Condition, *, options: Options | Callable[[], Options]
    ) -> None:
        super().__init__(label, condition)
        self._options = options

    def clean(self, value: str) -> str:
        if value not in {known for known, _label in self.choices()}:
            raise ValueError("没有这个选项")
        return value

    def choices(self) -> Options:
        return self._options() if callable(self._options) else self._options


class DayRange(Asked):
    """``2026-11-01 至 2026-11-23``: from 00:00 of the first to 24:00 of the last day, exclusive."""

    widget = "range"

    def __init__(self, label: str, column: Any) -> None:
        super().__init__(label, self._within, placeholder="开始日期 至 结束日期")
        self._column = column

    def clean(self, value: str) -> tuple[date, date]:
        parts = [parse_date(part.strip()) for part in value.split("至")]
        if len(parts) > 2 or parts[-1] < parts[0] or not 1970 < parts[0].year < 9999:
            raise ValueError("日期应写作 2026-11-01 至 2026-11-23")
        if parts[-1].year > 9998:
            raise ValueError("日期太晚")
        return parts[0], parts[-1]

    def _within(self, dates: tuple[date, date]) -> ColumnElement[bool]:
        span = days(*dates, access.shop().zone)
        condition: ColumnElement[bool] = (self._column >= span.start) & (self._column < span.end)
        return condition


def contains(column: Any) -> Condition:
    """The text stands anywhere in the column; ``%`` and ``_`` mean themselves."""
    return lambda text: column.contains(text, autoescape=True)


def equals(column: Any) -> Condition:
    """Exactly the value."""
    return lambda value: column == value
