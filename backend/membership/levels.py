"""会员等级变动 as the member hears of it, and the review where levels are kept (S2-39)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select, update

from backend import tenancy
from backend.calendar import day_of, local
from backend.database import changed, db, table_of, transactional
from backend.members import levels
from backend.members.levels import LevelMove, Occasion
from backend.members.models import Member, MemberLevel
from backend.merchants.house import house
from backend.merchants.models import Merchant
from backend.messaging import outbox
from backend.messaging.models import Purpose

_members, _merchants, _levels = table_of(Member), table_of(Merchant), table_of(MemberLevel)

REVIEW_BATCH = 200


@transactional
def judge(
    member_id: int,
    *,
    cause: str,
    occasion: Occasion = Occasion.CAME,
    also: int | None = None,
    now: datetime,
) -> LevelMove | None:
    """等级判定 after a bill, a recharge, a refund or a join, and the message that tells of a move;
    a level that the person had already (``also``) is no news."""
    move = levels.judge(member_id, cause=cause, occasion=occasion, also=also, now=now)
    if move is not None and move.after.id != also:
        _tell(move, now=now)
    return move


@transactional
def give(
    member_id: int, level_id: int, *, reason: str, actor: str, now: datetime
) -> LevelMove | None:
    """手工调整等级, and the message of it where the level is another one."""
    move = levels.give(member_id, level_id, reason=reason, actor=actor, now=now)
    if move is not None and move.before != move.after:
        _tell(move, now=now)
    return move


def review_due(now: datetime) -> int:
    """保级: whoever's month or year is over is judged anew, once; how many moved.

    Acts for every merchant that keeps levels. What was cut off is done again from the beginning:
    a member is judged once per period. A shop that stood still over the end of a period, its
    first one too, is reviewed when it runs again.
    """
    moved = 0
    for merchant_id, kept, reviewed in _that_keep_levels():
        with tenancy.acting_for(merchant_id):
            period = _period(kept, now, house().zone)
            if reviewed < period:
                moved += _review(period, now=now)
                _done(merchant_id, period)
    return moved


def begin_period(merchant: Merchant, *, now: datetime) -> None:
    """保级 was chosen or changed, in the set-up file or at the desk: the period under way is the
    first one, so that its end is known also to a shop that stands still then."""
    merchant.levels_reviewed = _period(merchant.levels_keep, now, ZoneInfo(merchant.zone))


def _period(kept: str, now: datetime, here: ZoneInfo) -> str:
    today = day_of(now, here)
    return {"month": f"{today:%Y-%m}", "year": f"{today:%Y}"}.get(kept, "")


def _review(period: str, *, now: datetime) -> int:
    moved, last = 0, 0
    while batch := _above_the_first(after=last):
        moved += _judge_all(batch, period, now=now)
        last = batch[-1]
    return moved


@transactional
def _judge_all(member_ids: list[int], period: str, *, now: datetime) -> int:
    cause, occasion = f"review-{period}", Occasion.REVIEW
    moves = [judge(each, cause=cause, occasion=occasion, now=now) for each in member_ids]
    return sum(move is not None for move in moves)


def _above_the_first(*, after: int) -> list[int]:
    first = (
        select(_levels.c.id)
        .where(_levels.c.merchant_id == tenancy.merchant_id())
        .order_by(_levels.c.position, _levels.c.id)
        .limit(1)
        .scalar_subquery()
    )
    return list(
        db.session.connection().scalars(
            select(_members.c.id)
            .where(
                _members.c.merchant_id == tenancy.merchant_id(),
                _members.c.id > after,
                _members.c.alias_of_id.is_(None),
                _members.c.level_id != first,
            )
            .order_by(_members.c.id)
            .limit(REVIEW_BATCH)
        )
    )


def _that_keep_levels() -> list[tuple[int, str, str]]:
    with tenancy.across_merchants("the review looks for merchants that keep levels"):
        rows = db.session.connection().execute(
            select(_merchants.c.id, _merchants.c.levels_keep, _merchants.c.levels_reviewed)
            .where(or_(_merchants.c.levels_keep == "month", _merchants.c.levels_keep == "year"))
            .order_by(_merchants.c.id)
        )
        return [(row.id, row.levels_keep, row.levels_reviewed) for row in rows]


@transactional
def _done(merchant_id: int, period: str) -> None:
    changed(update(_merchants).where(_merchants.c.id == merchant_id).values(levels_reviewed=period))


def _tell(move: LevelMove, *, now: datetime) -> None:
    title = "会员升级" if move.is_up else "会员等级变动"
    was = "" if move.before is None else f"原等级{move.before.name}"
    outbox.queue(
        move.member_id,
        Purpose.LEVEL_CHANGED,
        {
            "title": title,
            "level": move.after.name,
            "merchant": house().name,
            "time": local(now, house().zone).isoformat(timespec="seconds"),
            "remark": was,
        },
        dedupe_key=f"level-{move.change_id}",
        now=now,
    )
