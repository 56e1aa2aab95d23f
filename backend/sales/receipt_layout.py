"""结账单: the receipt in rows of a printer's width, and as ready text. Pure. (S1-21)

A Chinese character takes two cells: 32 of them at 58 mm, 48 at 80 mm. Control characters of names
and notes are never printed.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from backend.sales.receipt import ReceiptData, ReceiptLine, ReceiptMember

NARROW, WIDE = 32, 48


class Kind(Enum):
    """How a row is printed; ``CODE`` is an address, on paper a QR code."""

    PLAIN = auto()
    CENTRED = auto()
    TITLE = auto()
    CODE = auto()


@dataclass(frozen=True)
class Row:
    """One row, no wider than the paper (a code's address apart)."""

    text: str
    kind: Kind = Kind.PLAIN


def text(data: ReceiptData, width: int = NARROW) -> str:
    """小票 as ready text."""
    return "".join(f"{_placed(row, width)}\n" for row in rows(data, width))


def rows(data: ReceiptData, width: int = NARROW) -> Iterator[Row]:
    """小票. Amounts with two decimals; fields that nobody gave are left out."""
    rule = Row("-" * width)
    yield from _centred(data.store, width, Kind.TITLE)
    yield Row("结账单", Kind.CENTRED)
    yield from map(Row, _head(data, width))
    yield rule
    yield Row(_columns("商品名称", "数量", "金额", width))
    for line in data.lines:
        yield from map(Row, _dish(line, width))
    yield rule
    for name, fen in _sums(data):
        yield Row(_pair(name, _amount(fen), width))
    yield rule
    for tender in data.tenders:
        yield Row(_pair(tender.label, _amount(tender.amount_fen), width))
    if data.refunded_fen:
        yield Row(_pair("已退款", _amount(-data.refunded_fen), width))
    if data.member is not None:
        yield rule
        yield from map(Row, _member(data.member, width))
    if data.claim_url is not None:
        yield rule
        yield Row("微信扫码领取优惠券", Kind.CENTRED)
        yield Row(_clean(data.claim_url), Kind.CODE)
    yield rule
    for said in data.footer.splitlines():
        yield from _centred(said, width, Kind.CENTRED)


def _head(data: ReceiptData, width: int) -> Iterator[str]:
    def clock(at: datetime | None) -> str:
        return "" if at is None else f"{at:%m-%d %H:%M}"

    yield from _flowing([("台位", data.table)], width)
    fields = [
        ("单号", data.number),
        ("人数", str(data.guests or "")),
        ("收银", data.cashier),
        (f"第{data.printed}次打印", None),
    ]
    yield from _flowing(fields, width)
    yield from _flowing([("开台", clock(data.opened_at)), ("结账", clock(data.settled_at))], width)


def _dish(line: ReceiptLine, width: int) -> list[str]:
    """One row; a long name stands above its figures."""
    name, quantity = _clean(line.name), f"{line.quantity}{_clean(line.unit)}"
    figures = quantity, _amount(line.amount_fen)
    if _width(name) < width - 16:
        return [_columns(name, *figures, width)]
    return [*_wrapped(name, width), _columns("", *figures, width)]


def _sums(data: ReceiptData) -> Iterator[tuple[str, int]]:
    yield "服务费", data.service_fen
    yield "订单金额", data.total_fen
    if data.level_discount_fen:
        yield "会员折扣", -data.level_discount_fen
    if data.manual_fen:
        yield "手动批价", -data.manual_fen
    yield "应付金额", data.payable_fen


def _member(member: ReceiptMember, width: int) -> Iterator[str]:
    if member.card:
        yield from _wrapped(_pair("卡号", _clean(member.card), width), width)
    if member.phone:
        yield _pair("手机号码", member.phone, width)
    fields = [
        ("卡内余额", _amount(member.balance_fen)),
        ("本次积分", str(member.points_earned)),
        ("累计积分", str(member.points_total)),
    ]
    yield from _flowing(fields, width)


def _amount(fen: int) -> str:
    whole, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole}.{rest:02d}"


def _flowing(fields: Iterable[tuple[str, str | None]], width: int) -> Iterator[str]:
    """``单号:0023 人数:10``: as many on a row as it holds; None stands without a colon."""
    row = ""
    for name, value in fields:
        if value == "":
            continue
        field = name if value is None else f"{name}:{_clean(value)}"
        if row and _width(f"{row} {field}") > width:
            yield from _wrapped(row, width)
            row = field
        else:
            row = f"{row} {field}" if row else field
    if row:
        yield from _wrapped(row, width)


def _columns(name: str, quantity: str, amount: str, width: int) -> str:
    return _left(name, width - 16) + _right(quantity, 6) + _right(amount, 10)


def _pair(name: str, value: str, width: int) -> str:
    return f"{name}:" + _right(value, width - _width(name) - 1)


def _centred(said: str, width: int, kind: Kind) -> Iterator[Row]:
    for part in _wrapped(_clean(said), width):
        yield Row(part, kind)


def _placed(row: Row, width: int) -> str:
    if row.kind in (Kind.TITLE, Kind.CENTRED):
        return " " * ((width - _width(row.text)) // 2) + row.text
    return row.text


def _left(said: str, width: int) -> str:
    return said + " " * max(0, width - _width(said))


def _right(said: str, width: int) -> str:
    return " " * max(1, width - _width(said)) + said


def _wrapped(said: str, width: int) -> Iterator[str]:
    if len(said) * 2 <= width:
        yield said
        return
    row, taken = "", 0
    for char in said:
        cells = _width(char)
        if taken + cells > width:
            yield row
            row, taken = "", 0
        row, taken = row + char, taken + cells
    yield row


def _width(said: str) -> int:
    """Cells on the printer."""
    if said.isascii():
        return len(said)
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in said)


def _clean(said: str) -> str:
    """Without what would steer a printer, or the eye: controls and breaks become spaces, marks of
    direction, joiners and unknown characters go."""
    return "".join(map(_printable, said))


def _printable(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category.startswith("C") else char
