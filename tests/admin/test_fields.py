"""Fields: money, rates, days and times as people type them, and back (ux.md 3, traps 24, 25)."""

import re
from datetime import date, time

import pytest
from werkzeug.datastructures import MultiDict
from wtforms.fields.core import UnboundField

from admin.fields import (
    CodesField,
    DayField,
    DaysField,
    DeskForm,
    RateField,
    TimeOfDayField,
    WholeField,
    YuanField,
)


def typed(field: UnboundField, text: str) -> tuple[object, str, list[str]]:
    """What a field reads, shows again, and complains about."""
    form = type("OneField", (DeskForm,), {"one": field})(MultiDict({"one": text}))
    form.validate()
    return form.one.data, form.one._value(), list(form.one.errors)


@pytest.mark.parametrize(
    ("text", "fen"),
    [("199.90", 19990), ("0", 0), ("0.01", 1), (" 12.5 ", 1250), ("10000000", 10**9), ("", None)],
)
def test_yuan_become_fen_and_are_shown_as_typed(text: str, fen: int | None) -> None:
    """Trap 24; ux.md 8.8."""
    assert typed(YuanField("面额"), text) == (fen, text, [])


@pytest.mark.parametrize(
    "text", ["12.345", "1,00", "１００", "-1", "1e3", "¥5", "10000000.01", "x"]
)
def test_an_amount_that_could_be_read_in_two_ways_is_refused(text: str) -> None:
    fen, shown, errors = typed(YuanField("面额"), text)
    assert fen is None and shown == text and len(errors) == 1


def test_fen_are_shown_as_yuan() -> None:
    form = type("F", (DeskForm,), {"one": YuanField("面额")})(data={"one": 19990})
    assert form.one._value() == "199.9"


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (RateField("折扣"), "8.5", 8500),
        (RateField("折扣"), "9.875", 9875),
        (DayField("日期"), "2026-11-23", date(2026, 11, 23)),
        (DaysField("日期"), "2026-11-01 至 2026-11-30", (date(2026, 11, 1), date(2026, 11, 30))),
        (TimeOfDayField("时间"), "10:00", time(10)),
        (WholeField("张"), "12", 12),
        (CodesField("菜品"), "D001，D002、D001 D003", ("D001", "D002", "D003")),
    ],
)
def test_a_field_reads_what_people_type(field: UnboundField, text: str, value: object) -> None:
    assert typed(field, text) == (value, text, [])


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (RateField("折扣"), "0"), (RateField("折扣"), "10"), (RateField("折扣"), "85"),
        (DayField("日期"), "2026-11-31"), (DaysField("日期"), "2026-11-30 至 2026-11-01"),
        (TimeOfDayField("时间"), "25:00"), (WholeField("张", most=5), "6"),
        (WholeField("张"), "1.5"), (WholeField("张"), "²"),
    ],
)  # fmt: skip
def test_a_field_refuses_rubbish_in_words(field: UnboundField, text: str) -> None:
    value, _shown, errors = typed(field, text)
    assert value is None and re.search(r"[\u4e00-\u9fff]", errors[0])
