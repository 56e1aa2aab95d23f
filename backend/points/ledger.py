"""积分账: the one writer of points. Every change is an entry with a cause that happens once.

A cause that was seen before answers its entry again and changes nothing. One person's entries queue
up at the member's row; points that are over expire before anything else is done.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from backend.database import transactional
from backend.ledger.ledger import opening
from backend.members.held import person
from backend.points import lots, owed
from backend.points.account import (
    Entry,
    Posting,
    book,
    hold,
    post_if_clear,
    rename,
    reversed_so_far,
    reversing,
)
from backend.points.errors import PointsInsufficient
from backend.points.models import EntryKind


@transactional
def earn(member_id: int, points: int, *, cause: str, now: datetime) -> Entry | None:
    """得积分. None for no points."""
    if points <= 0:
        return None
    return _once(Posting(member_id, points, EntryKind.EARN, cause), now=now)


@transactional
def spend(member_id: int, points: int, *, cause: str, now: datetime) -> Entry | None:
    """用积分, oldest first; PointsInsufficient says how many are missing. None for no points."""
    if points <= 0:
        return None
    return _once(Posting(member_id, -points, EntryKind.SPEND, cause), now=now)


@transactional
def adjust(
    member_id: int, points: int, *, cause: str, reason: str, actor: str, now: datetime
) -> Entry | None:
    """增减积分 by hand, never below zero. None for no points."""
    if points == 0:
        return None
    posting = Posting(member_id, points, EntryKind.ADJUST, cause, reason=reason, actor=actor)
    return _once(posting, now=now)


@transactional
def reverse(
    cause_of_original: str, *, points: int | None = None, cause: str, now: datetime
) -> Entry | None:
    """冲回 all that is left of an entry, or ``points`` of it; None when there is no such entry.

    What was spent goes back into the lots it came from, as old as it was. What was earned is taken
    back from its own lot; what is missing there is owed by it until it comes back (R-25).
    """
    original = book.entry_of(cause_of_original)
    if original is None:
        return None
    member_id = person(original.member_id).id
    hold((member_id,), now=now)
    if earlier := book.entry_of(cause):
        return earlier
    so_far = reversed_so_far(original.id)
    if original.change > 0:
        return owed.take_back(
            original,
            points=points,
            reversed_already=so_far,
            member_id=member_id,
            cause=cause,
            now=now,
        )
    left = -original.change - so_far
    back = left if points is None else min(left, points)
    (entry,) = book.post(
        [Posting(member_id, back, EntryKind.REVERSE, cause, reverses_id=original.id)], now=now
    )
    debts = lots.put_back(back, entry_id=entry.id, taken_by=reversing(original.id), now=now)
    owed.collect(debts, member_id=member_id, cause=cause, now=now)
    return entry


@transactional
def hand_over(kept_as: str, points: int, *, cause: str, now: datetime) -> None:
    """预扣入账: what was taken under ``kept_as`` becomes the entry of ``cause``, so that spending
    for it takes nothing more; when it is not exactly so many points, it goes back."""
    kept = book.entry_of(kept_as)
    if kept is None:
        return
    if kept.change != -points or reversed_so_far(kept.id):
        reverse(kept_as, cause=f"{kept_as}-back", now=now)
        return
    rename(kept, cause)


@transactional
def expire_due(now: datetime, *, most: int = 200) -> int:
    """积分过期 at the merchant we act for, so many lots at most; how many members have less."""
    members = lots.members_with_due(now=now, most=most)
    if members:
        hold(members, now=now)
    return len(members)


@transactional
def open_with(figures: Mapping[int, int], *, reason: str, actor: str, now: datetime) -> None:
    """期初积分 of an earlier system, on top of what was earned here: once for a person, when first
    given, be it 0 (R-24). Two at once meet on the unique cause."""
    if not figures:
        return
    hold(figures, now=now)
    before = book.opened(figures)
    entries = book.post(
        [
            Posting(id, points, EntryKind.ADJUST, opening(id), reason=reason, actor=actor)
            for id, points in figures.items()
            if id not in before
        ],
        now=now,
    )
    lots.open_lots(
        [(each.id, each.member_id, each.change) for each in entries if each.change], now=now
    )


@transactional
def set_to(figures: Mapping[int, int], *, reason: str, actor: str, now: datetime) -> None:
    """更正积分: bring members to these figures, by an adjustment."""
    has = hold(figures, now=now) if figures else {}
    entries = book.post(
        [
            Posting(member_id, gap, EntryKind.ADJUST, reason=reason, actor=actor)
            for member_id, figure in figures.items()
            if (gap := figure - has[member_id])
        ],
        now=now,
    )
    lots.open_lots(
        [(each.id, each.member_id, each.change) for each in entries if each.change > 0], now=now
    )
    fewer = [each for each in entries if each.change < 0]
    lots.take_each(
        {each.member_id: -each.change for each in fewer},
        by={each.member_id: each.id for each in fewer},
        now=now,
    )


@transactional
def join(joined_id: int, kept_id: int, *, now: datetime) -> None:
    """合并: a pair of entries moves the points; the lots go along and stay as old as they are."""
    moving = hold((joined_id, kept_id), now=now)[joined_id]
    if moving:
        out = Posting(joined_id, -moving, EntryKind.JOIN, f"join-{joined_id}-out")
        book.post([out, Posting(kept_id, moving, EntryKind.JOIN, f"join-{joined_id}-in")], now=now)
    lots.hand_over(joined_id, kept_id)


def _once(posting: Posting, *, now: datetime) -> Entry:
    """The entry of a cause, written now or before. Nearly always nothing stands against it, and
    it is written at once; else what is due expires, and we look."""
    posting = replace(posting, member_id=person(posting.member_id).id)
    entry = post_if_clear(posting, now=now)
    if entry is None:
        has = hold((posting.member_id,), now=now)[posting.member_id]
        if earlier := book.entry_of(posting.cause):
            return earlier
        if has + posting.change < 0:
            raise PointsInsufficient(n=-posting.change - has)
        (entry,) = book.post([posting], now=now)
    if entry.change > 0:
        lots.open_lots([(entry.id, entry.member_id, entry.change)], now=now)
    else:
        lots.take(-entry.change, member_id=entry.member_id, entry_id=entry.id, now=now)
    return entry
