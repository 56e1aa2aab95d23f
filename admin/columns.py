"""列表的列: how each kind of value reads on a page and in a spreadsheet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from markupsafe import Markup, escape

from admin import access
from admin.rights import Right
from backend.calendar import local
from backend.coupons.numbers import spaced
from backend.merchants.audit import mask_phones
from backend.money import yuan_amount

Cell = str | int | float | datetime | date | None
NOTHING = Markup('<span class="quiet">—</span>')
UNBOUND = Markup('<span class="quiet">未绑定</span>')


@dataclass(frozen=True)
class Word:
    """A status as people call it, and the colour of its badge (ok, warn, bad, info or none)."""

    label: str
    tone: str = ""


Words = Mapping[Any, Word]


@dataclass(frozen=True)
class Column:
    """One column. ``name`` is an attribute of the row; ``sort`` the column behind it, if any."""

    name: str
    label: str
    show: Callable[[Any], Markup | str] | None = None
    export: Callable[[Any], Cell] | None = None
    sort: Any = None
    css: str = ""

    def html(self, row: object) -> Markup | str:
        """The cell on the page."""
        value = getattr(row, self.name)
        if self.show is not None:
            return self.show(value)
        return plain(value)

    def cell(self, row: object) -> Cell:
        """The cell in a spreadsheet: numbers and dates stay what they are."""
        value = getattr(row, self.name)
        if self.export is not None:
            return self.export(value)
        return cast(Cell, value)


def plain(value: object) -> Markup | str:
    """Text; nothing is a grey dash; instants and days in the merchant's zone."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def moment(at: datetime | None) -> Markup | str:
    """时间: ``2026-11-23 09:00`` in the merchant's zone."""
    return NOTHING if at is None else f"{local(at, access.shop().zone):%Y-%m-%d %H:%M}"


def time_of_day(at: datetime) -> str:
    """``16:00`` in the merchant's zone."""
    return f"{local(at, access.shop().zone):%H:%M}"


def weekday(at: datetime) -> str:
    """星期 of an instant in the merchant's zone."""
    return "周" + "一二三四五六日"[local(at, access.shop().zone).weekday()]


def badge(words: Words, value: object) -> Markup:
    """状态 as a coloured badge."""
    word = words.get(value, Word(str(value)))
    return Markup('<span class="badge {}">{}</span>').format(word.tone, word.label)


def masked_phone(number: str | None) -> Markup | str:
    """手机号 in lists: ``181****4469``, whoever looks."""
    return mask_phones(number) if number else UNBOUND


def phone(number: str | None) -> Markup | str:
    """手机号 on the page of one member: masked unless the role may see it."""
    return visible_phone(number) or UNBOUND


def visible_phone(number: str | None) -> str:
    """The number as this person may read it."""
    if not number:
        return ""
    return number if access.may(Right.PHONES) else mask_phones(number)


def coupon_number(spelt: str) -> str:
    """券码: with its last four digits alone for who does not need it whole; it is as good as the
    coupon."""
    return spaced(spelt) if access.may(Right.COUPON_NUMBERS) else f"**** **** {spelt[-4:]}"


def yuan(fen: int | None) -> Markup | str:
    """金额: ``¥1,234.50``."""
    return NOTHING if fen is None else yuan_amount(fen)


def instant(name: str, label: str, *, sort: Any = None) -> Column:
    """A column of instants; real local date-times in a spreadsheet."""
    return Column(name, label, show=moment, export=_naive, sort=sort, css="nowrap")


def status(name: str, label: str, words: Words) -> Column:
    """A column of badges; the words in a spreadsheet."""
    return Column(
        name,
        label,
        show=lambda value: badge(words, value),
        export=lambda value: words.get(value, Word(value)).label,
    )


def word(name: str, label: str, words: Mapping[str, str]) -> Column:
    """A column of enum values, in plain words."""
    return Column(
        name,
        label,
        show=lambda value: plain(words.get(value, value)),
        export=lambda value: words.get(value, value),
    )


def phones(name: str = "phone", label: str = "手机号") -> Column:
    """手机号: masked in the list; in a spreadsheet as this person may read it."""
    return Column(name, label, show=masked_phone, export=visible_phone)


def money(name: str, label: str, *, sort: Any = None) -> Column:
    """金额; a number in yuan in a spreadsheet, so that columns add up."""
    return Column(
        name,
        label,
        show=yuan,
        export=lambda fen: None if fen is None else fen / 100,
        sort=sort,
        css="number",
    )


def count(name: str, label: str, *, sort: Any = None) -> Column:
    """A column of whole numbers."""
    return Column(
        name, label, show=lambda n: "—" if n is None else f"{n:,}", sort=sort, css="number"
    )


def link(url: str, text: str) -> Markup:
    """A link in a cell."""
    return Markup('<a href="{}">{}</a>').format(url, escape(text))


def _naive(at: datetime | None) -> datetime | None:
    return None if at is None else local(at, access.shop().zone).replace(tzinfo=None, microsecond=0)
