"""会员等级: the levels in their order, what they ask for and give, and the rules of judging."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, flash, make_response, redirect, request
from sqlalchemy import func, select
from wtforms import BooleanField, RadioField, StringField, TextAreaField
from wtforms.validators import Length

from admin import access, queries, words
from admin.access import page
from admin.base import SecureModelView
from admin.columns import Column, count
from admin.fields import AskedAgain, DeskForm, Needed, RateField, WholeField, YuanField, choices
from admin.rights import Right
from admin.saving import sent
from backend import clock
from backend.campaigns.models import Campaign
from backend.database import db, transactional
from backend.errors import DomainError
from backend.members import level_list
from backend.members.errors import LevelInUse
from backend.members.level_list import Terms, not_rising
from backend.members.levels import Figures, all_levels
from backend.members.models import Member, MemberLevel
from backend.membership import levels
from backend.merchants.audit import Facts
from backend.merchants.models import Merchant
from backend.money import yuan

_RULES = ("levels_match", "levels_period", "levels_keep")


@dataclass(frozen=True)
class LevelRow:
    """会员等级 as the list shows it."""

    id: int
    place: int
    name: str
    discount: str
    upgrade: str
    rights: str
    members: int


def discount_text(discount_bp: int) -> str:
    """折扣 as people say it: 9500 → ``9.5折``."""
    return "无折扣" if discount_bp >= 10000 else f"{discount_bp / 1000:g}折"


def upgrade_text(figures: Figures, *, match: str, is_first: bool) -> str:
    """升级条件: ``消费满 1000 元 或 10 次``."""
    if is_first:
        return "新会员注册后就是这个等级"
    parts = [
        f"消费满 {yuan(figures.amount_fen)} 元" if figures.amount_fen is not None else "",
        f"消费满 {figures.times} 次" if figures.times is not None else "",
        f"充值满 {yuan(figures.recharge_fen)} 元" if figures.recharge_fen is not None else "",
    ]
    said = (" 或 " if match == "any" else " 且 ").join(part for part in parts if part)
    return said or "不自动升级，只能手工调整"


class LevelForm(DeskForm):
    """会员等级."""

    name = StringField("等级名称", [Needed(), Length(max=20, message="最多 20 字")])
    discount = RateField("折扣", [AskedAgain()])
    sure = BooleanField("确认低于1折")
    amount_fen = YuanField("累计消费")
    times = WholeField("消费次数", least=1)
    recharge_fen = YuanField("累计充值")
    rights = TextAreaField("权益说明", [Length(max=500, message="最多 500 字")])


class RulesForm(DeskForm):
    """等级规则."""

    levels_match = RadioField("升级条件", choices=choices(*words.LEVEL_MATCH.items()))
    levels_period = RadioField("累计时间", choices=choices(*words.LEVEL_PERIOD.items()))
    levels_keep = RadioField("保级", choices=choices(*words.LEVEL_KEEP.items()))


class Levels(SecureModelView):
    """会员等级."""

    right = Right.LEVELS
    edit_right = Right.EDIT_LEVELS
    icon = "fa-diamond"
    noun = "会员等级"
    empty_help = "新建的第一个等级是所有新会员的等级"
    can_create = can_edit = True
    row_template = "desk/level_row.html"
    form_template = "desk/level_form.html"
    summary_template = "desk/level_rules_summary.html"
    columns = (
        count("place", "顺序"),
        Column("name", "等级"),
        Column("discount", "折扣"),
        Column("upgrade", "升级条件", css="wrap"),
        Column("rights", "权益说明", css="wrap"),
        count("members", "会员数"),
    )

    def order(self) -> Sequence[Any]:
        return (MemberLevel.position, MemberLevel.id)

    def summary(self, filters: Sequence[tuple[int, str, str]]) -> Mapping[str, object]:
        merchant = _merchant()
        return {
            "match": words.LEVEL_MATCH[merchant.levels_match],
            "period": words.LEVEL_PERIOD[merchant.levels_period],
            "keep": words.LEVEL_KEEP[merchant.levels_keep],
            "not_rising": not_rising(all_levels()),
        }

    def rows(self, found: Sequence[MemberLevel]) -> list[LevelRow]:
        match = _merchant().levels_match
        have = {
            row[0]: row[1]
            for row in db.session.execute(
                select(Member.level_id, func.count(Member.id))
                .where(Member.alias_of_id.is_(None))
                .group_by(Member.level_id)
            )
        }
        known = {level.id: level for level in all_levels()}
        first = min((level.position for level in known.values()), default=0)
        return [
            LevelRow(
                id=level.id,
                place=level.position + 1,
                name=level.name,
                discount=discount_text(level.discount_bp),
                upgrade=upgrade_text(
                    known[level.id].upgrade, match=match, is_first=level.position == first
                ),
                rights=level.rights,
                members=have.get(level.id, 0),
            )
            for level in found
        ]

    def draft(self, row: MemberLevel | None) -> LevelForm:
        if row is None:
            return LevelForm(sent())
        full = row.discount_bp >= 10000
        return LevelForm(
            sent(),
            data={
                "name": row.name,
                "discount": None if full else row.discount_bp,
                "rights": row.rights,
                **row.upgrade,
            },
        )

    def form_facts(self, form: Any, row: MemberLevel | None) -> Mapping[str, object]:
        known = all_levels()
        return {
            "is_first": not known if row is None else known[0].id == row.id,
            "match": words.LEVEL_MATCH[_merchant().levels_match],
            "period": words.LEVEL_PERIOD[_merchant().levels_period],
        }

    def save(self, form: LevelForm, row: MemberLevel | None) -> None:
        name = (form.name.data or "").strip()
        before = None if row is None else _facts(row)
        if row is not None and name != row.name:
            _refuse_if_named(row, "改名")
        upgrade = Figures(form.amount_fen.data, form.times.data, form.recharge_fen.data)
        terms = Terms(name, form.discount.data or 10000, upgrade, form.rights.data or "")
        level = level_list.save(None if row is None else row.id, terms)
        access.record("level.save", f"等级 {name}", before=before, after=_facts(level))

    @page("/move/", methods=("POST",))
    def move(self) -> Response:
        """上移 or 下移."""
        access.need(Right.EDIT_LEVELS)
        level = self.one(request.form.get("id"))
        _moved(level.id, -1 if request.form.get("to") == "up" else 1)
        return self._back()

    @page("/remove/", methods=("POST",))
    def remove(self) -> Response:
        """删除 a level that nobody has."""
        access.need(Right.EDIT_LEVELS)
        level = self.one(request.form.get("id"))
        try:
            flash(f"已删除等级{_deleted(level)}")
        except DomainError as refusal:
            flash("。".join(filter(None, (refusal.message, refusal.hint))), "error")
        return self._back()

    @page("/rules/", methods=("GET", "POST"))
    def rules(self) -> Response:
        """等级规则: any or all, of which time, and whether levels are kept."""
        access.need(Right.EDIT_LEVELS)
        form = RulesForm(sent(), obj=_merchant())
        if sent() is not None and form.validate():
            _save_rules(form)
            flash("已保存")
            return self._back()
        body = self.render("desk/level_rules.html", form=form, problems=[])
        return make_response(body, 422 if form.errors else 200)

    def _back(self) -> Response:
        return redirect(self.get_url(".index_view"))  # type: ignore[return-value]


@transactional
def _moved(level_id: int, steps: int) -> None:
    level = level_list.move(level_id, steps=steps)
    access.record("level.move", f"等级 {level.name}", after={"place": level.position + 1})


@transactional
def _deleted(level: MemberLevel) -> str:
    _refuse_if_named(level, "删除")
    before = _facts(level)
    name = level_list.delete(level.id)
    access.record("level.delete", f"等级 {name}", before=before)
    return name


@transactional
def _save_rules(form: RulesForm) -> None:
    merchant = _merchant()
    before: Facts = {name: getattr(merchant, name) for name in _RULES}
    for name in _RULES:
        setattr(merchant, name, form[name].data)
    if merchant.levels_keep != before["levels_keep"]:
        levels.begin_period(merchant, now=clock.now())
    after: Facts = {name: getattr(merchant, name) for name in _RULES}
    access.record("level.rules", "等级规则", before=before, after=after)


def _refuse_if_named(level: MemberLevel, action: str) -> None:
    """Campaigns name levels in their rules: such a level keeps its name."""
    used = db.session.scalars(
        select(Campaign.name)
        .where(Campaign.state != "ended", queries.lists_one_of(Campaign.settings, [level.name]))
        .limit(1)
    ).first()
    if used is not None:
        raise LevelInUse(level=level.name, action=action, why=f"活动“{used}”的规则用到了它")


def _merchant() -> Merchant:
    return db.session.scalars(select(Merchant).where(Merchant.id == access.shop().id)).one()


def _facts(level: MemberLevel) -> Facts:
    return {
        "name": level.name,
        "discount_bp": level.discount_bp,
        "upgrade": dict(level.upgrade),
        "rights": level.rights,
    }
