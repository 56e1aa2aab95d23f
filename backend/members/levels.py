"""会员等级: which one the figures have reached, what is missing for the next (S2-37…39)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, bindparam, func, select, update

from backend import tenancy
from backend.calendar import year_before
from backend.database import db, table_of, transactional
from backend.known import asked_once
from backend.members import level_history
from backend.members.errors import LevelNotFound
from backend.members.held import Held, keep, person
from backend.members.models import Member, MemberLevel, Recharge, Spending
from backend.merchants.house import house

_members, _levels = table_of(Member), table_of(MemberLevel)
_spending, _recharges = table_of(Spending), table_of(Recharge)

_STANDING = select(
    _members.c.level_id,
    _members.c.consumption_fen,
    _members.c.consumption_count,
    _members.c.recharged_fen,
)
_ALL = (
    select(_levels.c.id, _levels.c.position, _levels.c.name, _levels.c.upgrade)
    .where(_levels.c.merchant_id == bindparam("merchant"))
    .order_by(_levels.c.position, _levels.c.id)
)


class Match(StrEnum):
    """Any of a level's figures is enough, or all are needed."""

    ANY = "any"
    ALL = "all"


class Occasion(StrEnum):
    """What a judgement follows: something that came, something that went back (a refund, a
    reversed recharge), or the end of a period of 保级."""

    CAME = "came"
    WENT_BACK = "went_back"
    REVIEW = "review"


@dataclass(frozen=True)
class Figures:
    """累积: what a member consumed, how often, and recharged; or what is needed or missing."""

    amount_fen: int | None = None
    times: int | None = None
    recharge_fen: int | None = None

    def pairs(self, other: "Figures") -> list[tuple[int, int]]:
        """(needed, reached) of those figures that are named here."""
        named = (
            (self.amount_fen, other.amount_fen),
            (self.times, other.times),
            (self.recharge_fen, other.recharge_fen),
        )
        return [(needed, reached or 0) for needed, reached in named if needed is not None]


@dataclass(frozen=True)
class Level:
    """会员等级; without ``upgrade`` figures nobody rises to it by themselves."""

    id: int
    position: int
    name: str
    upgrade: Figures = Figures()


@dataclass(frozen=True)
class LevelMove:
    """等级变动 of one member; ``passed`` are the levels reached, the new one last."""

    member_id: int
    before: Level | None
    after: Level
    passed: tuple[Level, ...]
    change_id: int

    @property
    def is_up(self) -> bool:
        """升级, as against 降级."""
        return bool(self.passed)


@dataclass(frozen=True)
class Missing:
    """What is missing for the next level: any of the figures will do, or all are needed."""

    level: str
    match: Match
    figures: Figures


def level_reached(levels: Sequence[Level], figures: Figures, match: Match) -> Level | None:
    """The highest level whose figures are reached; several steps at once are possible.

    银卡 at 1000 元 or 10 次, 金卡 at 3000 元: 3200 元 → 金卡. A figure that is met exactly counts.
    """
    reached = [level for level in levels if _is_reached(level.upgrade, figures, match)]
    return max(reached, key=lambda level: level.position, default=None)


def missing_for(level: Level, figures: Figures, match: Match) -> Missing:
    """还差: 银卡 at 1000 元 or 10 次 after 900 元 and 9 次 → 100 元 or 1 次."""

    def left(needed: int | None, reached: int | None) -> int | None:
        return None if needed is None else max(needed - (reached or 0), 0)

    return Missing(
        level.name,
        match,
        Figures(
            left(level.upgrade.amount_fen, figures.amount_fen),
            left(level.upgrade.times, figures.times),
            left(level.upgrade.recharge_fen, figures.recharge_fen),
        ),
    )


@transactional
def judge(
    member_id: int,
    *,
    cause: str,
    occasion: Occasion = Occasion.CAME,
    also: int | None = None,
    now: datetime,
) -> LevelMove | None:
    """等级判定 after a bill, a recharge, a refund or at a review; a move is kept with its cause.

    Use cases call ``membership.levels.judge``, which tells the member too. What figures gave goes
    with what went back, unless 保级 keeps the level until its review; a level that was given by
    hand or by an import is never taken. What came only lifts. ``also`` is the level of a member who
    was joined into this one, which they keep.
    """
    rule, held, levels = _rule(), person(member_id), all_levels()
    current = _level(levels, held.level_id)
    figures = _figures(held.id, _in_all(held), rule, now=now)
    reached = level_reached(levels, figures, rule.match)
    least = _given(held.id, levels) if rule.may_fall(occasion) else current
    target = _highest(reached, least, _level(levels, also))
    if target is None or target == current or level_history.moved_before(held.id, cause):
        return None
    return _move(held, levels, (current, target), cause=cause, now=now)


@transactional
def give(
    member_id: int, level_id: int, *, reason: str, actor: str, now: datetime
) -> LevelMove | None:
    """手工调整等级: no refund and no review takes it away. None when it was given already;
    LevelNotFound."""
    held, levels = person(member_id), all_levels()
    current, target = _level(levels, held.level_id), _level(levels, level_id)
    if target is None:
        raise LevelNotFound()
    if target == current and _given(held.id, levels) == target:
        return None
    cause = level_history.given_cause()
    return _move(held, levels, (current, target), cause=cause, reason=reason, actor=actor, now=now)


def level_without(
    member_id: int, *, recharge_fen: int, recharged_at: datetime, now: datetime
) -> str | None:
    """The level by name that a member (nobody's alias) would have once a recharge went back, as
    ``judge`` would find; nothing moves."""
    stands = db.session.connection().execute(_STANDING.where(*_one(member_id))).one()
    rule, levels = _rule(), all_levels()
    figures = _figures(member_id, _in_all(stands), rule, now=now)
    if not rule.last_12_months or recharged_at > year_before(now, house().zone):
        figures = replace(figures, recharge_fen=(figures.recharge_fen or 0) - recharge_fen)
    current = _level(levels, stands.level_id)
    least = _given(member_id, levels) if rule.may_fall(Occasion.WENT_BACK) else current
    found = _highest(level_reached(levels, figures, rule.match), least) or current
    return None if found is None else found.name


def next_level(member_id: int, *, now: datetime) -> Missing | None:
    """离下一等级还差多少; None for who has the highest."""
    stands = db.session.connection().execute(_STANDING.where(*_one(member_id))).one()
    levels, rule = all_levels(), _rule()
    at = next((level.position for level in levels if level.id == stands.level_id), -1)
    above = [level for level in levels if level.position > at and level.upgrade != Figures()]
    if not above:
        return None
    return missing_for(above[0], _figures(member_id, _in_all(stands), rule, now=now), rule.match)


def all_levels() -> tuple[Level, ...]:
    """会员等级 of the merchant, the lowest first; asked once in a transaction."""
    merchant_id = tenancy.merchant_id()
    return asked_once(("levels", merchant_id), lambda: _read(merchant_id))


def level_name(level_id: int | None) -> str | None:
    """What a level is called."""
    level = _level(all_levels(), level_id)
    return None if level is None else level.name


def _read(merchant_id: int) -> tuple[Level, ...]:
    rows = db.session.connection().execute(_ALL, {"merchant": merchant_id})
    return tuple(
        Level(row.id, row.position, row.name, Figures(**(row.upgrade or {}))) for row in rows
    )


@dataclass(frozen=True)
class _Rule:
    match: Match
    last_12_months: bool
    keeps: bool

    def may_fall(self, occasion: Occasion) -> bool:
        return occasion is (Occasion.REVIEW if self.keeps else Occasion.WENT_BACK)


def _rule() -> _Rule:
    said = house()
    return _Rule(
        Match(said.levels_match), said.levels_period == "12_months", said.levels_keep != "none"
    )


def _in_all(stands: Held | Row[*tuple[Any, ...]]) -> Figures:
    return Figures(stands.consumption_fen, stands.consumption_count, stands.recharged_fen)


def _figures(member_id: int, in_all: Figures, rule: _Rule, *, now: datetime) -> Figures:
    """What counts: all there ever was, or that of the last 12 months."""
    if not rule.last_12_months:
        return in_all
    since = year_before(now, house().zone)
    recharged = select(func.coalesce(func.sum(_recharges.c.principal_fen), 0)).where(
        *_theirs(_recharges, member_id),
        _recharges.c.recharged_at > since,
        _recharges.c.reversed_at.is_(None),
    )
    row = (
        db.session.connection()
        .execute(
            select(
                func.coalesce(func.sum(_spending.c.paid_fen), 0),
                func.count(),
                recharged.scalar_subquery(),
            ).where(
                *_theirs(_spending, member_id),
                _spending.c.spent_at > since,
                _spending.c.reversed_at.is_(None),
            )
        )
        .one()
    )
    return Figures(*map(int, row))


def _highest(*levels: Level | None) -> Level | None:
    known = [level for level in levels if level is not None]
    return max(known, key=lambda level: level.position, default=None)


def _given(member_id: int, levels: Sequence[Level]) -> Level | None:
    given = level_history.given_ids(member_id)
    return max(
        (level for level in levels if level.id in given),
        key=lambda level: level.position,
        default=None,
    )


def _level(levels: Sequence[Level], level_id: int | None) -> Level | None:
    return next((level for level in levels if level.id == level_id), None)


def _move(
    held: Held,
    levels: Sequence[Level],
    step: tuple[Level | None, Level],
    *,
    cause: str,
    reason: str = "",
    actor: str = "",
    now: datetime,
) -> LevelMove:
    before, after = step
    db.session.connection().execute(
        update(_members).where(*_one(held.id)).values(level_id=after.id)
    )
    change_id = level_history.record(
        held.id,
        (None if before is None else before.id, after.id),
        cause=cause,
        reason=reason,
        actor=actor,
        now=now,
    )
    keep(replace(held, level_id=after.id))
    at = -1 if before is None else before.position
    passed = tuple(level for level in levels if at < level.position <= after.position)
    return LevelMove(held.id, before, after, passed, change_id)


def _is_reached(needed: Figures, figures: Figures, match: Match) -> bool:
    met = [reached >= wanted for wanted, reached in needed.pairs(figures)]
    return bool(met) and (any(met) if match is Match.ANY else all(met))


def _one(member_id: int) -> tuple[ColumnElement[bool], ...]:
    return _members.c.merchant_id == tenancy.merchant_id(), _members.c.id == member_id


def _theirs(table: Table, member_id: int) -> tuple[ColumnElement[bool], ...]:
    return table.c.merchant_id == tenancy.merchant_id(), table.c.member_id == member_id
