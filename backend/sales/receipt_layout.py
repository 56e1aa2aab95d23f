"""结账单: the receipt in rows of a printer's width, and as ready text. Pure. (S1-21)

32 cells at 58 mm, 48 at 80 mm; what a sign takes of them is ``paper``'s to say, and what of names
and notes is never printed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from backend.sales.paper import clean, wrapped
from backend.sales.paper import width as cells
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
    yield Row(_left("商品名称", width - 16) + _figures("数量", "金额"))
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
        yield Row(clean(data.claim_url), Kind.CODE)
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
    """One row; a long name stands above its figures, and so does what is long of these."""
    name, quantity = clean(line.name), f"{line.quantity}{clean(line.unit)}"
    amount = _amount(line.amount_fen)
    figures = _figures(quantity, amount)
    if cells(name) + cells(figures) < width:
        return [_left(name, width - cells(figures)) + figures]
    if cells(figures) <= width:
        return [*wrapped(name, width), _right(figures, width, least=0)]
    return [*wrapped(name, width), *wrapped(quantity, width), _right(amount, width, least=0)]


def _sums(data: ReceiptData) -> Iterator[tuple[str, int]]:
    yield "服务费", data.service_fen
    yield "订单金额", data.total_fen
    if data.level_discount_fen:
        yield "会员折扣", -data.level_discount_fen
    if data.manual_fen:
        yield "手动批价", -data.manual_fen
    if data.rounding_fen:
        yield "抹零", -data.rounding_fen
    yield "应付金额", data.payable_fen


def _member(member: ReceiptMember, width: int) -> Iterator[str]:
    if member.card:
        yield from wrapped(_pair("卡号", clean(member.card), width), width)
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
        field = name if value is None else f"{name}:{clean(value)}"
        if row and cells(f"{row} {field}") > width:
            yield from wrapped(row, width)
            row = field
        else:
            row = f"{row} {field}" if row else field
    if row:
        yield from wrapped(row, width)


def _figures(quantity: str, amount: str) -> str:
    return _right(quantity, 6) + _right(amount, 10)


def _pair(name: str, value: str, width: int) -> str:
    return f"{name}:" + _right(value, width - cells(name) - 1)


def _centred(said: str, width: int, kind: Kind) -> Iterator[Row]:
    for part in wrapped(clean(said), width):
        yield Row(part, kind)


def _placed(row: Row, width: int) -> str:
    if row.kind in (Kind.TITLE, Kind.CENTRED):
        return " " * ((width - cells(row.text)) // 2) + row.text
    return row.text


def _left(said: str, width: int) -> str:
    return said + " " * max(0, width - cells(said))


def _right(said: str, width: int, *, least: int = 1) -> str:
    return " " * max(least, width - cells(said)) + said
