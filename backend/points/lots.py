"""积分批次: what points are made of. First in, first out; a lot past its end is never used.

The member's row is held by the caller (``points/account.py``).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice

from sqlalchemy import bindparam, case, exists, func, insert, literal_column, or_, select, update

from backend import tenancy
from backend.database import MetAnother, UtcDateTime, changed, db, table_of
from backend.merchants.house import house
from backend.merchants.settings import PointsSettings
from backend.points.expiry import expires_at
from backend.points.models import PointsLot, PointsLotUse

_lots, _uses = table_of(PointsLot), table_of(PointsLotUse)

HAS_LEFT = _lots.c.remaining > literal_column("0")
"""Of which something is left; spelt as in the indexes of what is due."""

_AT_ONCE = 500
"""Lots that one statement moves: what a database takes of parameters ends."""

_NEW = insert(_lots)
_IS_OVER = (
    _lots.c.merchant_id == bindparam("merchant"),
    HAS_LEFT,
    _lots.c.expires_at <= bindparam("at", type_=UtcDateTime()),
)
_OVER = (
    select(_lots.c.id, _lots.c.member_id, _lots.c.remaining)
    .where(*_IS_OVER, _lots.c.member_id.in_(bindparam("members", expanding=True)))
    .order_by(_lots.c.member_id, _lots.c.id)
)
DUE = exists().where(*_IS_OVER, _lots.c.member_id == bindparam("member"))
"""Something of one member's is over, as a condition: ``merchant``, ``member``, ``at``."""


@dataclass(frozen=True)
class Lot:
    """A lot with what is left of it."""

    id: int
    member_id: int
    remaining: int


@dataclass(frozen=True)
class Brought:
    """The lot of one earning: what is left of it, and what it owes (R-25)."""

    id: int
    remaining: int
    owed: int


@dataclass(frozen=True)
class Debt:
    """What came back into a lot and was owed by its earning."""

    lot_id: int
    earned_by: int
    points: int


@dataclass(frozen=True)
class Due:
    """What of a member's points is over."""

    member_id: int
    lots: tuple[Lot, ...]

    @property
    def points(self) -> int:
        """How many."""
        return sum(lot.remaining for lot in self.lots)


def open_lots(brought: Iterable[tuple[int, int, int]], *, now: datetime) -> None:
    """New lots, each (entry, member, points), good until the merchant's rule says."""
    merchant_id = tenancy.merchant_id()
    until = expires_at(now, expiry=house().settings(PointsSettings).expiry, zone=house().zone)
    rows = [
        {
            "merchant_id": merchant_id,
            "member_id": member_id,
            "points_entry_id": entry_id,
            "points": points,
            "remaining": points,
            "earned_at": now,
            "expires_at": until,
        }
        for entry_id, member_id, points in brought
    ]
    if rows:
        db.session.connection().execute(_NEW, rows)


def take(points: int, *, member_id: int, entry_id: int, now: datetime) -> None:
    """Use ``points``, oldest first."""
    take_each({member_id: points}, by={member_id: entry_id}, now=now)


def take_each(points: Mapping[int, int], *, by: Mapping[int, int], now: datetime) -> None:
    """Use so many of each of these members, oldest first; ``by`` is each one's entry."""
    taken, entries, missing = {}, {}, dict(points)
    for lot in _usable(missing, now=now):
        if part := min(lot.remaining, missing[lot.member_id]):
            taken[lot.id], entries[lot.id] = part, by[lot.member_id]
            missing[lot.member_id] -= part
    if any(missing.values()):
        raise MetAnother("lots do not add up to the points")
    _use(taken, entries, now=now)


def put_back(points: int, *, entry_id: int, taken_by: Sequence[int], now: datetime) -> list[Debt]:
    """Refill the lots which the entries ``taken_by`` took from, the last one used first: what
    comes back is as old as it was. What of it is owed (``give_up`` takes it)."""
    used = db.session.connection().execute(
        select(
            _uses.c.lot_id,
            func.sum(_uses.c.points).label("points"),
            func.max(_lots.c.points_entry_id).label("earned_by"),
            func.max(_lots.c.owed).label("owed"),
        )
        .join(_lots, _lots.c.id == _uses.c.lot_id)
        .where(_uses.c.merchant_id == tenancy.merchant_id(), _uses.c.points_entry_id.in_(taken_by))
        .group_by(_uses.c.lot_id)
        .order_by(func.min(_uses.c.id).desc())
    )
    back, debts, missing = {}, [], points
    for row in used:
        if part := min(int(row.points), missing):
            back[row.lot_id] = -part
            missing -= part
            if row.owed:
                debts.append(Debt(row.lot_id, row.earned_by, min(row.owed, part)))
    if missing:
        raise MetAnother("more would come back than was taken")
    _use(back, dict.fromkeys(back, entry_id), now=now)
    return debts


def brought_by(entry_id: int) -> Brought:
    """The lot of an earning."""
    row = db.session.connection().execute(
        select(_lots.c.id, _lots.c.remaining, _lots.c.owed).where(
            _lots.c.merchant_id == tenancy.merchant_id(), _lots.c.points_entry_id == entry_id
        )
    )
    return Brought(*row.one())


def give_up(lot_id: int, points: int, *, owed: int, entry_id: int, now: datetime) -> None:
    """A lot loses ``points`` to the reversal of its earning, and owes so many more, or fewer."""
    moved = changed(
        update(_lots)
        .where(
            _lots.c.merchant_id == tenancy.merchant_id(),
            _lots.c.id == lot_id,
            _lots.c.remaining >= points,
            _lots.c.owed + owed >= 0,
        )
        .values(remaining=_lots.c.remaining - points, owed=_lots.c.owed + owed)
    )
    if not moved:
        raise MetAnother("a lot was used by somebody else")
    if points:
        _note({lot_id: points}, {lot_id: entry_id}, now=now)


def due(member_ids: Sequence[int], *, now: datetime) -> list[Due]:
    """Which of these members have points that are over."""
    asked = {"merchant": tenancy.merchant_id(), "members": member_ids, "at": now}
    rows = db.session.connection().execute(_OVER, asked)
    found = (Lot(*row) for row in rows)
    return [
        Due(member_id, tuple(group))
        for member_id, group in groupby(found, lambda lot: lot.member_id)
    ]


def members_with_due(*, now: datetime, most: int) -> list[int]:
    """Some members of the merchant who have points that are over: whose lots were over first."""
    over = db.session.connection().scalars(
        select(_lots.c.member_id)
        .where(
            _lots.c.merchant_id == tenancy.merchant_id(),
            HAS_LEFT,
            _lots.c.expires_at <= now,
        )
        .order_by(_lots.c.expires_at)
        .limit(most)
    )
    return sorted(set(over))


def empty(lots: Sequence[Lot], *, by: Mapping[int, int], now: datetime) -> None:
    """Nothing is left of these lots; ``by`` is the entry of each member that says so."""
    _use(
        {lot.id: lot.remaining for lot in lots},
        {lot.id: by[lot.member_id] for lot in lots},
        now=now,
    )


def hand_over(joined_id: int, kept_id: int) -> None:
    """合并: lots go to the survivor and keep their age."""
    changed(
        update(_lots)
        .where(_lots.c.merchant_id == tenancy.merchant_id(), _lots.c.member_id == joined_id)
        .values(member_id=kept_id)
    )


def _usable(member_ids: Collection[int], *, now: datetime) -> list[Lot]:
    rows = db.session.connection().execute(
        select(_lots.c.id, _lots.c.member_id, _lots.c.remaining)
        .where(
            _lots.c.merchant_id == tenancy.merchant_id(),
            _lots.c.member_id.in_(member_ids),
            HAS_LEFT,
            or_(_lots.c.expires_at.is_(None), _lots.c.expires_at > now),
        )
        .order_by(_lots.c.earned_at, _lots.c.id)
    )
    return [Lot(*row) for row in rows]


def _use(taken: Mapping[int, int], entries: Mapping[int, int], *, now: datetime) -> None:
    """Move what is left of lots, and say by which entry; a lot is never overdrawn or overfull."""
    parts = iter(taken.items())
    while part := dict(islice(parts, _AT_ONCE)):
        after = _lots.c.remaining - case(part, value=_lots.c.id)
        moved = changed(
            update(_lots)
            .where(
                _lots.c.merchant_id == tenancy.merchant_id(),
                _lots.c.id.in_(part),
                after.between(0, _lots.c.points),
            )
            .values(remaining=after)
        )
        if moved != len(part):
            raise MetAnother("a lot was used by somebody else")
        _note(part, entries, now=now)


def _note(taken: Mapping[int, int], entries: Mapping[int, int], *, now: datetime) -> None:
    """批次使用: which entry took what of which lot."""
    db.session.connection().execute(
        insert(_uses),
        [
            {
                "merchant_id": tenancy.merchant_id(),
                "lot_id": lot_id,
                "points_entry_id": entries[lot_id],
                "points": points,
                "at": now,
            }
            for lot_id, points in taken.items()
        ],
    )
