"""会员等级维护: what the merchant's levels are and in which order. The first is everybody's start.

Positions are 0, 1, 2 … without gaps. Members are judged anew at their next bill, recharge or
review, not when a figure is changed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import func, or_, select

from backend.database import db, transactional
from backend.members.errors import (
    LastLevel,
    LevelHasMembers,
    LevelInUse,
    LevelNameTaken,
    LevelNotFound,
)
from backend.members.levels import Figures, Level
from backend.members.models import LevelChange, Member, MemberLevel


@dataclass(frozen=True)
class Terms:
    """What a level asks for and gives; ``discount_bp`` is what of a bill is still paid."""

    name: str
    discount_bp: int = 10000
    upgrade: Figures = Figures()
    rights: str = ""


@transactional
def save(level_id: int | None, terms: Terms) -> MemberLevel:
    """新建 above all others, or change; LevelNotFound, LevelNameTaken."""
    levels = _held()
    level = None if level_id is None else _one_of(levels, level_id)
    if any(each is not level and each.name == terms.name for each in levels):
        raise LevelNameTaken(level=terms.name)
    if level is None:
        level = MemberLevel(position=len(levels))
        db.session.add(level)
    level.name, level.discount_bp, level.rights = terms.name, terms.discount_bp, terms.rights
    figures = asdict(terms.upgrade)
    level.upgrade = {name: value for name, value in figures.items() if value is not None}
    db.session.flush()
    return level


@transactional
def move(level_id: int, *, steps: int) -> MemberLevel:
    """上移 (-1) or 下移 (+1) in the order; at the end it stays where it is."""
    levels = _held()
    level = _one_of(levels, level_id)
    place = levels.index(level)
    levels.insert(min(max(place + steps, 0), len(levels) - 1), levels.pop(place))
    _number(levels)
    return level


@transactional
def delete(level_id: int) -> str:
    """删除 one that nobody has and no history names; its name. LevelHasMembers, LevelInUse,
    LastLevel."""
    levels = _held()
    level = _one_of(levels, level_id)
    if len(levels) == 1:
        raise LastLevel()
    if n := _count(Member.level_id == level.id, Member.alias_of_id.is_(None)):
        raise LevelHasMembers(n=n, level=level.name)
    named = db.session.scalar(
        select(func.count(LevelChange.id)).where(
            or_(LevelChange.before_level_id == level.id, LevelChange.after_level_id == level.id)
        )
    )
    if named or _count(Member.level_id == level.id):
        raise LevelInUse(
            level=level.name, action="删除", why="等级变更记录里有它，可以改名或改条件"
        )
    levels.remove(level)
    db.session.delete(level)
    db.session.flush()
    _number(levels)
    return level.name


def not_rising(levels: Sequence[Level]) -> list[str]:
    """Names of levels that ask for no more than one below them; they would be passed over."""
    found = []
    for below, level in zip(levels, levels[1:], strict=False):
        pairs = level.upgrade.pairs(below.upgrade)
        if any(needed <= other for needed, other in pairs if other):
            found.append(level.name)
    return found


def _held() -> list[MemberLevel]:
    return list(
        db.session.scalars(
            select(MemberLevel).order_by(MemberLevel.position, MemberLevel.id).with_for_update()
        )
    )


def _one_of(levels: Sequence[MemberLevel], level_id: int) -> MemberLevel:
    level = next((each for each in levels if each.id == level_id), None)
    if level is None:
        raise LevelNotFound()
    return level


def _count(*conditions: object) -> int:
    return (
        db.session.scalar(select(func.count(Member.id)).where(*conditions)) or 0  # type: ignore[arg-type]
    )


def _number(levels: Sequence[MemberLevel]) -> None:
    for position, level in enumerate(levels):
        level.position = position
    db.session.flush()
