"""商家信息: what customers and receipts read about the merchant (S0 2.2), and 抹零 at its tills."""

from flask import Response, abort, flash, make_response, redirect, request
from sqlalchemy import select
from wtforms import StringField, TextAreaField
from wtforms.validators import Length

from admin import access
from admin.access import page
from admin.base import DeskPage
from admin.fields import DeskForm, Needed, YuanField
from admin.rights import Right
from admin.saving import sent
from backend.database import db, transactional
from backend.errors import DomainError
from backend.merchants import logo
from backend.merchants.audit import Facts
from backend.merchants.models import Merchant
from backend.merchants.settings import MOST_ROUNDING_FEN

_TEXTS = ("name", "contact", "phone", "address", "introduction", "receipt_footer")


class RoundingField(YuanField):
    """抹零上限（元）."""

    most_fen = MOST_ROUNDING_FEN


class ProfileForm(DeskForm):
    """商家信息."""

    name = StringField("商家名称", [Needed(), Length(max=60, message="最多 60 字")])
    contact = StringField("联系人", [Length(max=60, message="最多 60 字")])
    phone = StringField("电话", [Length(max=20, message="最多 20 字")])
    address = StringField("地址", [Length(max=200, message="最多 200 字")])
    introduction = TextAreaField("介绍", [Length(max=1000, message="最多 1000 字")])
    receipt_footer = StringField("小票底部文字", [Length(max=200, message="最多 200 字")])
    rounding_fen = RoundingField("每单最多抹零", [Needed()])


class Profile(DeskPage):
    """商家信息."""

    right = Right.PROFILE
    icon = "fa-cog"

    @page("/", methods=("GET", "POST"))
    def index_view(self) -> Response:
        """商家信息."""
        form = ProfileForm(sent(), obj=_merchant())
        problems: list[str] = []
        if sent() is not None and form.validate():
            try:
                _save(form, _chosen_logo())
                flash("已保存")
                return redirect(self.get_url(".index_view"))  # type: ignore[return-value]
            except DomainError as refusal:
                problems = [refusal.message]
        has_logo = _merchant().logo is not None
        body = self.render("desk/profile.html", form=form, problems=problems, has_logo=has_logo)
        return make_response(body, 422 if form.errors or problems else 200)

    @page("/picture")
    def picture(self) -> Response:
        """The picture itself."""
        content = _merchant().logo or abort(404)
        answer = make_response(content)
        answer.mimetype = logo.media_type(content)
        return answer


@transactional
def _save(form: ProfileForm, picture: bytes) -> None:
    merchant = _merchant()
    before = _facts(merchant)
    for name in _TEXTS:
        setattr(merchant, name, getattr(form, name).data or "")
    merchant.rounding_fen = form.rounding_fen.data or 0
    if picture:
        logo.put(merchant, picture)
    access.record("merchant.save", merchant.name, before=before, after=_facts(merchant))


def _chosen_logo() -> bytes:
    """The file that was chosen; nothing: the logo stays."""
    chosen = request.files.get("logo")
    return chosen.read() if chosen else b""


def _merchant() -> Merchant:
    return db.session.scalars(select(Merchant).where(Merchant.id == access.shop().id)).one()


def _facts(merchant: Merchant) -> Facts:
    size = len(merchant.logo or b"")
    texts = {name: getattr(merchant, name) for name in _TEXTS}
    return {**texts, "rounding_fen": merchant.rounding_fen, "logo": f"{size} 字节"}
