"""商家信息: what customers and receipts read about the merchant (S0 2.2)."""

from flask import Response, flash, make_response, redirect
from sqlalchemy import select
from wtforms import StringField, TextAreaField
from wtforms.validators import Length

from admin import access
from admin.access import page
from admin.base import DeskPage
from admin.fields import DeskForm, Needed
from admin.rights import Right
from admin.saving import sent
from backend.database import db, transactional
from backend.merchants.audit import Facts
from backend.merchants.models import Merchant

_SHOWN = ("name", "contact", "phone", "address", "introduction", "receipt_footer")


class ProfileForm(DeskForm):
    """商家信息."""

    name = StringField("商家名称", [Needed(), Length(max=60, message="最多 60 字")])
    contact = StringField("联系人", [Length(max=60, message="最多 60 字")])
    phone = StringField("电话", [Length(max=20, message="最多 20 字")])
    address = StringField("地址", [Length(max=200, message="最多 200 字")])
    introduction = TextAreaField("介绍", [Length(max=1000, message="最多 1000 字")])
    receipt_footer = StringField("小票底部文字", [Length(max=200, message="最多 200 字")])


class Profile(DeskPage):
    """商家信息."""

    right = Right.PROFILE
    icon = "fa-cog"

    @page("/", methods=("GET", "POST"))
    def index_view(self) -> Response:
        """商家信息."""
        form = ProfileForm(sent(), obj=_merchant())
        if sent() is not None and form.validate():
            _save(form)
            flash("已保存")
            return redirect(self.get_url(".index_view"))  # type: ignore[return-value]
        return make_response(
            self.render("desk/profile.html", form=form, problems=[]), 422 if form.errors else 200
        )


@transactional
def _save(form: ProfileForm) -> None:
    merchant = _merchant()
    before = _facts(merchant)
    for name in _SHOWN:
        setattr(merchant, name, getattr(form, name).data or "")
    access.record("merchant.save", merchant.name, before=before, after=_facts(merchant))


def _merchant() -> Merchant:
    return db.session.scalars(select(Merchant).where(Merchant.id == access.shop().id)).one()


def _facts(merchant: Merchant) -> Facts:
    return {name: getattr(merchant, name) for name in _SHOWN}
