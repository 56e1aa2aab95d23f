"""What a till sends: strict, and read into what the use cases take."""

import re
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from backend.coupons.bill import BillLine
from backend.sales.bill import Bill, DishLine, Goods, Method, Tender
from backend.sales.manual_price import ManualPrice
from backend.sales.refund_records import RefundOrder
from miniprogram_api.contract import Body, CodeText, Money, Quantity, TillBody
from miniprogram_api.redemptions import Scan

DishName = Annotated[str, Field(min_length=1, max_length=120)]


def _written_out(said: object) -> object:
    """RFC 3339; a number of seconds, in quotes or not, is no time."""
    if isinstance(said, str) and _RFC3339.match(said):
        return said
    raise ValueError("应为带时区的时间，例：2026-11-23T12:30:00+08:00")


_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}")

Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_written_out),
    Field(strict=False, ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC)),
]
RowNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]


class LineBody(Body):
    """One line at its original price; ``discounted``: the till already sells it cheaper."""

    dish: CodeText
    name: DishName
    category: Annotated[str, Field(max_length=64)] | None = None
    quantity: Quantity
    price_fen: Money
    discounted: bool = False
    unit: Annotated[str, Field(max_length=8)] = ""

    def line(self) -> DishLine:
        return DishLine(
            self.name,
            BillLine(
                dish=self.dish,
                category=self.category or None,
                quantity=self.quantity,
                price_fen=self.price_fen,
                discounted=self.discounted,
            ),
            self.unit,
        )


Lines = Annotated[list[LineBody], Field(min_length=1, max_length=500)]


class TenderBody(Body):
    """付款方式: 票券 by ``number``, everything else by ``amount_fen``."""

    method: Method
    number: Scan | None = None
    amount_fen: Money | None = None

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        said = self.number if self.method is Method.COUPON else self.amount_fen
        if said is None:
            raise ValueError("票券须填 number，其他方式须填 amount_fen")
        return self

    def tender(self) -> Tender:
        if self.method is Method.COUPON:
            return Tender(self.method, number=self.number)
        return Tender(self.method, self.amount_fen or 0)


class ManualBody(Body):
    """手动批价 by ``staff``: the figure to pay, or an amount to take off."""

    to_pay_fen: Money | None = None
    reduce_fen: Money | None = None
    staff: CodeText
    reason: Annotated[str, Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if (self.to_pay_fen is None) is (self.reduce_fen is None):
            raise ValueError("to_pay_fen 与 reduce_fen 须填一个，且只填一个")
        return self

    def price(self) -> ManualPrice:
        return ManualPrice(self.staff, self.reason, self.to_pay_fen, self.reduce_fen)


class QuoteBody(TillBody):
    """报价. Without ``coupons`` the best of the member's is chosen; ``bill`` may use its locks;
    settling by the quote takes its ``rounding_fen`` (抹零) off, named again or not."""

    member_id: RowNumber | None = None
    lines: Lines
    service_fen: Money = 0
    coupons: Annotated[list[Scan], Field(max_length=100)] | None = None
    points: Annotated[int, Field(ge=0)] | None = None
    bill: CodeText | None = None
    manual: ManualBody | None = None
    rounding_fen: Money = 0

    def goods(self) -> Goods:
        return Goods(tuple(line.line() for line in self.lines), self.service_fen)


class SettleBody(TillBody):
    """结账. ``rounding_fen`` is 抹零: taken off last, up to the merchant's limit."""

    table: Annotated[str, Field(max_length=20)] = ""
    guests: Annotated[int, Field(ge=0, le=10_000)] = 0
    cashier: Annotated[str, Field(max_length=120)] = ""
    opened_at: Moment | None = None
    settled_at: Moment
    member_id: RowNumber | None = None
    lines: Lines
    service_fen: Money = 0
    tenders: Annotated[list[TenderBody], Field(max_length=50)]
    quote_id: Annotated[str, Field(max_length=64)] | None = None
    rounding_fen: Money = 0

    def bill(self, number: str) -> Bill:
        return Bill(
            number=number,
            goods=Goods(tuple(line.line() for line in self.lines), self.service_fen),
            tenders=tuple(each.tender() for each in self.tenders),
            settled_at=self.settled_at,
            opened_at=self.opened_at,
            table=self.table,
            guests=self.guests,
            cashier=self.cashier,
            member_id=self.member_id,
            quote_id=self.quote_id,
            rounding_fen=self.rounding_fen,
        )


class MemberBody(TillBody):
    """补记会员; ``operator`` is who does it, as the log is to name them."""

    member_id: RowNumber
    operator: Annotated[str, Field(max_length=60)] = ""


class RefundLineBody(Body):
    """Units of one line, counted from 0 as the bill was settled."""

    line: Annotated[int, Field(ge=0, lt=10_000)]
    quantity: Quantity


class RefundBody(TillBody):
    """退款; ``refund`` is the till's own number of it. Without ``lines`` all that is left."""

    refund: CodeText
    lines: Annotated[list[RefundLineBody], Field(min_length=1, max_length=500)] | None = None
    reason: Annotated[str, Field(max_length=200)] = ""

    def order(self) -> RefundOrder:
        lines = None
        if self.lines is not None:
            lines = tuple((each.line, each.quantity) for each in self.lines)
        return RefundOrder(self.refund, lines, self.reason)


class LockBody(TillBody):
    """锁券."""

    coupons: Annotated[list[Scan], Field(min_length=1, max_length=20)]


class UnlockBody(TillBody):
    """解锁; none named: all of the bill's."""

    coupons: Annotated[list[Scan], Field(max_length=20)] | None = None


class TillScanBody(TillBody):
    """A coupon at the till, with the bill's lines where dishes matter."""

    scan: Scan
    lines: Lines | None = None

    def judged(self) -> list[BillLine] | None:
        return None if self.lines is None else [line.line().line for line in self.lines]
