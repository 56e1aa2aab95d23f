"""小票: the receipt as data, in the fields of S1's printed bill (S1-21). Text and bytes are made of
it by ``receipt_layout`` and ``receipt_escpos``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import JsonValue, TypeAdapter

from backend.calendar import local
from backend.members.view import MemberView
from backend.merchants.queries import Place
from backend.quantity import Quantity
from backend.sales.bill import Bill, Method, Tender, paid_by

_FAREWELL = "谢谢惠顾,欢迎下次光临!"


@dataclass(frozen=True)
class ReceiptLine:
    """一道菜, at its original price."""

    name: str
    quantity: Quantity
    unit: str
    amount_fen: int


@dataclass(frozen=True)
class ReceiptTender:
    """付款方式 as printed (``会员卡``); all 票券 together are ``票券x2``."""

    method: str
    label: str
    amount_fen: int


@dataclass(frozen=True)
class ReceiptMember:
    """会员 after the bill; the phone masked."""

    card: str | None
    phone: str | None
    balance_fen: int
    points_earned: int
    points_total: int


@dataclass(frozen=True)
class ReceiptData:
    """小票. ``payable_fen`` is what level discount, manual change and 抹零 leave; the tenders pay
    it. ``printed``: 第几次打印; ``claim_url``: the address that claims the bill's gift."""

    store: str
    table: str
    number: str
    guests: int
    cashier: str
    opened_at: datetime | None
    settled_at: datetime
    lines: tuple[ReceiptLine, ...]
    service_fen: int
    total_fen: int
    level_discount_fen: int
    manual_fen: int
    payable_fen: int
    tenders: tuple[ReceiptTender, ...]
    member: ReceiptMember | None
    claim_url: str | None
    footer: str
    printed: int = 1
    refunded_fen: int = 0
    rounding_fen: int = 0


def receipt(
    bill: Bill,
    *,
    here: Place,
    tenders: tuple[Tender, ...],
    member: MemberView | None,
    points_earned: int,
    level_fen: int = 0,
    manual_fen: int = 0,
    rounding_fen: int = 0,
    claim_url: str | None = None,
) -> ReceiptData:
    """小票 of a bill at its settlement."""
    return ReceiptData(
        store=_name(here),
        table=bill.table,
        number=bill.number,
        guests=bill.guests,
        cashier=bill.cashier,
        opened_at=None if bill.opened_at is None else local(bill.opened_at, here.zone),
        settled_at=local(bill.settled_at, here.zone),
        lines=tuple(
            ReceiptLine(each.name, each.line.quantity, each.unit, each.line.amount_fen)
            for each in bill.goods.lines
        ),
        service_fen=bill.goods.service_fen,
        total_fen=bill.goods.total_fen,
        level_discount_fen=level_fen,
        manual_fen=manual_fen,
        payable_fen=bill.goods.total_fen - level_fen - manual_fen - rounding_fen,
        tenders=_payments(tenders),
        member=None if member is None else of_member(member, earned=points_earned),
        claim_url=claim_url,
        footer=here.receipt_footer or _FAREWELL,
        rounding_fen=rounding_fen,
    )


def of_member(member: MemberView, *, earned: int) -> ReceiptMember:
    """会员 as printed."""
    return ReceiptMember(
        member.card, member.phone_masked, member.balance_fen, earned, member.points
    )


def kept(data: ReceiptData) -> JsonValue:
    """As a bill's answer keeps it."""
    spelt: JsonValue = _DATA.dump_python(data, mode="json")
    return spelt


def read(said: Mapping[str, Any]) -> ReceiptData:
    """A receipt as kept."""
    return _DATA.validate_python(said)


_DATA = TypeAdapter(ReceiptData)


def _name(here: Place) -> str:
    """右姑娘火锅(皇岗店); a store that bears the merchant's name is called by its own."""
    if here.merchant_name in here.name:
        return here.name
    return f"{here.merchant_name}({here.name.removesuffix('店')}店)"


def _payments(tenders: tuple[Tender, ...]) -> tuple[ReceiptTender, ...]:
    """Money and points first, then 票券 with how many they are."""
    coupons = sum(each.method is Method.COUPON for each in tenders)
    paid = [
        ReceiptTender(each.method, each.method.label, each.amount_fen)
        for each in tenders
        if each.method is not Method.COUPON
    ]
    if coupons:
        label = f"{Method.COUPON.label}x{coupons}"
        paid.append(ReceiptTender(Method.COUPON, label, paid_by(tenders, Method.COUPON)))
    return tuple(paid)
