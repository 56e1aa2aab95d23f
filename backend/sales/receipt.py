"""结账单: the receipt as ready text, in the form of S1's printed bill. (S1-21)"""

import unicodedata
from datetime import datetime

from backend.calendar import local
from backend.members.view import MemberView
from backend.merchants.queries import Place
from backend.sales.bill import Bill, Method, Tender, paid_by

WIDTH = 32
_RULE = "-" * WIDTH
_FAREWELL = "谢谢惠顾,欢迎下次光临!"


def receipt(
    bill: Bill,
    *,
    here: Place,
    tenders: tuple[Tender, ...],
    member: MemberView | None,
    points_earned: int,
    level_fen: int = 0,
    card: str | None = None,
    gift: str | None = None,
) -> str:
    """小票. 应付金额 is what the level discount leaves; the tenders pay it. Amounts with two
    decimals; fields that nobody gave are left out. ``gift`` is the address that claims it."""
    parts = [
        _centred(here.name),
        _centred("结账单"),
        *_head(bill, here),
        _RULE,
        _columns("品名", "数量", "金额"),
        *(
            _columns(each.name, str(each.line.quantity), _amount(each.line.amount_fen))
            for each in bill.goods.lines
        ),
        _RULE,
        _pair("服务费", _amount(bill.goods.service_fen)),
        _pair("订单金额", _amount(bill.goods.total_fen)),
        *([_pair("会员折扣", _amount(-level_fen))] if level_fen else []),
        _pair("应付金额", _amount(bill.goods.total_fen - level_fen)),
        *_payments(tenders),
        *([] if member is None else _member(member, card, points_earned)),
        *([] if gift is None else [_RULE, _centred("微信扫码领取优惠券"), gift]),
        _RULE,
        _centred(here.receipt_footer or _FAREWELL),
    ]
    return "\n".join(parts) + "\n"


def _head(bill: Bill, here: Place) -> list[str]:
    def clock(at: datetime | None) -> str:
        return "" if at is None else f"{local(at, here.zone):%Y-%m-%d %H:%M}"

    fields = (
        ("台位", bill.table),
        ("单号", bill.number),
        ("人数", str(bill.guests) if bill.guests else ""),
        ("收银", bill.cashier),
        ("开台", clock(bill.opened_at)),
        ("结账", clock(bill.settled_at)),
    )
    return [f"{name}：{value}" for name, value in fields if value]


def _payments(tenders: tuple[Tender, ...]) -> list[str]:
    """Money and points first, then 票券 with their number."""
    coupons = [each for each in tenders if each.method is Method.COUPON]
    paid = [(each.method.label, each.amount_fen) for each in tenders if each not in coupons]
    if coupons:
        count_and_sum = f"{Method.COUPON.label}x{len(coupons)}", paid_by(coupons, Method.COUPON)
        paid.append(count_and_sum)
    return [_pair(name, _amount(fen)) for name, fen in paid]


def _member(member: MemberView, card: str | None, points_earned: int) -> list[str]:
    return [
        _RULE,
        *([_pair("卡号", card)] if card else []),
        *([_pair("手机号码", member.phone_masked)] if member.phone_masked else []),
        _pair("卡内余额", _amount(member.balance_fen)),
        _pair("本次积分", str(points_earned)),
        _pair("累计积分", str(member.points)),
    ]


def _amount(fen: int) -> str:
    whole, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole}.{rest:02d}"


def _columns(name: str, quantity: str, amount: str) -> str:
    return _left(name, 16) + _right(quantity, 6) + _right(amount, 10)


def _pair(name: str, value: str) -> str:
    return _left(name, 12) + _right(value, WIDTH - 12)


def _left(text: str, width: int) -> str:
    return text + " " * max(1, width - _width(text))


def _right(text: str, width: int) -> str:
    return " " * (width - _width(text)) + text


def _centred(text: str) -> str:
    return " " * ((WIDTH - _width(text)) // 2) + text


def _width(text: str) -> int:
    """Cells on the printer: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
