"""扫码付 on the phone: the table's bill, a quote with one's own coupons, 微信支付."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from backend import clock
from backend.merchants.queries import zone
from backend.open_bills import queries
from backend.open_bills.guest import guest_of
from backend.open_bills.paying import Paying, pay
from backend.open_bills.promise import quote_for
from backend.open_bills.show import Payer, Shown, bill_at_table, payable, show
from backend.quantity import Quantity
from backend.wechat.pay import PayParams
from miniprogram_api.contract import Answer, Body, CodeText, route
from miniprogram_api.customer.blueprint import blueprint
from miniprogram_api.customer.tokens import current_customer
from miniprogram_api.instants import shown
from miniprogram_api.limits import Limit, spend
from miniprogram_api.pos.quotes import QuoteAnswer
from miniprogram_api.redemptions import Scan


class TableAnswer(Answer):
    """台码 → 账单."""

    bill_token: str


class BillStore(Answer):
    """门店 of the bill."""

    code: str
    name: str
    merchant: str


class ShownLine(Answer):
    """账单明细 at its original price."""

    name: str
    quantity: Quantity
    unit: str
    price_fen: int
    amount_fen: int


class PayerAnswer(Answer):
    """付款人: ``mine`` when it is whoever asks; others are shown by one character."""

    mine: bool
    name: str
    amount_fen: int
    payment: str | None
    quote_id: str | None

    @classmethod
    def of(cls, payer: Payer | None) -> Self | None:
        if payer is None:
            return None
        return cls(
            mine=payer.is_me,
            name=payer.name,
            amount_fen=payer.amount_fen,
            payment=payer.payment,
            quote_id=payer.quote_code,
        )


class BillAnswer(Answer):
    """账单. ``best`` is a quote that can be paid as it is; none once it is paid, or while somebody
    else is paying. ``paying`` has the pay sheet open, ``paid`` has paid."""

    bill: str
    state: Literal["open", "paid", "settled"]
    store: BillStore
    table: str
    guests: int
    opened_at: datetime | None
    lines: list[ShownLine]
    service_fen: int
    total_fen: int
    best: QuoteAnswer | None
    paying: PayerAnswer | None
    paid: PayerAnswer | None

    @classmethod
    def of(cls, said: Shown) -> Self:
        """The bill as the phone shows it."""
        content, here = said.bill.content, said.here
        return cls.model_validate(
            {
                "bill": said.bill.number,
                "state": said.bill.state.value,
                "store": BillStore(code=here.code, name=here.name, merchant=here.merchant_name),
                "table": content.table,
                "guests": content.guests,
                "opened_at": shown(content.opened_at, here.zone) if content.opened_at else None,
                "lines": [
                    ShownLine(
                        name=each.name,
                        quantity=each.line.quantity,
                        unit=each.unit,
                        price_fen=each.line.price_fen,
                        amount_fen=each.line.amount_fen,
                    )
                    for each in content.goods.lines
                ],
                "service_fen": content.goods.service_fen,
                "total_fen": content.goods.total_fen,
                "best": None if said.best is None else QuoteAnswer.of(said.best, here.zone),
                "paying": PayerAnswer.of(said.paying),
                "paid": PayerAnswer.of(said.paid),
            }
        )


class ChooseBody(Body):
    """Without ``coupons`` the best of one's own; an empty list uses none."""

    coupons: Annotated[list[Scan], Field(max_length=100)] | None = None
    points: Annotated[int, Field(ge=0)] | None = None


class PayBody(Body):
    quote_id: CodeText


class PayAnswer(Answer):
    """``paid``: nothing was left to pay. Else ``wechat_pay`` is what wx.requestPayment takes."""

    state: Literal["prepared", "paid"]
    amount_fen: int
    payment: str | None
    wechat_pay: PayParams | None
    expires_at: datetime | None

    @classmethod
    def of(cls, paying: Paying) -> Self:
        """支付 as the phone is told."""
        return cls(
            state="paid" if paying.params is None else "prepared",
            amount_fen=paying.amount_fen,
            payment=paying.payment,
            wechat_pay=paying.params,
            expires_at=None if paying.expires_at is None else shown(paying.expires_at, zone()),
        )


@route(blueprint, "GET", "/tables/<code>", answer=TableAnswer)
def bill_of_table(code: str) -> TableAnswer:
    """台码: the bill that lies on this table now"""
    return TableAnswer(bill_token=bill_at_table(code))


@route(blueprint, "GET", "/bills/<token>", answer=BillAnswer)
def open_bill(token: str) -> BillAnswer:
    """账单, with the best quote for whoever looks"""
    return BillAnswer.of(show(token, member_ids=current_customer().member_ids, now=clock.now()))


@route(blueprint, "POST", "/bills/<token>/quote", body=ChooseBody, answer=QuoteAnswer)
def quote_bill(token: str, body: ChooseBody) -> QuoteAnswer:
    """选券: what the bill costs with these of one's own coupons"""
    bill = payable(token)
    quoted = quote_for(
        bill,
        member_ids=current_customer().member_ids,
        chosen=body.coupons,
        points=body.points or 0,
        now=clock.now(),
    )
    return QuoteAnswer.of(quoted, queries.place_of(bill.store_id).zone)


@route(blueprint, "POST", "/bills/<token>/pay", body=PayBody, answer=PayAnswer, once_by="payment")
def pay_bill(token: str, body: PayBody) -> PayAnswer:
    """微信支付 at the price of a quote; one person at a time"""
    me = current_customer()
    spend(Limit.WECHAT, me.caller)
    guest = guest_of(me.member_ids, me.wechat_user_id)
    return PayAnswer.of(pay(token, body.quote_id, guest=guest, now=clock.now()))
