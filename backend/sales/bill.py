"""账单: what a till asks a price for and settles; frozen, amounts in fen."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from backend.coupons.bill import BillLine


class Method(StrEnum):
    """付款方式."""

    COUPON = "coupon"
    CASH = "cash"
    WECHAT = "wechat"
    CARD = "card"
    BALANCE = "balance"
    POINTS = "points"

    @property
    def label(self) -> str:
        """As the receipt says it."""
        return _LABELS[self]

    @property
    def is_money(self) -> bool:
        """Whether it counts as paid (spec/08)."""
        return self not in (Method.COUPON, Method.POINTS)


@dataclass(frozen=True)
class DishLine:
    """One line as the till sends it: what is judged and counted, its name and unit (份)."""

    name: str
    line: BillLine
    unit: str = ""


@dataclass(frozen=True)
class Goods:
    """What is to be paid: lines at original prices and the service fee, which no coupon touches."""

    lines: tuple[DishLine, ...]
    service_fen: int = 0

    @property
    def judged(self) -> list[BillLine]:
        """The lines as coupons see them."""
        return [each.line for each in self.lines]

    @property
    def lines_fen(self) -> int:
        return sum(each.line.amount_fen for each in self.lines)

    @property
    def total_fen(self) -> int:
        return self.lines_fen + self.service_fen

    @property
    def is_consumption(self) -> bool:
        """消费: worth something before reductions (R-23); else nobody's counter moves for it."""
        return self.total_fen > 0


@dataclass(frozen=True)
class Tender:
    """One payment: money by amount, 票券 by number."""

    method: Method
    amount_fen: int = 0
    number: str | None = None


@dataclass(frozen=True)
class Bill:
    """账单 to settle. ``settled_at`` is the till's time, at which everything is judged;
    ``rounding_fen`` is 抹零, what the cashier leaves of the last fen."""

    number: str
    goods: Goods
    tenders: tuple[Tender, ...]
    settled_at: datetime
    opened_at: datetime | None = None
    table: str = ""
    guests: int = 0
    cashier: str = ""
    member_id: int | None = None
    quote_id: str | None = None
    rounding_fen: int = 0

    @property
    def money_fen(self) -> int:
        """What the money tenders add up to."""
        return sum(tender.amount_fen for tender in self.tenders if tender.method.is_money)

    @property
    def coupon_numbers(self) -> list[str]:
        """票券 named among the tenders, in order."""
        return [tender.number for tender in self.tenders if tender.number is not None]

    @property
    def fingerprint(self) -> str:
        """内容指纹: equal only for the same content."""
        return _fingerprint(self)


def bill_key(store_id: int, number: str) -> str:
    """A bill as coupon locks spell it."""
    return f"{store_id}/{number}"


def lines_key(goods: Goods) -> str:
    """The goods as a quote remembers them: another bill has another key."""
    return _fingerprint(goods)


def paid_by(tenders: Sequence[Tender], method: Method) -> int:
    """What one method pays."""
    return sum(tender.amount_fen for tender in tenders if tender.method is method)


def _fingerprint(content: Bill | Goods) -> str:
    spelt = json.dumps(asdict(content, dict_factory=_counting), default=_spelling, sort_keys=True)
    return hashlib.sha256(spelt.encode()).hexdigest()


def _counting(fields: list[tuple[str, object]]) -> dict[str, object]:
    """A till that says neither 单位 nor 抹零 sends what it did before there were these."""
    return {name: value for name, value in fields if value or name not in _UNSAID}


def _spelling(value: object) -> str:
    if isinstance(value, datetime):
        return str(value.timestamp())
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


_UNSAID = {"unit", "rounding_fen"}
_LABELS = {
    Method.COUPON: "票券",
    Method.CASH: "现金",
    Method.WECHAT: "微信",
    Method.CARD: "银行卡",
    Method.BALANCE: "会员卡",
    Method.POINTS: "积分",
}
