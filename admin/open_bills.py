"""桌上账单: what lies on the tables, paid ones that nobody has settled first; such a one is given
back (退回顾客) on its page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Response, flash, redirect, request
from sqlalchemy import ColumnElement, case, select

from admin import access, queries
from admin.access import page
from admin.base import SecureModelView, Tab
from admin.columns import Column, Word, instant, money, status
from admin.filters import Asked, Choice, DayRange, equals
from admin.payments import PAYMENT_STATES, of_their_stores, stores_to_choose
from admin.rights import Right
from backend import clock
from backend.database import db
from backend.errors import DomainError
from backend.merchants.models import Store
from backend.open_bills import till_events
from backend.open_bills.calling_off import call_off
from backend.open_bills.content import Content
from backend.open_bills.models import OpenBill, OpenBillState, ScanPayment, TillEvent

LONGEST_REASON = 200
BILL_STATES = {
    OpenBillState.OPEN.value: Word("待支付", "info"),
    OpenBillState.PAID.value: Word("已支付，待结账", "warn"),
    OpenBillState.SETTLED.value: Word("已结账", "ok"),
    OpenBillState.WITHDRAWN.value: Word("已撤单"),
}


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
        Choice("门店", lambda value: OpenBill.store_id == int(value), options=stores_to_choose),
        DayRange("挂单时间", OpenBill.put_at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        return of_their_stores()

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
