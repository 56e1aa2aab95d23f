"""聚微量票券关联 (S1-07…10): mall shops bound to stores, products that wait for their link, and
reports that no mall has taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, flash, redirect, request
from sqlalchemy import ColumnElement, func, select
from wtforms import BooleanField, PasswordField, SelectField, StringField
from wtforms.validators import Length

from admin import access, queries
from admin.access import page
from admin.base import SecureModelView, Tab
from admin.columns import Column, Word, instant, status
from admin.fields import DeskForm, Needed, choices, row_id
from admin.rights import Right
from admin.saving import sent
from backend import clock
from backend.campaigns import mall_products
from backend.database import db, transactional
from backend.errors import DomainError
from backend.malls import report, shops
from backend.malls.shops import Binding
from backend.merchants.models import Store
from backend.redemption.models import ReportState, VoucherReport
from backend.vouchers.models import MallShop, MallVoucher, VoucherState

BOUND, WAITING, OFF = "bound", "waiting", "off"
STATES = {BOUND: Word("已绑定", "ok"), WAITING: Word("等待对接", "warn"), OFF: Word("已解绑")}
REPORT_STATES = {
    ReportState.WAITING: Word("待发送", "info"),
    ReportState.SENDING: Word("发送中", "warn"),
    ReportState.TAKEN: Word("已送达", "ok"),
    ReportState.FAILED: Word("发送失败", "bad"),
}
SHOWN = 50


@dataclass(frozen=True)
class ShopRow:
    """商城店铺 as the list shows it; its secrets are shown to nobody."""

    id: int
    store: str
    code: str
    state: str
    callback_url: str
    account: str
    bound_at: datetime
    heard_at: datetime | None


class ShopForm(DeskForm):
    """绑定商城店铺."""

    store = SelectField("门店")
    code = StringField("商城门店 id", [Needed(), Length(max=50, message="最多 50 字")])
    secret = PasswordField("密钥", [Length(max=200, message="最多 200 字")])
    next_secret = PasswordField("新密钥", [Length(max=200, message="最多 200 字")])
    callback = StringField("回调地址", [Length(max=300, message="最多 300 字")])
    oa = SelectField("商城公众号")
    active = BooleanField("绑定", default=True)


class Malls(SecureModelView):
    """聚微量票券关联."""

    right = Right.MALLS
    edit_right = Right.EDIT_MALLS
    icon = "fa-shopping-bag"
    noun = "店铺"
    empty_help = "填入商城“第三方对接”里的门店 id 与密钥，就能核销商城卖出的票券"
    can_create = can_edit = can_view_details = True
    row_template = "desk/mall_row.html"
    form_template = "desk/mall_shop_form.html"
    details_template = "desk/mall.html"
    tabs = (
        Tab("", "全部"),
        Tab("on", "已绑定", lambda _now: MallShop.active & MallShop.heard_at.is_not(None)),
        Tab("waiting", "等待对接", lambda _now: MallShop.active & MallShop.heard_at.is_(None)),
        Tab("off", "已解绑", lambda _now: MallShop.active.is_(False)),
    )
    columns = (
        Column("store", "门店"),
        Column("code", "商城门店 id"),
        status("state", "状态", STATES),
        Column("callback_url", "回调地址", css="wrap"),
        Column("account", "商城公众号"),
        instant("bound_at", "绑定时间", sort=MallShop.bound_at),
        instant("heard_at", "首次对接"),
    )
    field_labels = {"id": "商城门店 id", "callback": "回调地址", "oa": "商城公众号"}

    def visible(self) -> Sequence[ColumnElement[bool]]:
        stores = access.desk().stores
        if stores is None:
            return ()
        return (MallShop.store_id.in_(select(Store.id).where(Store.code.in_(stores))),)

    def rows(self, found: Sequence[MallShop]) -> list[ShopRow]:
        stores = queries.names(Store, {shop.store_id for shop in found})
        accounts = shops.accounts()
        return [
            ShopRow(
                id=shop.id,
                store=stores.get(shop.store_id, ""),
                code=shop.code,
                state=_state(shop),
                callback_url=shop.callback_url,
                account=accounts.get(shop.app_id, shop.app_id),
                bound_at=shop.bound_at,
                heard_at=shop.heard_at,
            )
            for shop in found
        ]

    def facts(self, row: MallShop) -> Mapping[str, object]:
        (shown,) = self.rows([row])
        return {
            "row": row,
            "shown": shown,
            "states": STATES,
            "report_states": REPORT_STATES,
            "products": _unlinked(row),
            "reports": _untaken(row),
        }

    def draft(self, row: MallShop | None) -> ShopForm:
        data = None
        if row is not None:
            store = db.session.scalar(select(Store.code).where(Store.id == row.store_id))
            data = {
                "store": store,
                "code": row.code,
                "callback": row.callback_url,
                "oa": row.app_id,
                "active": row.active,
            }
        form = ShopForm(sent(), data=data)
        form.store.choices = choices(*queries.store_choices(access.desk().stores))
        form.oa.choices = choices(("", "不在本平台绑定"), *shops.accounts().items())
        return form

    def save(self, form: ShopForm, row: MallShop | None) -> str:
        before = None if row is None else _told(row)
        saved = shops.bind(
            Binding(
                store_code=str(form.store.data),
                code=(form.code.data if row is None else row.code).strip(),
                secret=form.secret.data or None,
                next_secret=form.next_secret.data or None,
                callback_url=(form.callback.data or "").strip(),
                app_id=form.oa.data or "",
                active=bool(form.active.data),
            ),
            now=clock.now(),
        )
        access.record("mall.save", f"商城店铺 {saved.code}", before=before, after=_told(saved))
        return str(self.get_url(".details_view", id=saved.id))

    @page("/send-again/", methods=("POST",))
    def send_again(self) -> Response:
        """重新发送 a report that was given up."""
        access.need(Right.EDIT_MALLS)
        shop = self.one(request.form.get("id"))
        try:
            _sent_again(shop, row_id(request.form.get("report", "")))
            flash("已重新发送，稍后刷新查看结果")
        except DomainError as refusal:
            flash(refusal.message, "error")
        return redirect(self.get_url(".details_view", id=shop.id))  # type: ignore[return-value]


@transactional
def _sent_again(shop: MallShop, report_id: int) -> None:
    theirs = {each.report.id for each in _untaken(shop)}
    report.send_again(report_id if report_id in theirs else 0)
    access.record("mall.send_again", f"商城店铺 {shop.code}", after={"report": report_id})


@dataclass(frozen=True)
class Unlinked:
    """A product that was sold and has no campaign yet."""

    product: str
    vouchers: int


@dataclass(frozen=True)
class Untaken:
    """A report that its mall has not taken yet."""

    report: VoucherReport
    voucher: str


def _unlinked(shop: MallShop) -> list[Unlinked]:
    rows = db.session.execute(
        select(MallVoucher.product, func.count())
        .where(MallVoucher.shop_id == shop.id, MallVoucher.state == VoucherState.WAITING)
        .group_by(MallVoucher.product)
        .order_by(MallVoucher.product)
        .limit(SHOWN)
    )
    products = mall_products.linked_products(at=clock.now())
    store = str(db.session.scalar(select(Store.code).where(Store.id == shop.store_id)))
    return [
        Unlinked(product, vouchers)
        for product, vouchers in rows
        if mall_products.linked(products, product, store=store) is None
    ]


def _untaken(shop: MallShop) -> list[Untaken]:
    rows = db.session.execute(
        select(VoucherReport, MallVoucher.voucher)
        .join(MallVoucher, MallVoucher.id == VoucherReport.voucher_id)
        .where(MallVoucher.shop_id == shop.id, VoucherReport.state != ReportState.TAKEN)
        .order_by(VoucherReport.id)
        .limit(SHOWN)
    )
    return [Untaken(*row) for row in rows]


def _state(shop: MallShop) -> str:
    if not shop.active:
        return OFF
    return WAITING if shop.heard_at is None else BOUND


def _told(shop: MallShop) -> dict[str, Any]:
    return {
        "code": shop.code,
        "callback_url": shop.callback_url,
        "app_id": shop.app_id,
        "active": shop.active,
    }
