"""员工: made with a random password shown once, reset, deactivated; roles and stores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from flask import Response, flash, make_response, redirect, request
from sqlalchemy import ColumnElement
from wtforms import RadioField, StringField
from wtforms.validators import Length, Regexp

from admin import access, queries
from admin.access import page
from admin.base import SecureModelView, Tab
from admin.columns import Column, Word, instant, status, word
from admin.fields import DeskForm, Needed, Pills, choices
from admin.rights import RIGHTS, Right
from admin.saving import sent
from admin.words import ROLES
from backend import clock
from backend.database import transactional
from backend.errors import DomainError
from backend.merchants import staff
from backend.merchants.audit import Facts
from backend.merchants.models import Role, Staff

_STATES = {True: Word("启用", "ok"), False: Word("停用")}
_GIVEN = [(role.value, ROLES[role]) for role in Role if role is not Role.OPERATOR]


class StaffForm(DeskForm):
    """员工."""

    login = StringField(
        "账号",
        [
            Needed(),
            Length(min=2, max=40, message="2 到 40 个字"),
            Regexp(r"^[A-Za-z0-9._-]+$", message="只能用字母、数字、点和横线"),
        ],
    )
    name = StringField("姓名", [Length(max=40, message="最多 40 字")])
    role = RadioField("角色", choices=choices(*_GIVEN), default=Role.MARKETING.value)
    where = RadioField(
        "门店范围", choices=choices(("all", "全部门店"), ("some", "指定门店")), default="all"
    )
    stores = Pills("门店")


@dataclass(frozen=True)
class PersonRow:
    """员工 as the list shows them, their stores by name."""

    id: int
    login: str
    name: str
    role: str
    stores: str
    active: bool
    created_at: datetime


class LastOwner(DomainError):
    code = "LAST_OWNER"
    message = "不能停用自己，也不能更改自己的角色"
    http_status = 409


class People(SecureModelView):
    """员工."""

    right = Right.STAFF
    edit_right = Right.STAFF
    icon = "fa-id-badge"
    noun = "员工"
    can_create = can_edit = True
    row_template = "desk/staff_row.html"
    form_template = "desk/staff_form.html"
    tabs = (
        Tab("", "全部"),
        Tab("on", "启用", lambda _now: Staff.active.is_(True)),
        Tab("off", "停用", lambda _now: Staff.active.is_(False)),
    )
    columns = (
        Column("login", "账号"),
        Column("name", "姓名"),
        word("role", "角色", ROLES),
        Column("stores", "门店范围"),
        status("active", "状态", _STATES),
        instant("created_at", "创建时间"),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        return (Staff.merchant_id == access.shop().id,)

    def rows(self, found: Sequence[Staff]) -> list[PersonRow]:
        named = dict(queries.store_choices())
        return [
            PersonRow(
                id=person.id,
                login=person.login,
                name=person.name,
                role=person.role,
                stores="全部"
                if person.stores is None
                else "、".join(named.get(str(code), str(code)) for code in person.stores),
                active=person.active,
                created_at=person.created_at,
            )
            for person in found
        ]

    def draft(self, row: Staff | None) -> StaffForm:
        data: dict[str, Any] = {}
        if row is not None:
            data = {"where": "all" if row.stores is None else "some", "stores": row.stores or []}
        form = StaffForm(sent(), obj=row, data=data)
        form.stores.choices = choices(*queries.store_choices())
        if row is not None and request.method == "POST":
            form.login.data = row.login
        return form

    def form_facts(self, form: Any, row: Any) -> Mapping[str, object]:
        return {"rights": {ROLES[role]: len(rights) for role, rights in RIGHTS.items()}}

    def save(self, form: StaffForm, row: Staff | None) -> str | None:
        known = {code for code, _name in queries.store_choices()}
        chosen = [str(code) for code in form.stores.data or () if code in known]
        stores = chosen if form.where.data == "some" else None
        if row is None:
            made, password = staff.create(
                form.login.data,
                role=Role(form.role.data),
                merchant_id=access.shop().id,
                name=form.name.data or "",
                stores=stores,
                actor=access.desk().actor,
                origin=request.remote_addr or "",
                now=clock.now(),
            )
            flash(f"账号 {made.login} 的密码（只显示这一次）：{password}", "secret")
            return None
        if row.id == access.desk().staff_id and form.role.data != row.role:
            raise LastOwner()
        before = _facts(row)
        row.name, row.role = form.name.data or "", str(form.role.data)
        row.stores = None if stores is None else [*stores]
        if _facts(row) != before:
            staff.sign_out_everywhere(row.id)
        access.record("staff.save", f"员工 {row.login}", before=before, after=_facts(row))
        return None

    @page("/reset/", methods=("POST",))
    def reset(self) -> Response:
        """重置密码: a new one at random, shown this once."""
        access.need(Right.STAFF)
        person = self.one(request.form.get("id"))
        password = staff.reset(
            person.id,
            actor=access.desk().actor,
            origin=request.remote_addr or "",
            now=clock.now(),
        )
        flash(f"账号 {person.login} 的新密码（只显示这一次）：{password}", "secret")
        return self._back()

    @page("/active/", methods=("POST",))
    def active(self) -> Response:
        """停用 (their sessions end at once) or 启用."""
        access.need(Right.STAFF)
        person = self.one(request.form.get("id"))
        if person.id == access.desk().staff_id:
            flash(LastOwner().message, "error")
            return self._back()
        _set_active(person.id, self, active=request.form.get("active") == "1")
        return self._back()

    def _back(self) -> Response:
        return make_response(cast(Response, redirect(self.get_url(".index_view"))))


@transactional
def _set_active(staff_id: int, view: People, *, active: bool) -> None:
    person = view.one(staff_id)
    person.active = active
    if not active:
        staff.sign_out_everywhere(staff_id)
    access.record("staff.activate" if active else "staff.deactivate", f"员工 {person.login}")


def _facts(person: Staff) -> Facts:
    return {"name": person.name, "role": person.role, "stores": person.stores}
