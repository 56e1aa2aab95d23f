"""扫码支付: every payment by phone, what became of it, and what staff must look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select

from admin import access, member_filters, queries
from admin.base import SecureModelView, Tab
from admin.columns import Column, Word, instant, money, phones, status
from admin.filters import Asked, Choice, DayRange
from admin.rights import Right
from backend.database import db
from backend.merchants.models import Store
from backend.open_bills import till_events
from backend.open_bills.models import (
    ORDER_NUMBER_CHARS,
    OpenBill,
    PaymentState,
    ScanPayment,
    TillEvent,
)

MISMATCH = "mismatch"
PAYMENT_STATES = {
    PaymentState.PREPARED.value: Word("待支付", "info"),
    PaymentState.PAID.value: Word("已支付", "ok"),
    PaymentState.CLOSED.value: Word("已关闭"),
    PaymentState.STRAY.value: Word("退回中", "warn"),
    PaymentState.REFUNDING.value: Word("退款中", "warn"),
    PaymentState.REFUNDED.value: Word("已退款"),
    MISMATCH: Word("金额或付款人不符", "bad"),
    till_events.REFUND_FAILED: Word("退款失败", "bad"),
}
_GOES_BACK = (PaymentState.STRAY, PaymentState.REFUNDING)


def _alarmed() -> ColumnElement[bool]:
    """Money that is not what was asked for, or that WeChat Pay cannot give back: what the tills of
    all stores were told of it, read once for a page and not for each payment."""
    order = func.substr(TillEvent.subject, 1, ORDER_NUMBER_CHARS)
    told = select(order).where(TillEvent.store_id.in_(select(Store.id)))
    mismatched = told.where(TillEvent.kind == till_events.MISMATCH)
    not_refunded = told.where(TillEvent.kind == till_events.REFUND_FAILED)
    return or_(
        ScanPayment.state.in_((PaymentState.PREPARED, PaymentState.CLOSED))
        & ScanPayment.out_trade_no.in_(mismatched),
        ScanPayment.state.in_(_GOES_BACK) & ScanPayment.out_trade_no.in_(not_refunded),
    )


def stores_to_choose() -> list[tuple[str, str]]:
    """The stores whose bills they may see."""
    return [(str(store.id), store.name) for store in queries.stores(access.desk().stores)]


def of_their_stores() -> Sequence[ColumnElement[bool]]:
    """Open bills of those stores only, for staff limited to some."""
    stores = access.desk().stores
    if stores is None:
        return ()
    return (OpenBill.store_id.in_(select(Store.id).where(Store.code.in_(stores))),)


def _of_bills(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return ScanPayment.open_bill_id.in_(select(OpenBill.id).where(*conditions))


@dataclass(frozen=True)
class PaymentRow:
    """扫码支付."""

    id: int
    open_bill_id: int
    created_at: datetime
    store: str
    bill: str
    table: str
    nickname: str
    phone: str | None
    amount_fen: int
    state: str
    out_trade_no: str
    transaction_id: str
    paid_at: datetime | None
    refunded_fen: int
    refunded_at: datetime | None


class Payments(SecureModelView):
    """扫码支付. Read only."""

    right = Right.PAYMENTS
    icon = "fa-qrcode"
    noun = "扫码支付"
    empty_help = "收银台挂单后，顾客扫台码付的款会出现在这里"
    list_help = "“异常”是与订单不符、或微信退不回去的款，请核对后与顾客联系"
    can_export = True
    row_template = "desk/payment_row.html"
    tabs = (
        Tab("", "全部"),
        Tab("paid", "已支付", lambda _now: ScanPayment.state == PaymentState.PAID),
        Tab("waiting", "待支付", lambda _now: ScanPayment.state == PaymentState.PREPARED),
        Tab("back", "退款中", lambda _now: ScanPayment.state.in_(_GOES_BACK)),
        Tab("refunded", "已退款", lambda _now: ScanPayment.state == PaymentState.REFUNDED),
        Tab("alarm", "异常", lambda _now: _alarmed()),
    )
    columns = (
        instant("created_at", "发起时间", sort=ScanPayment.created_at),
        Column("store", "门店"),
        Column("bill", "账单号", css="nowrap"),
        Column("table", "台位"),
        Column("nickname", "会员"),
        phones(),
        money("amount_fen", "金额", sort=ScanPayment.amount_fen),
        status("state", "状态", PAYMENT_STATES),
        instant("paid_at", "支付时间", sort=ScanPayment.paid_at),
        money("refunded_fen", "已退"),
        instant("refunded_at", "退款时间"),
        Column("transaction_id", "微信支付单号"),
        Column("out_trade_no", "商户单号"),
    )
    column_filters = (
        Asked("账单号", lambda said: _of_bills(OpenBill.number == said)),
        Asked(
            "支付单号",
            lambda said: (ScanPayment.transaction_id == said) | (ScanPayment.out_trade_no == said),
            placeholder="微信支付单号或商户单号",
        ),
        Choice(
            "门店",
            lambda value: _of_bills(OpenBill.store_id == int(value)),
            options=stores_to_choose,
        ),
        member_filters.by_phone(ScanPayment),
        DayRange("发起时间", ScanPayment.created_at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        theirs = of_their_stores()
        return (_of_bills(*theirs),) if theirs else ()

    def rows(self, found: Sequence[ScanPayment]) -> list[PaymentRow]:
        bills = {
            bill.id: bill
            for bill in db.session.scalars(
                select(OpenBill).where(OpenBill.id.in_({each.open_bill_id for each in found}))
            )
        }
        stores = queries.names(Store, {bill.store_id for bill in bills.values()})
        people = queries.people({each.member_id for each in found})
        alarmed = set(
            db.session.scalars(
                select(ScanPayment.id).where(
                    ScanPayment.id.in_([each.id for each in found]), _alarmed()
                )
            )
        )
        return [
            PaymentRow(
                id=each.id,
                open_bill_id=each.open_bill_id,
                created_at=each.created_at,
                store=stores.get(bills[each.open_bill_id].store_id, ""),
                bill=bills[each.open_bill_id].number,
                table=bills[each.open_bill_id].table_name,
                nickname=people[each.member_id].nickname,
                phone=people[each.member_id].phone,
                amount_fen=each.amount_fen,
                state=_state(each, is_alarmed=each.id in alarmed),
                out_trade_no=each.out_trade_no,
                transaction_id=each.transaction_id,
                paid_at=each.paid_at,
                refunded_fen=each.refunded_fen,
                refunded_at=each.refunded_at,
            )
            for each in found
        ]


def _state(payment: ScanPayment, *, is_alarmed: bool) -> str:
    if not is_alarmed:
        return payment.state
    return till_events.REFUND_FAILED if payment.state in _GOES_BACK else MISMATCH
