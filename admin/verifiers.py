"""核销员: invited by a code that lasts ten minutes, unbound at once (S4-20, S4-21)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Response, abort, flash, make_response, redirect, request
from markupsafe import Markup
from sqlalchemy import ColumnElement
from wtforms import SelectField, StringField
from wtforms.validators import Length

from admin import access, queries
from admin.access import page
from admin.base import SecureModelView, Tab
from admin.columns import Column, Word, instant, phones, status
from admin.fields import DeskForm, choices
from admin.rights import Right
from admin.saving import sent
from backend import clock
from backend.coupons import qr
from backend.database import transactional
from backend.members.queries import ids_of
from backend.merchants import verifiers
from backend.merchants.models import Verifier
from backend.merchants.verifiers import Invite

_STATES = {True: Word("已绑定", "ok"), False: Word("已解绑")}


@dataclass(frozen=True)
class VerifierRow:
    """核销员 as the list shows them."""

    id: int
    name: str
    nickname: str
    phone: str | None
    stores: str
    active: bool
    bound_at: datetime
    unbound_at: datetime | None


class InviteForm(DeskForm):
    """邀请核销员."""

    store = SelectField("门店")
    name = StringField("姓名", [Length(max=20, message="最多 20 字")])


class Verifiers(SecureModelView):
    """核销员."""

    right = Right.VERIFIERS
    edit_right = Right.EDIT_VERIFIERS
    icon = "fa-qrcode"
    noun = "核销员"
    empty_help = "邀请店员扫码绑定后，就能用自己的微信扫码核销"
    row_template = "desk/verifier_row.html"
    tabs = (
        Tab("", "全部"),
        Tab("on", "已绑定", lambda _now: Verifier.active.is_(True)),
        Tab("off", "已解绑", lambda _now: Verifier.active.is_(False)),
    )
    columns = (
        Column("name", "姓名"),
        Column("nickname", "微信昵称"),
        phones(),
        Column("stores", "可核销门店"),
        status("active", "状态", _STATES),
        instant("bound_at", "绑定时间", sort=Verifier.bound_at),
        instant("unbound_at", "解绑时间"),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        stores = access.desk().stores
        return () if stores is None else (queries.lists_one_of(Verifier.stores, stores),)

    def rows(self, found: Sequence[Verifier]) -> list[VerifierRow]:
        people = queries.people({verifier.member_id for verifier in found})
        named = dict(queries.store_choices())
        return [
            VerifierRow(
                id=verifier.id,
                name=verifier.name,
                nickname=people[verifier.member_id].nickname,
                phone=people[verifier.member_id].phone,
                stores="、".join(named.get(str(code), str(code)) for code in verifier.stores),
                active=verifier.active,
                bound_at=verifier.bound_at,
                unbound_at=verifier.unbound_at,
            )
            for verifier in found
        ]

    @page("/invite/", methods=("GET", "POST"))
    def invite(self) -> Response:
        """邀请: a code to scan with the verifier's WeChat, once, within ten minutes."""
        access.need(Right.EDIT_VERIFIERS)
        form = InviteForm(sent())
        form.store.choices = choices(*queries.store_choices(access.desk().stores))
        made = None
        if request.method == "POST":
            if not form.validate():
                abort(404)
            made = _invite(str(form.store.data), name=form.name.data or "")
        picture = Markup(qr.svg(made.token)) if made else None
        return make_response(
            self.render("desk/verifier_invite.html", form=form, made=made, picture=picture)
        )

    @page("/unbind/", methods=("POST",))
    def unbind(self) -> Response:
        """解绑, at once."""
        access.need(Right.EDIT_VERIFIERS)
        verifier = self.one(request.form.get("id"))
        _unbind(verifier)
        flash("已解绑，立即生效")
        return redirect(self.get_url(".index_view"))  # type: ignore[return-value]


@transactional
def _invite(store_code: str, *, name: str) -> Invite:
    made = verifiers.invite(store_code, name=name, now=clock.now())
    access.record("verifier.invite", f"门店 {store_code}", after={"name": name})
    return made


@transactional
def _unbind(verifier: Verifier) -> None:
    verifiers.unbind(ids_of(verifier.member_id), now=clock.now())
    access.record("verifier.unbind", f"核销员 {verifier.name or verifier.member_id}")
