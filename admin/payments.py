"""扫码支付: every payment by phone, what became of it, and what staff must look at. 桌上账单: what
lies on the tables, paid ones that nobody has settled first; such a one is 退回顾客 on its page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Response, flash, redirect, request
from sqlalchemy import ColumnElement, case, exists, select

from admin import access, member_filters, queries
from admin.access import page
from admin.base import SecureModelView, Tab
from admin.columns import Column, Word, instant, money, phones, status
from admin.filters import Asked, Choice, DayRange, equals
from admin.rights import Right
from backend import clock
from backend.database import db
from backend.errors import DomainError
from backend.merchants.models import Store
from backend.open_bills import till_events
from backend.open_bills.calling_off import call_off
from backend.open_bills.content import Content
from backend.open_bills.models import OpenBill, OpenBillState, PaymentState, ScanPayment, TillEvent

LONGEST_REASON = 200
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
BILL_STATES = {
    OpenBillState.OPEN.value: Word("待支付", "info"),
    OpenBillState.PAID.value: Word("已支付，待结账", "warn"),
    OpenBillState.SETTLED.value: Word("已结账", "ok"),
    OpenBillState.WITHDRAWN.value: Word("已撤单"),
}
_GOES_BACK = (PaymentState.STRAY, PaymentState.REFUNDING)


def _alarmed() -> ColumnElement[bool]:
    """Money that is not what was asked for, or that WeChat Pay cannot give back."""
    of_store = select(OpenBill.store_id).where(OpenBill.id == ScanPayment.open_bill_id)
    return exists().where(
        TillEvent.store_id == of_store.scalar_subquery(),
        (
            (TillEvent.kind == till_events.MISMATCH)
            & (TillEvent.subject == ScanPayment.out_trade_no)
            & ScanPayment.state.in_((PaymentState.PREPARED, PaymentState.CLOSED))
        )
        | (
            (TillEvent.kind == till_events.REFUND_FAILED)
            & TillEvent.subject.startswith(ScanPayment.out_trade_no)
            & ScanPayment.state.in_(_GOES_BACK)
        ),
    )


def _stores() -> list[tuple[str, str]]:
    return [(str(store.id), store.name) for store in queries.stores(access.desk().stores)]


def _theirs() -> Sequence[ColumnElement[bool]]:
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
        Choice("门店", lambda value: _of_bills(OpenBill.store_id == int(value)), options=_stores),
        member_filters.by_phone(ScanPayment),
        DayRange("发起时间", ScanPayment.created_at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        theirs = _theirs()
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


@dataclass(frozen=True)
class OpenBillRow:
    """桌上账单; ``waits`` is how long it has been paid and not settled."""

    id: int
    put_at: datetime
    store: str
    number: str
    table: str
    guests: int
    total_fen: int
    state: str
    paid_fen: int | None
    paid_at: datetime | None
    waits: str


class OpenBills(SecureModelView):
    """桌上账单."""

    right = Right.PAYMENTS
    icon = "fa-cutlery"
    noun = "桌上账单"
    empty_help = "收银台挂单后，桌上的账单会出现在这里，直到结账"
    list_help = "顾客已支付、还没有结账的排在最前面：请在收银台结账，或在详情里退回顾客"
    can_view_details = can_export = True
    row_template = "desk/open_bill_row.html"
    details_template = "desk/open_bill.html"
    tabs = (
        Tab(
            "",
            "桌上",
            lambda _now: OpenBill.state.in_((OpenBillState.OPEN, OpenBillState.PAID)),
        ),
        Tab("paid", "已支付未结账", lambda _now: OpenBill.state == OpenBillState.PAID),
        Tab("settled", "已结账", lambda _now: OpenBill.state == OpenBillState.SETTLED),
        Tab("withdrawn", "已撤单", lambda _now: OpenBill.state == OpenBillState.WITHDRAWN),
    )
    columns = (
        instant("put_at", "挂单时间", sort=OpenBill.put_at),
        Column("store", "门店"),
        Column("table", "台位"),
        Column("number", "账单号", css="nowrap"),
        Column("guests", "人数", css="number"),
        money("total_fen", "原价"),
        status("state", "状态", BILL_STATES),
        money("paid_fen", "扫码支付"),
        instant("paid_at", "支付时间"),
        Column("waits", "等待结账"),
    )
    column_filters = (
        Asked("账单号", equals(OpenBill.number), placeholder="请输入完整账单号"),
        Asked("台位", equals(OpenBill.table_name)),
        Choice("门店", lambda value: OpenBill.store_id == int(value), options=_stores),
        DayRange("挂单时间", OpenBill.put_at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        return _theirs()

    def order(self) -> Sequence[Any]:
        unsettled = case((OpenBill.state == OpenBillState.PAID, 0), else_=1)
        return (unsettled, OpenBill.paid_at, OpenBill.put_at.desc(), OpenBill.id.desc())

    def rows(self, found: Sequence[OpenBill]) -> list[OpenBillRow]:
        stores = queries.names(Store, {bill.store_id for bill in found})
        now, paid = clock.now(), _paid_fen(found)
        return [
            _row(bill, stores.get(bill.store_id, ""), paid.get(bill.id), now=now) for bill in found
        ]

    def facts(self, row: OpenBill) -> Mapping[str, object]:
        store = queries.names(Store, {row.store_id}).get(row.store_id, "")
        return {
            "row": row,
            "shown": _row(row, store, _paid_fen([row]).get(row.id), now=clock.now()),
            "content": Content.read(row.content, table=row.table_name),
            "states": BILL_STATES,
            "payments": db.session.scalars(
                select(ScanPayment)
                .where(ScanPayment.open_bill_id == row.id)
                .order_by(ScanPayment.id.desc())
            ).all(),
            "payment_states": PAYMENT_STATES,
            "longest": LONGEST_REASON,
        }

    @page("/give-back/", methods=("POST",))
    def give_back(self) -> Response:
        """退回顾客: the payment goes back whole, the bill is withdrawn."""
        access.need(Right.GIVE_BACK)
        bill = self.one(request.form.get("id"))
        back = redirect(self.get_url(".details_view", id=bill.id))
        reason = request.form.get("reason", "").strip()
        if not 0 < len(reason) <= LONGEST_REASON:
            flash(f"请写明为什么退回，最多 {LONGEST_REASON} 字", "error")
            return back  # type: ignore[return-value]
        try:
            call_off(
                bill.number,
                store_id=bill.store_id,
                reason=reason,
                by=access.desk().actor,
                origin=request.remote_addr or "",
                now=clock.now(),
            )
        except DomainError as refusal:
            flash(refusal.message, "error")
        else:
            flash("账单已撤单，款项正在退回顾客的微信")
        return back  # type: ignore[return-value]


def _paid_fen(bills: Sequence[OpenBill]) -> dict[int, int]:
    """What was paid by phone, 0 where coupons paid all, by bill."""
    subjects = {till_events.bill_subject(bill.id): bill.id for bill in bills}
    told = db.session.execute(
        select(TillEvent.subject, TillEvent.content).where(
            TillEvent.store_id.in_({bill.store_id for bill in bills}),
            TillEvent.kind == till_events.PAID,
            TillEvent.subject.in_(subjects),
        )
    )
    return {subjects[row.subject]: row.content["amount_fen"] for row in told}


def _row(bill: OpenBill, store: str, paid_fen: int | None, *, now: datetime) -> OpenBillRow:
    is_paid = bill.state in (OpenBillState.PAID, OpenBillState.SETTLED)
    waits = ""
    if bill.state == OpenBillState.PAID and bill.paid_at is not None:
        waits = _spell(now - bill.paid_at)
    content = Content.read(bill.content, table=bill.table_name)
    return OpenBillRow(
        id=bill.id,
        put_at=bill.put_at,
        store=store,
        number=bill.number,
        table=bill.table_name,
        guests=content.guests,
        total_fen=content.goods.total_fen,
        state=bill.state,
        paid_fen=paid_fen,
        paid_at=bill.paid_at if is_paid else None,
        waits=waits,
    )


def _spell(waited: timedelta) -> str:
    minutes = max(0, int(waited.total_seconds()) // 60)
    if minutes < 60:
        return f"{minutes} 分钟"
    if minutes < 24 * 60:
        return f"{minutes // 60} 小时 {minutes % 60} 分钟"
    return f"{minutes // (24 * 60)} 天"
