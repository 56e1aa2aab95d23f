"""账单: every settled bill; its page tells lines, payments, reductions and refunds, and gives a
bill without a member its guest (补记会员)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, redirect, request
from sqlalchemy import ColumnElement, select

from admin import access, bill_naming, bill_page, member_filters, queries
from admin.access import page
from admin.base import SecureModelView, Tab
from admin.columns import Column, count, instant, money, phones
from admin.filters import Asked, Choice, DayRange, equals
from admin.rights import Right
from backend.merchants.models import Store
from backend.sales.models import Bill


@dataclass(frozen=True)
class BillRow:
    """账单 as the list shows it."""

    id: int
    settled_at: datetime
    store: str
    number: str
    table_name: str
    nickname: str
    phone: str | None
    total_fen: int
    coupons: str
    reduction_fen: int
    rounding_fen: int
    paid_fen: int
    refunded_fen: int
    points: int


def _stores() -> list[tuple[str, str]]:
    return [(str(store.id), store.name) for store in queries.stores(access.desk().stores)]


class Bills(SecureModelView):
    """账单."""

    right = Right.BILLS
    icon = "fa-file-text-o"
    noun = "账单"
    empty_help = "收银台结账后，账单会立即出现在这里"
    can_view_details = can_export = True
    row_template = "desk/bill_row.html"
    details_template = "desk/bill.html"
    tabs = (
        Tab("", "全部"),
        Tab("member", "会员账单", lambda _now: Bill.member_id.is_not(None)),
        Tab("reduced", "有优惠", lambda _now: Bill.reduction_fen > 0),
        Tab("refunded", "有退款", lambda _now: bill_page.has_refund()),
    )
    columns = (
        instant("settled_at", "结账时间", sort=Bill.settled_at),
        Column("store", "门店"),
        Column("number", "账单号", css="nowrap"),
        Column("nickname", "会员"),
        phones(),
        money("total_fen", "应收"),
        money("reduction_fen", "优惠", sort=Bill.reduction_fen),
        money("rounding_fen", "其中抹零"),
        money("paid_fen", "实付", sort=Bill.paid_fen),
        money("refunded_fen", "已退"),
        Column("coupons", "用券"),
        count("points", "积分"),
        Column("table_name", "台位"),
    )
    column_filters = (
        Asked("账单号", equals(Bill.number), placeholder="请输入完整账单号"),
        Choice("门店", lambda value: Bill.store_id == int(value), options=_stores),
        member_filters.by_phone(Bill),
        member_filters.by_number(Bill),
        DayRange("结账时间", Bill.settled_at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        stores = access.desk().stores
        if stores is None:
            return ()
        return (Bill.store_id.in_(select(Store.id).where(Store.code.in_(stores))),)

    def rows(self, found: Sequence[Bill]) -> list[BillRow]:
        people = queries.people({bill.member_id for bill in found if bill.member_id})
        stores = queries.names(Store, {bill.store_id for bill in found})
        used = bill_page.coupon_titles([bill.id for bill in found])
        return [
            BillRow(
                id=bill.id,
                settled_at=bill.settled_at,
                store=stores.get(bill.store_id, ""),
                number=bill.number,
                table_name=bill.table_name,
                nickname=people[bill.member_id].nickname if bill.member_id else "",
                phone=people[bill.member_id].phone if bill.member_id else None,
                total_fen=bill.lines_fen + bill.service_fen,
                coupons="、".join(used.get(bill.id, ())),
                reduction_fen=bill.reduction_fen,
                rounding_fen=bill.rounding_fen,
                paid_fen=bill.paid_fen,
                refunded_fen=bill.refunded_fen,
                points=bill_page.points_earned(bill),
            )
            for bill in found
        ]

    def order(self) -> Sequence[Any]:
        return (Bill.settled_at.desc(), Bill.id.desc())

    def facts(self, row: Bill) -> Mapping[str, object]:
        return {**bill_page.facts(row), **bill_naming.facts(row)}

    @page("/member/", methods=("POST",))
    def member(self) -> Response:
        """补记会员."""
        access.need(Right.NAME_GUESTS)
        bill = self.one(request.form.get("id"))
        bill_naming.name(bill)
        return redirect(self.get_url(".details_view", id=bill.id))  # type: ignore[return-value]
