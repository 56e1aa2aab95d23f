"""积分查询: what a person has, and where it came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from backend import tenancy
from backend.database import db, table_of
from backend.members.models import Member
from backend.points.exchange import CAUSE as EXCHANGE
from backend.points.models import EntryKind, PointsEntry
from backend.points.owed import OWED

_members, _entries = table_of(Member), table_of(PointsEntry)

WORDS = {
    EntryKind.EARN: "获得积分",
    EntryKind.SPEND: "使用积分",
    EntryKind.ADJUST: "积分调整",
    EntryKind.REVERSE: "退款冲回",
    EntryKind.EXPIRE: "积分过期",
}


@dataclass(frozen=True)
class Movement:
    """积分明细: a line as the member sees it."""

    points: int
    cause: str
    kind: str
    at: datetime


@dataclass(frozen=True)
class History:
    """积分 of a person; ``next_cursor`` leads to older lines."""

    total: int
    items: list[Movement]
    next_cursor: str | None


def history(member_ids: Sequence[int], *, limit: int, before: int | None = None) -> History:
    """The newest first; what only moved between rows of one person is not told."""
    connection, merchant_id = db.session.connection(), tenancy.merchant_id()
    total = connection.scalar(
        select(_members.c.points).where(
            _members.c.merchant_id == merchant_id, _members.c.id == member_ids[0]
        )
    )
    wanted = select(
        _entries.c.id,
        _entries.c.change,
        _entries.c.kind,
        _entries.c.reason,
        _entries.c.cause,
        _entries.c.at,
    ).where(
        _entries.c.merchant_id == merchant_id,
        _entries.c.member_id.in_(member_ids),
        _entries.c.kind != EntryKind.JOIN,
        _entries.c.change != 0,
    )
    if before is not None:
        wanted = wanted.where(_entries.c.id < before)
    rows = connection.execute(wanted.order_by(_entries.c.id.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    return History(
        total=int(total or 0),
        items=[
            Movement(row.change, row.reason or in_words(row.kind, row.cause), row.kind, row.at)
            for row in shown
        ],
        next_cursor=str(shown[-1].id) if len(rows) > limit else None,
    )


def in_words(kind: str, cause: str) -> str:
    """What an entry is to the member, where nobody gave a reason."""
    if cause.startswith(EXCHANGE) and OWED not in cause:
        return "积分兑换" if kind == EntryKind.SPEND else "兑换未领取退回"
    return WORDS[EntryKind(kind)]
