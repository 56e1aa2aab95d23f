"""门店: their particulars, and the OA code that hangs on the wall."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, abort, flash, make_response, redirect, request
from markupsafe import Markup
from sqlalchemy import ColumnElement, select
from wtforms import BooleanField, StringField
from wtforms.validators import Length, Regexp, ValidationError

from admin import access
from admin.access import page
from admin.base import SecureModelView, Tab
from admin.columns import Column, Word, status
from admin.fields import DeskForm, Needed
from admin.filters import Asked, contains
from admin.rights import Right
from admin.saving import sent
from backend.coupons import qr
from backend.database import db, end_read
from backend.errors import DomainError
from backend.merchants.audit import Facts
from backend.merchants.models import Merchant, Store
from backend.wechat import accounts, qrcodes

_STATES = {True: Word("营业中", "ok"), False: Word("已停用")}
_SHOWN = ("name", "address", "phone", "hours", "longitude", "latitude", "active")
_DEGREES = Regexp(r"^(-?\d{1,3}(\.\d{1,8})?)?$", message="应写作 114.066")


class StoreForm(DeskForm):
    """门店资料."""

    code = StringField("门店编码", [Needed(), Length(max=20, message="最多 20 字")])
    name = StringField("门店名称", [Needed(), Length(max=40, message="最多 40 字")])
    address = StringField("地址", [Length(max=200, message="最多 200 字")])
    phone = StringField("电话", [Length(max=20, message="最多 20 字")])
    hours = StringField("营业时间", [Length(max=60, message="最多 60 字")])
    longitude = StringField("经度", [_DEGREES])
    latitude = StringField("纬度", [_DEGREES])
    active = BooleanField("营业中", default=True)

    def validate_code(self, field: Any) -> None:
        """Codes stand in scenes and signatures: plain letters."""
        if field.data and not (field.data.isascii() and field.data.replace("-", "").isalnum()):
            raise ValidationError("只能用字母、数字和短横线")


class Stores(SecureModelView):
    """门店."""

    right = Right.STORES
    edit_right = Right.EDIT_STORES
    icon = "fa-map-marker"
    noun = "门店"
    empty_help = "新建门店后才能核销和限定券的使用范围"
    can_create = can_edit = True
    row_template = "desk/store_row.html"
    form_template = "desk/store_form.html"
    tabs = (
        Tab("", "全部"),
        Tab("on", "营业中", lambda _now: Store.active.is_(True)),
        Tab("off", "已停用", lambda _now: Store.active.is_(False)),
    )
    columns = (
        Column("code", "门店编码"),
        Column("name", "门店名称"),
        Column("address", "地址"),
        Column("phone", "电话"),
        Column("hours", "营业时间"),
        status("active", "状态", _STATES),
    )
    column_filters = (
        Asked("门店名称", contains(Store.name)),
        Asked("门店编码", contains(Store.code)),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        stores = access.desk().stores
        return () if stores is None else (Store.code.in_(stores),)

    def order(self) -> Sequence[Any]:
        return (Store.code,)

    @page("/new/", methods=("GET", "POST"))
    def create_view(self) -> Response:
        """新建; whoever is limited to stores makes no new ones."""
        if access.desk().stores is not None:
            abort(403)
        return self._serve_form(None)

    def draft(self, row: Store | None) -> StoreForm:
        return StoreForm(sent(), obj=row)

    def save(self, form: StoreForm, row: Store | None) -> None:
        before: Facts | None = None if row is None else _facts(row)
        store = row or Store(code=form.code.data)
        if row is None and _taken(form.code.data):
            raise StoreCodeTaken(code=form.code.data)
        for name in _SHOWN:
            setattr(store, name, getattr(form, name).data)
        db.session.add(store)
        access.record("store.save", f"门店 {store.name}", before=before, after=_facts(store))

    @page("/code/")
    def code(self) -> Response:
        """门店二维码: following by it makes the person a member of this store."""
        store = self.one(request.args.get("id"))
        shop = access.shop()
        app = accounts.official_account_of(shop.id)
        if app is None:
            flash("还没有绑定公众号，不能生成二维码", "error")
            return redirect(self.get_url(".index_view"))  # type: ignore[return-value]
        merchant_code = db.session.scalar(select(Merchant.code).where(Merchant.id == shop.id))
        scene = qrcodes.store_scene(str(merchant_code), store.code)
        facts: Mapping[str, object] = {"row": store, "account": app.name or app.app_id}
        end_read()
        try:
            url = qrcodes.store_code(app, scene).url
        except DomainError as refusal:
            flash(f"微信没有给出二维码：{refusal.message}", "error")
            return redirect(self.get_url(".index_view"))  # type: ignore[return-value]
        return make_response(
            self.render("desk/store_code.html", picture=Markup(qr.svg(url)), **facts)
        )


class StoreCodeTaken(DomainError):
    code = "STORE_CODE_TAKEN"
    message = "门店编码 {code} 已存在"
    http_status = 409


def _taken(code: str) -> bool:
    return db.session.scalar(select(Store.id).where(Store.code == code)) is not None


def _facts(store: Store) -> Facts:
    return {name: getattr(store, name) for name in _SHOWN}
