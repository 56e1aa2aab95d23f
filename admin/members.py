"""会员: the list, one member's page, and what the desk may note about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, flash, redirect, request
from sqlalchemy import ColumnElement
from wtforms import BooleanField, StringField
from wtforms.validators import Length

from admin import access, level_changes, member_page, queries
from admin.access import page
from admin.base import SecureModelView, Tab
from admin.columns import Column, count, instant, money, phones, word
from admin.fields import DeskForm, row_id
from admin.filters import Asked, Choice, DayRange, contains
from admin.rights import Right
from admin.saving import sent
from admin.words import CLASSES
from backend import clock
from backend.errors import DomainError
from backend.members import phones as phone_numbers
from backend.members.models import CustomerClass, Member, MemberLevel
from backend.merchants.audit import Facts


def _of(customer_class: CustomerClass) -> Tab:
    """The tab of one class."""
    return Tab(
        customer_class.value,
        CLASSES[customer_class],
        lambda _now: Member.customer_class == customer_class,
    )


MOST_POINTS = 10**7


@dataclass(frozen=True)
class MemberRow:
    """会员 as the list shows them."""

    id: int
    nickname: str
    phone: str | None
    customer_class: str
    level: str
    follows: str
    consumption_count: int
    consumption_fen: int
    last_consumed_at: datetime | None
    joined_at: datetime
    tags: str


class MemberForm(DeskForm):
    """What staff may write about a member; counters and balances are settlement's."""

    note = StringField("备注", [Length(max=200, message="最多 200 字")])
    tags = StringField("标签", [Length(max=200, message="最多 200 字")])
    blacklisted = BooleanField("黑名单")


class Members(SecureModelView):
    """会员列表."""

    right = Right.MEMBERS
    edit_right = Right.EDIT_MEMBERS
    icon = "fa-users"
    noun = "会员"
    empty_help = "顾客关注公众号或登录小程序后就会出现在这里"
    can_view_details = can_edit = can_export = True
    row_template = "desk/member_row.html"
    details_template = "desk/member.html"
    form_template = "desk/member_form.html"
    tabs = (Tab("", "全部"), *map(_of, CustomerClass))
    columns = (
        Column("nickname", "昵称"),
        phones(),
        word("customer_class", "分类", CLASSES),
        Column("level", "等级"),
        Column("follows", "公众号"),
        count("consumption_count", "消费次数", sort=Member.consumption_count),
        money("consumption_fen", "累计消费", sort=Member.consumption_fen),
        instant("last_consumed_at", "最近消费", sort=Member.last_consumed_at),
        instant("joined_at", "加入时间", sort=Member.joined_at),
        Column("tags", "标签"),
    )
    column_filters = (
        Asked(
            "手机号",
            lambda said: Member.phone == phone_numbers.sought(said),
            placeholder="请输入完整手机号",
        ),
        Asked("昵称", contains(Member.nickname)),
        Choice(
            "公众号",
            lambda value: Member.follows.is_(value == "yes"),
            options=(("yes", "已关注"), ("no", "未关注")),
        ),
        DayRange("加入时间", Member.joined_at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        stores = access.desk().stores
        limits = () if stores is None else (queries.at_stores(stores),)
        return (Member.alias_of_id.is_(None), *limits)

    def rows(self, found: Sequence[Member]) -> list[MemberRow]:
        levels = queries.names(MemberLevel, {m.level_id for m in found if m.level_id})
        tags = queries.tags_of([m.id for m in found])
        return [
            MemberRow(
                id=member.id,
                nickname=member.nickname,
                phone=member.phone,
                customer_class=member.customer_class,
                level=levels.get(member.level_id or 0, ""),
                follows="已关注" if member.follows else "未关注",
                consumption_count=member.consumption_count,
                consumption_fen=member.consumption_fen,
                last_consumed_at=member.last_consumed_at,
                joined_at=member.joined_at,
                tags="、".join(tags.get(member.id, [])),
            )
            for member in found
        ]

    def facts(self, row: Member) -> Mapping[str, object]:
        return member_page.facts(row)

    def draft(self, row: Any) -> MemberForm:
        tags = " ".join(queries.tags_of([row.id]).get(row.id, []))
        return MemberForm(sent(), obj=row, tags=tags)

    def save(self, form: MemberForm, row: Member) -> str:
        before: Facts = {"note": row.note, "blacklisted": row.blacklisted}
        row.note, row.blacklisted = form.note.data or "", bool(form.blacklisted.data)
        member_page.set_tags(row.id, form.tags.data or "")
        access.record(
            "member.save",
            f"会员 {row.id}",
            before=before,
            after={"note": row.note, "blacklisted": row.blacklisted, "tags": form.tags.data or ""},
        )
        return str(self.get_url(".details_view", id=row.id))

    @page("/level/", methods=("POST",))
    def level(self) -> Response:
        """手工调整等级, with a reason."""
        access.need(Right.GIVE_LEVELS)
        member = self.one(request.form.get("id"))
        reason = request.form.get("reason", "").strip()[:200]
        level_id = row_id(request.form.get("level", ""))
        if not reason:
            flash("请填写调整原因", "error")
        else:
            try:
                given = level_changes.give(member.id, level_id, reason=reason, now=clock.now())
                flash("等级已调整" if given else "会员已经是手工给的这个等级，没有改变")
            except DomainError as refusal:
                flash(refusal.message, "error")
        return redirect(self.get_url(".details_view", id=member.id))  # type: ignore[return-value]

    @page("/points/", methods=("POST",))
    def points(self) -> Response:
        """增减积分, with a reason."""
        access.need(Right.ADJUST_POINTS)
        member = self.one(request.form.get("id"))
        reason = request.form.get("reason", "").strip()[:200]
        points = row_id(request.form.get("points", "").strip())
        if not reason or not 0 < points <= MOST_POINTS:
            flash(f"请填写 1 到 {MOST_POINTS:,} 的积分和原因", "error")
        else:
            change = -points if request.form.get("direction") == "subtract" else points
            try:
                member_page.adjust_points(member.id, change, reason=reason, now=clock.now())
                flash("积分已扣减" if change < 0 else "积分已增加")
            except DomainError as refusal:
                flash(refusal.message, "error")
        return redirect(self.get_url(".details_view", id=member.id))  # type: ignore[return-value]
