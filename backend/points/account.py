"""积分账户: a member's row held, what is due expired, entries written under the guard.

Only ``points/ledger.py`` and its like in this package call it. Whoever holds the row is the only
one to write this member's entries, so ``seq`` has no gaps and ``balance_after`` is a chain.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Row, bindparam, case, exists, func, insert, not_, select, update

from backend import requesting, tenancy
from backend.database import MetAnother, changed, db, table_of
from backend.members import held
from backend.members.held import Held
from backend.members.models import Member
from backend.members.queries import persons
from backend.points import lots
from backend.points.models import EntryKind, PointsEntry

_members, _entries = table_of(Member), table_of(PointsEntry)

_SHOWN = tuple(
    _entries.c[name]
    for name in (
        "id", "member_id", "seq", "change", "balance_after", "kind", "cause", "reverses_id",
    )
)  # fmt: skip
_COLUMNS = (
    "merchant_id", "member_id", "seq", "change", "balance_after", "kind", "cause", "reason",
    "actor", "at", "request_id", "reverses_id",
)  # fmt: skip
_WRITTEN = insert(_entries).returning(*_SHOWN)
_OF_CAUSE = select(*_SHOWN).where(
    _entries.c.merchant_id == bindparam("merchant"), _entries.c.cause == bindparam("cause")
)
_LAST_SEQ = (
    select(func.coalesce(func.max(_entries.c.seq), 0))
    .where(_entries.c.merchant_id == _members.c.merchant_id, _entries.c.member_id == _members.c.id)
    .correlate(_members)
    .scalar_subquery()
)
_ACCOUNTS = (
    select(_members.c.id, _members.c.points, _LAST_SEQ.label("seq"))
    .where(
        _members.c.merchant_id == bindparam("merchant"),
        _members.c.id.in_(bindparam("members", expanding=True)),
    )
    .order_by(_members.c.id)
)
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
    .returning(*_SHOWN)
)


@dataclass(frozen=True)
class Entry:
    """积分流水, as written."""

    id: int
    member_id: int
    seq: int
    change: int
    balance_after: int
    kind: EntryKind
    cause: str
    reverses_id: int | None


@dataclass(frozen=True)
class Posting:
    """An entry about to be written. Without a ``cause`` it has one of its member and ``seq``."""

    member_id: int
    change: int
    kind: EntryKind
    cause: str = ""
    reason: str = ""
    actor: str = ""
    reverses_id: int | None = None


@dataclass(frozen=True)
class _Account:
    id: int
    points: int
    seq: int


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
    merchant_id, after = tenancy.merchant_id(), _after(posting)
    moved = {
        "merchant": merchant_id,
        "member": posting.member_id,
        "change": posting.change,
        "cause": posting.cause,
        "at": now,
    }
    if not changed(_IF_CLEAR, moved):
        return None
    held.keep(after)
    written = {**_row(posting, after.points, now=now), "merchant": merchant_id}
    row = db.session.connection().execute(_NEXT, {**written, "member": posting.member_id}).one()
    return _entry(row)


def post(postings: Sequence[Posting], *, now: datetime) -> list[Entry]:
    """Write entries, one per member at most, and move their points; never below zero."""
    if not postings:
        return []
    by_member = {posting.member_id: posting for posting in postings}
    _move({posting.member_id: posting.change for posting in postings})
    written: list[dict[str, object]] = []
    for row in _accounts(by_member):
        posting, seq = by_member[row.id], row.seq + 1
        spelt = posting.cause or f"{posting.kind}-{row.id}-{seq}"
        written.append({**_row(posting, row.points, now=now), "seq": seq, "cause": spelt})
    rows = db.session.connection().execute(_WRITTEN, written)
    return sorted((_entry(row) for row in rows), key=lambda entry: entry.member_id)


def opened(member_ids: Collection[int]) -> set[int]:
    """Those of these survivors who were given their opening figure, under any of their ids."""
    everybody = persons(member_ids)
    causes = {opening(id): survivor for survivor, ids in everybody.items() for id in ids}
    found = select(_entries.c.cause).where(
        _entries.c.merchant_id == tenancy.merchant_id(), _entries.c.cause.in_(causes)
    )
    return {causes[cause] for cause in db.session.connection().scalars(found)}


def opening(member_id: int) -> str:
    """The cause of 期初: once for a member (R-24)."""
    return f"opening-{member_id}"


def entry_of(cause: str) -> Entry | None:
    """The entry of a cause, which happens once."""
    asked = {"merchant": tenancy.merchant_id(), "cause": cause}
    row = db.session.connection().execute(_OF_CAUSE, asked).one_or_none()
    return None if row is None else _entry(row)


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
    total = db.session.connection().scalar(
        select(func.coalesce(func.sum(_entries.c.change), 0)).where(
            tenancy.owner(_entries) == tenancy.merchant_id(), _entries.c.reverses_id == entry_id
        )
    )
    return abs(int(total or 0))


def reversing(entry_id: int) -> list[int]:
    """An entry and those that reversed parts of it."""
    return [
        entry_id,
        *db.session.connection().scalars(
            select(_entries.c.id).where(
                tenancy.owner(_entries) == tenancy.merchant_id(), _entries.c.reverses_id == entry_id
            )
        ),
    ]


def _expire(due: Sequence[lots.Due], *, now: datetime) -> None:
    """One entry per member for all of their lots that are due; their rows are held."""
    entries = post(
        [Posting(each.member_id, -each.points, EntryKind.EXPIRE) for each in due], now=now
    )
    by_member = {entry.member_id: entry.id for entry in entries}
    lots.empty([lot for each in due for lot in each.lots], by=by_member, now=now)


def _move(changes: dict[int, int]) -> None:
    """The guard: points never fall below zero, whatever was read before."""
    change = case(changes, value=_members.c.id)
    moved = changed(
        update(_members)
        .where(
            _members.c.merchant_id == tenancy.merchant_id(),
            _members.c.id.in_(changes),
            _members.c.points + change >= 0,
        )
        .values(points=_members.c.points + change)
    )
    if moved != len(changes):
        raise MetAnother("points were moved by somebody else")
    for each in held.hold(changes).values():
        held.keep(replace(each, points=each.points + changes[each.id]))


def _after(posting: Posting) -> Held:
    before = held.person(posting.member_id)
    return replace(before, points=before.points + posting.change)


def _row(posting: Posting, balance_after: int, *, now: datetime) -> dict[str, object]:
    return {
        "merchant_id": tenancy.merchant_id(),
        "member_id": posting.member_id,
        "change": posting.change,
        "balance_after": balance_after,
        "kind": posting.kind.value,
        "cause": posting.cause,
        "reason": posting.reason,
        "actor": posting.actor,
        "at": now,
        "request_id": requesting.request_id(),
        "reverses_id": posting.reverses_id,
    }


def _accounts(member_ids: Iterable[int]) -> list[_Account]:
    asked = {"merchant": tenancy.merchant_id(), "members": list(member_ids)}
    rows = db.session.connection().execute(_ACCOUNTS, asked)
    return [_Account(*row) for row in rows]


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    return Entry(**{**row._mapping, "kind": EntryKind(row.kind)})
