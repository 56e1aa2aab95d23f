"""表单字段: yuan that become fen, days, times of day."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from wtforms import Form, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from backend.calendar import parse_date
from backend.money import LOWEST_USUAL_BP, parse_yuan, yuan


def day(text: str) -> date:
    """A day as typed, of a year that a calendar of ours can hold."""
    found = parse_date(text)
    if not 2000 <= found.year <= 2100:
        raise ValueError("年份应在 2000 和 2100 之间")
    return found


def row_id(text: str) -> int:
    """The id of a row as a form sends it; 0, which no row has, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


class DeskForm(Form):  # type: ignore[misc]
    """A form of the desk: Chinese errors; the CSRF token is the page's, not the form's."""

    class Meta:
        locales = ("zh",)


class TypedField(StringField):  # type: ignore[misc]
    """A text box whose content is a value; ``raw`` text stays when it could not be read."""

    def read(self, text: str) -> Any:
        """The value; ValueError with words when it is none."""
        raise NotImplementedError

    def write(self, value: Any) -> str:
        """The value as typed."""
        return str(value)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self.write(self.data)

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = None
        if not valuelist or not valuelist[0].strip():
            return
        try:
            self.data = self.read(valuelist[0].strip())
        except ValueError as error:
            raise ValueError(str(error)) from None


def choices(*pairs: tuple[str | int, str]) -> list[SelectChoice]:
    """What a select or pills offer: value and label."""
    return [SelectChoice(value, label) for value, label in pairs]


class Pills(SelectMultipleField):  # type: ignore[misc]
    """Several of a few, as pills."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def __init__(self, *args: Any, **rest: Any) -> None:
        words = "没有这个选项"  # the library's catalogue lacks these
        super().__init__(*args, invalid_choice_message=words, invalid_value_message=words, **rest)


class YuanField(TypedField):
    """金额（元）, kept in fen: 199.90 → 19990. More than two decimals are refused, not rounded."""

    most_fen = 10**9

    def read(self, text: str) -> int:
        fen = parse_yuan(text)
        if not 0 <= fen <= self.most_fen:
            raise ValueError(f"应在 0 和 {yuan(self.most_fen)} 元之间")
        return fen

    def write(self, value: int) -> str:
        return yuan(value)


class WholeField(TypedField):
    """整数 in ASCII digits, within bounds."""

    def __init__(
        self, label: str = "", *args: Any, least: int = 0, most: int = 10**6, **rest: Any
    ) -> None:
        super().__init__(label, *args, **rest)
        self.least, self.most = least, most

    def read(self, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 12):
            raise ValueError("请输入整数")
        if not self.least <= int(text) <= self.most:
            raise ValueError(f"应在 {self.least} 和 {self.most} 之间")
        return int(text)


class RateField(TypedField):
    """折扣, as people say it: 8.5 折 ↔ 8500 basis points of what is still paid."""

    def read(self, text: str) -> int:
        if not re.fullmatch(r"[0-9](\.[0-9]{1,3})?", text):
            raise ValueError("折扣应写作 8.5")
        rate_bp = round(Decimal(text) * 1000)
        if not 0 < rate_bp < 10_000:
            raise ValueError("折扣应在 0 和 10 之间")
        return rate_bp

    def write(self, value: int) -> str:
        return f"{value / 1000:g}"


class AskedAgain:
    """低于1折: the customer would pay next to nothing, so a tick in ``sure`` must confirm it."""

    def __init__(self, applies: Callable[[Any], bool] = lambda _form: True) -> None:
        self._applies = applies

    def __call__(self, form: Any, field: Any) -> None:
        rate_bp = field.data
        if rate_bp is None or rate_bp >= LOWEST_USUAL_BP or not self._applies(form):
            return
        if not form.sure.data:
            raise ValidationError(
                f"低于1折，顾客只付 {rate_bp / 100:g}%；确实如此请勾选“{form.sure.label.text}”"
            )


class CodesField(TypedField):
    """Several codes or words, separated by spaces, commas or 、."""

    def read(self, text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part[:64] for part in re.split(r"[\s,，、;；]+", text) if part))

    def write(self, value: Sequence[str]) -> str:
        return " ".join(value)


class DaysField(TypedField):
    """日期范围: ``2026-11-01 至 2026-11-30``."""

    def read(self, text: str) -> tuple[date, date]:
        return self.parse(text)

    @staticmethod
    def parse(text: str) -> tuple[date, date]:
        """First and last day as typed."""
        try:
            parts = [day(part.strip()) for part in text.split("至")]
        except ValueError:
            parts = []
        if len(parts) not in (1, 2) or parts[-1] < parts[0]:
            raise ValueError("日期应写作 2026-11-01 至 2026-11-30")
        return parts[0], parts[-1]

    def write(self, value: tuple[date, date]) -> str:
        return f"{value[0]} 至 {value[1]}"


class DayField(TypedField):
    """日期: ``2026-11-23``."""

    def read(self, text: str) -> date:
        try:
            return day(text)
        except ValueError:
            raise ValueError("日期应写作 2026-11-23") from None

    def write(self, value: date) -> str:
        return value.isoformat()


class TimeOfDayField(TypedField):
    """时间: ``10:00``."""

    def read(self, text: str) -> time:
        try:
            return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 a time of day has no zone
        except ValueError:
            raise ValueError("时间应写作 10:00") from None

    def write(self, value: time) -> str:
        return f"{value:%H:%M}"


class Needed:
    """必填, in words; marks the label."""

    field_flags = {"required": True}

    def __call__(self, form: object, field: Any) -> None:
        if field.errors:
            return
        if field.data is None or field.data == "" or field.data == []:
            raise ValidationError("必填")
