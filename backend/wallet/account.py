"""储值账户: a member's row held, entries written under the guard.

Only this package calls it. Whoever holds the row is the only one to write this member's entries.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Row, case, func, insert, select, update

from backend import requesting, tenancy
from backend.database import MetAnother, changed, db, table_of
from backend.members import held
from backend.members.models import Member
from backend.members.queries import persons
from backend.wallet.models import EntryKind, WalletEntry
from backend.wallet.parts import Parts

_members, _entries = table_of(Member), table_of(WalletEntry)


@dataclass(frozen=True)
class Entry:
    """储值流水, as written: the change and what was there after it."""

    id: int
    member_id: int
    change: Parts
    after: Parts
    kind: EntryKind
    cause: str


@dataclass(frozen=True)
class Posting:
    """An entry about to be written. Without a ``cause`` it has one of its member and ``seq``."""

    member_id: int
    change: Parts
    kind: EntryKind
    cause: str = ""
    reason: str = ""
    actor: str = ""
    reverses_id: int | None = None


@dataclass(frozen=True)
class _Account:
    member_id: int
    principal_fen: int
    bonus_fen: int
    seq: int


def hold(member_ids: Iterable[int]) -> Mapping[int, Parts]:
    """The balances of these members, nobody else's to change until we commit.

    MetAnother when one of them was joined into somebody meanwhile.
    """
    return {
        each.id: Parts(each.principal_fen, each.bonus_fen)
        for each in held.hold(member_ids).values()
    }


def post(postings: Sequence[Posting], *, now: datetime) -> list[Entry]:
    """Write entries, one per member at most, and move their balances; no part falls below zero."""
    if not postings:
        return []
    by_member = {posting.member_id: posting for posting in postings}
    _move(by_member)
    written: list[dict[str, object]] = []
    for account in _accounts(by_member):
        posting, seq = by_member[account.member_id], account.seq + 1
        written.append(
            {
                "merchant_id": tenancy.merchant_id(),
                "member_id": account.member_id,
                "seq": seq,
                "principal_fen": posting.change.principal_fen,
                "bonus_fen": posting.change.bonus_fen,
                "principal_after": account.principal_fen,
                "bonus_after": account.bonus_fen,
                "kind": posting.kind.value,
                "cause": posting.cause or f"{posting.kind}-{account.member_id}-{seq}",
                "reason": posting.reason,
                "actor": posting.actor,
                "at": now,
                "request_id": requesting.request_id(),
                "reverses_id": posting.reverses_id,
            }
        )
    rows = db.session.connection().execute(insert(_entries).returning(_entries), written)
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
    row = (
        db.session.connection()
        .execute(
            select(_entries).where(
                _entries.c.merchant_id == tenancy.merchant_id(), _entries.c.cause == cause
            )
        )
        .one_or_none()
    )
    return None if row is None else _entry(row)


def given_back_so_far(entry_id: int) -> Parts:
    """What of a payment came back already."""
    row = (
        db.session.connection()
        .execute(
            select(
                func.coalesce(func.sum(_entries.c.principal_fen), 0),
                func.coalesce(func.sum(_entries.c.bonus_fen), 0),
            ).where(
                tenancy.owner(_entries) == tenancy.merchant_id(), _entries.c.reverses_id == entry_id
            )
        )
        .one()
    )
    return Parts(int(row[0]), int(row[1]))


def reversal_of(entry_id: int) -> Entry | None:
    """The entry that took a recharge back."""
    row = (
        db.session.connection()
        .execute(
            select(_entries).where(
                tenancy.owner(_entries) == tenancy.merchant_id(), _entries.c.reverses_id == entry_id
            )
        )
        .one_or_none()
    )
    return None if row is None else _entry(row)


def _move(postings: Mapping[int, Posting]) -> None:
    """The guard: neither part falls below zero, whatever was read before."""

    def change(of: Callable[[Posting], int]) -> ColumnElement[int]:
        return case({each.member_id: of(each) for each in postings.values()}, value=_members.c.id)

    principal = _members.c.principal_fen + change(lambda posting: posting.change.principal_fen)
    bonus = _members.c.bonus_fen + change(lambda posting: posting.change.bonus_fen)
    moved = changed(
        update(_members)
        .where(
            _members.c.merchant_id == tenancy.merchant_id(),
            _members.c.id.in_(postings),
            principal >= 0,
            bonus >= 0,
        )
        .values(
            principal_fen=principal,
            bonus_fen=bonus,
            recharged_fen=_members.c.recharged_fen + change(_recharged_fen),
        )
    )
    if moved != len(postings):
        raise MetAnother("the balance was moved by somebody else")
    for each in held.hold(postings).values():
        posting = postings[each.id]
        held.keep(
            replace(
                each,
                principal_fen=each.principal_fen + posting.change.principal_fen,
                bonus_fen=each.bonus_fen + posting.change.bonus_fen,
                recharged_fen=each.recharged_fen + _recharged_fen(posting),
            )
        )


def _recharged_fen(posting: Posting) -> int:
    counts = posting.kind in (EntryKind.RECHARGE, EntryKind.REVERSE)
    return posting.change.principal_fen if counts else 0


def _accounts(member_ids: Iterable[int]) -> list[_Account]:
    last = (
        select(func.coalesce(func.max(_entries.c.seq), 0))
        .where(
            _entries.c.merchant_id == _members.c.merchant_id, _entries.c.member_id == _members.c.id
        )
        .correlate(_members)
        .scalar_subquery()
    )
    rows = db.session.connection().execute(
        select(_members.c.id, _members.c.principal_fen, _members.c.bonus_fen, last.label("seq"))
        .where(_members.c.merchant_id == tenancy.merchant_id(), _members.c.id.in_(list(member_ids)))
        .order_by(_members.c.id)
    )
    return [_Account(*row) for row in rows]


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    return Entry(
        id=row.id,
        member_id=row.member_id,
        change=Parts(row.principal_fen, row.bonus_fen),
        after=Parts(row.principal_after, row.bonus_after),
        kind=EntryKind(row.kind),
        cause=row.cause,
    )
