"""欠回积分 (R-25): what a reversal could not take back of an earning is owed by that very earning.

Points of an earning are taken back from its own lot. What was spent meanwhile is written there as
owed, and goes as soon as it comes back into the lot, be it past its end by then: nobody takes it
from what other bills brought. The member's row is held by the caller (``points/ledger.py``).
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select

from backend import tenancy
from backend.database import db, table_of
from backend.points import lots
from backend.points.account import Entry, Posting, book
from backend.points.lots import Debt
from backend.points.models import EntryKind, PointsEntry

OWED = "-owed-"
"""What the cause of a debt that was paid has between what came back and the lot."""

_entries = table_of(PointsEntry)


def take_back(
    original: Entry, *, points: int | None, reversed_already: int, member_id: int, cause: str,
    now: datetime,
) -> Entry:  # fmt: skip
    """冲回所得: what is left of its lot goes, what is missing is owed.

    Earned 100 and spent 70 of them, all reversed: 30 go, 70 are owed.
    """
    lot = lots.brought_by(original.id)
    left = original.change - reversed_already - lot.owed
    wanted = left if points is None else min(left, points)
    taken = min(wanted, lot.remaining)
    entry = _write(-taken, of=original.id, member_id=member_id, cause=cause, now=now)
    lots.give_up(lot.id, taken, owed=wanted - taken, entry_id=entry.id, now=now)
    return entry


def collect(debts: Iterable[Debt], *, member_id: int, cause: str, now: datetime) -> None:
    """What came back into lots that owe it goes at once, an entry for each of their earnings."""
    for debt in debts:
        entry = _write(
            -debt.points,
            of=debt.earned_by,
            member_id=member_id,
            cause=f"{cause}{OWED}{debt.lot_id}",
            now=now,
        )
        lots.give_up(debt.lot_id, debt.points, owed=-debt.points, entry_id=entry.id, now=now)


def collected(came_back: Entry | None) -> int:
    """How many of the points that this entry brought back went at once to what was owed."""
    if came_back is None:
        return 0
    total = db.session.connection().scalar(
        select(func.coalesce(func.sum(_entries.c.change), 0)).where(
            _entries.c.merchant_id == tenancy.merchant_id(),
            _entries.c.member_id == came_back.member_id,
            _entries.c.id > came_back.id,
            _entries.c.kind == EntryKind.REVERSE,
            _entries.c.cause.startswith(f"{came_back.cause}{OWED}", autoescape=True),
        )
    )
    return -int(total or 0)


def _write(change: int, *, of: int, member_id: int, cause: str, now: datetime) -> Entry:
    posting = Posting(member_id, change, EntryKind.REVERSE, cause, reverses_id=of)
    (entry,) = book.post([posting], now=now)
    return entry
