"""离线补传: bills sent later that could not be entered, until somebody has seen to them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Response, flash, redirect, request
from pydantic import JsonValue
from sqlalchemy import ColumnElement, and_, select

from admin import access, queries
from admin.access import page
from admin.base import SecureModelView, Tab
from admin.columns import Column, Word, instant, money, status
from admin.filters import Asked, Choice, DayRange, equals
from admin.rights import Right
from backend import clock
from backend.database import transactional
from backend.merchants.models import Store
from backend.sales import refused_bills
from backend.sales.bill import Method
from backend.sales.models import RefusedBill

_STATES = {
    "open": Word("待处理", "bad"),
    "entered": Word("已入账", "ok"),
    "handled": Word("已处理"),
}
_OPEN = and_(~refused_bills.is_entered(), RefusedBill.handled_at.is_(None))
_MONEY = {method.value for method in Method if method.is_money}
LONGEST_NOTE = 200


@dataclass(frozen=True)
class RefusedRow:
    """未入账账单 as the list shows it."""

    id: int
    number: str
    store: str
    settled_at: str
    paid_fen: int | None
    message: str
    state: str
    received_at: datetime
    entered_at: datetime | None


def _stores() -> list[tuple[str, str]]:
    return [(str(store.id), store.name) for store in queries.stores(access.desk().stores)]


class RefusedBills(SecureModelView):
    """离线补传."""

    right = Right.REFUSED_BILLS
    icon = "fa-exclamation-circle"
    noun = "未入账账单"
    empty_help = "收银台断网后补传的账单，不能入账的会留在这里，连同原因"
    list_help = (
        "已收款但系统没有入账：券、积分和余额都没有动。请核对后在收银台改正重传，或记下处理结果"
    )
    can_view_details = can_export = True
    row_template = "desk/refused_bill_row.html"
    details_template = "desk/refused_bill.html"
    tabs = (
        Tab("", "待处理", lambda _now: _OPEN),
        Tab("entered", "已入账", lambda _now: refused_bills.is_entered()),
        Tab("handled", "已处理", lambda _now: RefusedBill.handled_at.is_not(None)),
    )
    columns = (
        instant("received_at", "收到时间", sort=RefusedBill.received_at),
        Column("store", "门店"),
        Column("number", "账单号", css="nowrap"),
        Column("settled_at", "结账时间", css="nowrap"),
        money("paid_fen", "实收"),
        Column("message", "原因", css="wrap"),
        status("state", "状态", _STATES),
    )
    column_filters = (
        Asked("账单号", equals(RefusedBill.number), placeholder="请输入完整账单号"),
        Choice("门店", lambda value: RefusedBill.store_id == int(value), options=_stores),
        DayRange("收到时间", RefusedBill.received_at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        stores = access.desk().stores
        if stores is None:
            return ()
        return (RefusedBill.store_id.in_(select(Store.id).where(Store.code.in_(stores))),)

    def rows(self, found: Sequence[RefusedBill]) -> list[RefusedRow]:
        stores = queries.names(Store, {refused.store_id for refused in found})
        entered = refused_bills.entered_at([refused.id for refused in found])
        return [
            _row(refused, stores.get(refused.store_id, ""), entered_at=entered.get(refused.id))
            for refused in found
        ]

    def facts(self, row: RefusedBill) -> Mapping[str, object]:
        store = queries.names(Store, {row.store_id}).get(row.store_id, "")
        entered_at = refused_bills.entered_at([row.id]).get(row.id)
        return {
            "row": row,
            "shown": _row(row, store, entered_at=entered_at),
            "states": _STATES,
            "content": json.dumps(row.content, ensure_ascii=False, indent=2),
            "longest": LONGEST_NOTE,
        }

    @page("/handle/", methods=("POST",))
    def handle(self) -> Response:
        """标记已处理, with what was done about it."""
        access.need(Right.REFUSED_BILLS)
        refused = self.one(request.form.get("id"))
        note = request.form.get("note", "").strip()
        if not 0 < len(note) <= LONGEST_NOTE:
            flash(f"请写明怎样处理的，最多 {LONGEST_NOTE} 字", "error")
            return redirect(self.get_url(".details_view", id=refused.id))  # type: ignore[return-value]
        if not _handle(refused, note=note):
            flash("这张账单已经入账或处理过了", "error")
        else:
            flash("已标记为已处理")
        return redirect(self.get_url(".index_view"))  # type: ignore[return-value]


@transactional
def _handle(refused: RefusedBill, *, note: str) -> bool:
    done = refused_bills.handle(refused.id, note=note, by=access.desk().actor, now=clock.now())
    if done:
        access.record("bill.handle", f"账单 {refused.number}", after={"note": note})
    return done


def _row(refused: RefusedBill, store: str, *, entered_at: datetime | None) -> RefusedRow:
    state = "open"
    if entered_at is not None:
        state = "entered"
    elif refused.handled_at is not None:
        state = "handled"
    return RefusedRow(
        id=refused.id,
        number=refused.number,
        store=store,
        settled_at=_said_at(refused.content.get("settled_at")),
        paid_fen=_paid(refused.content.get("tenders")),
        message=refused.message,
        state=state,
        received_at=refused.received_at,
        entered_at=entered_at,
    )


def _said_at(said: JsonValue) -> str:
    """As the till wrote it, whatever that was."""
    return said[:16].replace("T", " ") if isinstance(said, str) else ""


def _paid(tenders: JsonValue) -> int | None:
    """What the money tenders of a bill as sent add up to; None where that cannot be read."""
    if not isinstance(tenders, list):
        return None
    amounts = [
        each.get("amount_fen")
        for each in tenders
        if isinstance(each, dict) and each.get("method") in _MONEY
    ]
    return sum(fen for fen in amounts if isinstance(fen, int))
