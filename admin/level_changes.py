"""等级变更记录: who moved between levels, why and when; and moving one by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement

from admin import access, causes, member_filters, queries
from admin.base import SecureModelView, Tab
from admin.causes import Cause
from admin.columns import Column, Word, instant, phones, status
from admin.filters import Choice, DayRange
from admin.queries import Person
from admin.rights import Right
from backend.database import transactional
from backend.members.level_history import GIVEN
from backend.members.levels import all_levels
from backend.members.models import LevelChange
from backend.membership import levels

_DIRECTIONS = {"up": Word("升级", "ok"), "down": Word("降级", "warn"), "kept": Word("保持", "info")}
_WHY = (
    ("bill-", "结账"),
    ("recharge-", "充值"),
    ("reversal-", "撤销充值"),
    ("refund-", "退款"),
    ("review-", "保级评定"),
    ("join-", "会员合并"),
    (GIVEN, "手工调整或导入"),
)


@dataclass(frozen=True)
class LevelChangeRow:
    """等级变更 as the list shows it."""

    id: int
    at: datetime
    member: Person
    phone: str | None
    before: str
    after: str
    direction: str
    cause: Cause
    store: str
    note: str


def _level_choices() -> list[tuple[str, str]]:
    return [(str(level.id), level.name) for level in all_levels()]


class LevelChanges(SecureModelView):
    """等级变更."""

    right = Right.LEVELS
    icon = "fa-exchange"
    noun = "等级变更"
    empty_help = "会员升级、降级或被手工调整等级后就会出现在这里"
    can_export = True
    tabs = (
        Tab("", "全部"),
        Tab("auto", "自动", lambda _now: ~LevelChange.cause.startswith(GIVEN)),
        Tab("hand", "手工调整或导入", lambda _now: LevelChange.cause.startswith(GIVEN)),
    )
    columns = (
        instant("at", "时间", sort=LevelChange.at),
        causes.who(),
        phones(),
        Column("before", "原等级"),
        Column("after", "新等级"),
        status("direction", "变更", _DIRECTIONS),
        causes.column(),
        Column("store", "门店"),
        Column("note", "备注", css="wrap"),
    )
    column_filters = (
        member_filters.by_phone(LevelChange),
        member_filters.by_number(LevelChange),
        Choice(
            "新等级", lambda value: LevelChange.after_level_id == int(value), options=_level_choices
        ),
        Choice("原因", lambda value: LevelChange.cause.startswith(value), options=_WHY),
        DayRange("时间", LevelChange.at),
    )

    def visible(self) -> Sequence[ColumnElement[bool]]:
        return member_filters.at_stores(LevelChange, access.desk().stores)

    def order(self) -> Sequence[Any]:
        return (LevelChange.at.desc(), LevelChange.id.desc())

    def rows(self, found: Sequence[LevelChange]) -> list[LevelChangeRow]:
        people = queries.people({change.member_id for change in found})
        why = causes.told({change.cause for change in found})
        known = {level.id: level for level in all_levels()}
        return [
            LevelChangeRow(
                id=change.id,
                at=change.at,
                member=people[change.member_id],
                phone=people[change.member_id].phone,
                before=known[change.before_level_id].name if change.before_level_id else "",
                after=known[change.after_level_id].name,
                direction=_direction(
                    known[change.before_level_id].position if change.before_level_id else -1,
                    known[change.after_level_id].position,
                ),
                cause=_given(change) or why[change.cause],
                store=why[change.cause].store,
                note=" · ".join(part for part in (change.reason, change.actor) if part),
            )
            for change in found
        ]


def _given(change: LevelChange) -> Cause | None:
    """Whoever gives by hand signs it; an import does not."""
    if not change.cause.startswith(GIVEN):
        return None
    return Cause("手工调整" if change.actor else "会员导入")


def _direction(before: int, after: int) -> str:
    return "up" if after > before else "down" if after < before else "kept"


@transactional
def give(member_id: int, level_id: int, *, reason: str, now: datetime) -> bool:
    """手工调整等级, written down with its reason; False: it was given already."""
    move = levels.give(member_id, level_id, reason=reason, actor=access.desk().actor, now=now)
    if move is None:
        return False
    access.record(
        "member.level",
        f"会员 {move.member_id}",
        before={"level": move.before.name if move.before else ""},
        after={"level": move.after.name, "reason": reason},
    )
    return True
