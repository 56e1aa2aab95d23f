"""积分账户: a member's row held, what is due expired, entries written under the guard. Only
``points/ledger.py`` and its like in this package call it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, exists, func, insert, not_, select, update

from backend import tenancy
from backend.database import MetAnother, changed, db, table_of
from backend.ledger import ledger
from backend.ledger.ledger import Figure, Ledger
from backend.members import held
from backend.members.models import Member
from backend.points import lots
from backend.points.models import EntryKind, PointsEntry

Entry = ledger.Entry[int, EntryKind]
Posting = ledger.Posting[int, EntryKind]

_members, _entries = table_of(Member), table_of(PointsEntry)

book = Ledger(
    PointsEntry,
    EntryKind,
    Figure("points", change="change", after="balance_after"),
    parts=lambda points: (points,),
    whole=int,
)

_COLUMNS = (
    "merchant_id", "member_id", "seq", "change", "balance_after", "kind", "cause", "reason",
    "actor", "at", "request_id", "reverses_id",
)  # fmt: skip
_AFTER = _members.c.points + bindparam("change")
_IF_CLEAR = (
    update(_members)
    .where(
        _members.c.merchant_id == bindparam("merchant"),
        _members.c.id == bindparam("member"),
        _AFTER >= 0,
        not_(
            exists().where(
                _entries.c.merchant_id == bindparam("merchant"),
                _entries.c.cause == bindparam("cause"),
            )
        ),
        not_(lots.DUE),
    )
    .values(points=_AFTER)
)
"""Its cause is new, enough is there, and nothing of the member's is due."""
_NEXT_SEQ = (
    select(func.coalesce(func.max(_entries.c.seq), 0) + 1)
    .where(
        _entries.c.merchant_id == bindparam("merchant"), _entries.c.member_id == bindparam("member")
    )
    .scalar_subquery()
)
_NEXT = (
    insert(_entries)
    .from_select(
        _COLUMNS,
        select(
            *(
                _NEXT_SEQ if name == "seq" else bindparam(name, type_=_entries.c[name].type)
                for name in _COLUMNS
            )
        ),
    )
    .returning(*book.shown)
)


def hold(member_ids: Iterable[int], *, now: datetime) -> dict[int, int]:
    """The points of these members, nobody else's to change until we commit; what is due is gone.

    MetAnother when one of them was joined into somebody meanwhile.
    """
    wanted = sorted(set(member_ids))
    held.hold(wanted)
    if due := lots.due(wanted, now=now):
        _expire(due, now=now)
    return {member_id: each.points for member_id, each in held.hold(wanted).items()}


def post_if_clear(posting: Posting, *, now: datetime) -> Entry | None:
    """The entry of a new cause, of a member whom we hold; None where its cause is known, something
    of theirs is due, or there is not enough."""
    merchant_id, before = tenancy.merchant_id(), held.person(posting.member_id)
    points = before.points + posting.change
    moved = {
        "merchant": merchant_id,
        "member": posting.member_id,
        "change": posting.change,
        "cause": posting.cause,
        "at": now,
    }
    if not changed(_IF_CLEAR, moved):
        return None
    held.keep(replace(before, points=points))
    written = {**book.row(posting, (points,), now=now), "merchant": merchant_id}
    row = db.session.connection().execute(_NEXT, {**written, "member": posting.member_id}).one()
    return book.read(row)


def rename(entry: Entry, cause: str) -> None:
    """What was taken for something that had no number yet is called by its number now."""
    named = update(_entries).where(
        _entries.c.merchant_id == tenancy.merchant_id(),
        _entries.c.id == entry.id,
        _entries.c.cause == entry.cause,
    )
    if not changed(named.values(cause=cause)):
        raise MetAnother()


def reversed_so_far(entry_id: int) -> int:
    """How many points of an entry were reversed already."""
    return abs(book.reversed_so_far(entry_id))


def reversing(entry_id: int) -> list[int]:
    """An entry and those that reversed parts of it."""
    return [entry_id, *(each.id for each in book.reversals_of(entry_id))]


def _expire(due: Sequence[lots.Due], *, now: datetime) -> None:
    """One entry per member for all of their lots that are due; their rows are held."""
    entries = book.post(
        [Posting(each.member_id, -each.points, EntryKind.EXPIRE) for each in due], now=now
    )
    by_member = {entry.member_id: entry.id for entry in entries}
    lots.empty([lot for each in due for lot in each.lots], by=by_member, now=now)
