"""流水: how figures of a member are moved, the same for 积分 and 储值.

Whoever holds the member's row (``members.held``) is the only one to write its entries, so ``seq``
has no gaps and what stood there ``after`` each is a chain. A cause happens once per merchant.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, bindparam, case, func, insert, select, update

from backend import requesting, tenancy
from backend.database import MetAnother, Model, changed, db, table_of
from backend.members import held
from backend.members.models import Member
from backend.members.queries import persons

C = TypeVar("C")
K = TypeVar("K", bound=StrEnum)

_members = table_of(Member)


@dataclass(frozen=True)
class Figure:
    """A member's figure, never below zero, and the columns of an entry that tell of it."""

    name: str
    change: str
    after: str


@dataclass(frozen=True)
class Posting(Generic[C, K]):
    """An entry about to be written. Without a ``cause`` it has one of its member and ``seq``."""

    member_id: int
    change: C
    kind: K
    cause: str = ""
    reason: str = ""
    actor: str = ""
    reverses_id: int | None = None


@dataclass(frozen=True)
class Entry(Generic[C, K]):
    """流水, as written: the change and what was there after it."""

    id: int
    member_id: int
    seq: int
    change: C
    after: C
    kind: K
    cause: str
    reverses_id: int | None


class Ledger(Generic[C, K]):
    """One table of entries and the figures it moves. ``parts`` says a change in the order of the
    figures, ``whole`` makes one of it; ``along`` are figures that follow and are not told of."""

    def __init__(
        self,
        model: type[Model],
        kinds: Callable[[str], K],
        *figures: Figure,
        parts: Callable[[C], Sequence[int]],
        whole: Callable[..., C],
        along: Mapping[str, Callable[[Posting[C, K]], int]] | None = None,
    ) -> None:
        self._entries, self._kinds, self._figures = table_of(model), kinds, figures
        self._parts, self._whole, self._along = parts, whole, along or {}
        columns = self._entries.c
        self._changes = [columns[each.change] for each in figures]
        self._afters = [columns[each.after] for each in figures]
        told = [columns[name] for name in ("member_id", "seq", "kind", "cause", "reverses_id")]
        self.shown = (columns.id, *told, *self._changes, *self._afters)
        self._written = insert(self._entries).returning(*self.shown)
        self._of_cause = select(*self.shown).where(
            columns.merchant_id == bindparam("merchant"), columns.cause == bindparam("cause")
        )
        last = (
            select(func.coalesce(func.max(columns.seq), 0))
            .where(
                columns.merchant_id == _members.c.merchant_id, columns.member_id == _members.c.id
            )
            .correlate(_members)
            .scalar_subquery()
        )
        self._accounts = (
            select(_members.c.id, last, *(_members.c[each.name] for each in figures))
            .where(
                _members.c.merchant_id == bindparam("merchant"),
                _members.c.id.in_(bindparam("members", expanding=True)),
            )
            .order_by(_members.c.id)
        )

    def post(self, postings: Sequence[Posting[C, K]], *, now: datetime) -> list[Entry[C, K]]:
        """Write entries, one per member at most, and move their figures; none falls below zero."""
        if not postings:
            return []
        by_member = {posting.member_id: posting for posting in postings}
        self._move(by_member)
        written: list[dict[str, object]] = []
        asked = {"merchant": tenancy.merchant_id(), "members": list(by_member)}
        for member_id, last, *after in db.session.connection().execute(self._accounts, asked):
            posting, seq = by_member[member_id], last + 1
            spelt = posting.cause or f"{posting.kind}-{member_id}-{seq}"
            written.append({**self.row(posting, after, now=now), "seq": seq, "cause": spelt})
        rows = db.session.connection().execute(self._written, written)
        return sorted(map(self.read, rows), key=lambda entry: entry.member_id)

    def opened(self, member_ids: Collection[int]) -> set[int]:
        """Those of these survivors who were given their opening figure, under any of their ids."""
        everybody = persons(member_ids)
        causes = {opening(id): survivor for survivor, ids in everybody.items() for id in ids}
        found = select(self._entries.c.cause).where(
            self._entries.c.merchant_id == tenancy.merchant_id(), self._entries.c.cause.in_(causes)
        )
        return {causes[cause] for cause in db.session.connection().scalars(found)}

    def entry_of(self, cause: str) -> Entry[C, K] | None:
        """The entry of a cause, which happens once."""
        asked = {"merchant": tenancy.merchant_id(), "cause": cause}
        row = db.session.connection().execute(self._of_cause, asked).one_or_none()
        return None if row is None else self.read(row)

    def reversals_of(self, entry_id: int) -> list[Entry[C, K]]:
        """The entries that reversed an entry, or parts of it."""
        return [self.read(row) for row in self._reversing(entry_id, *self.shown)]

    def reversed_so_far(self, entry_id: int) -> C:
        """What the reversals of an entry changed, together."""
        sums = [func.coalesce(func.sum(change), 0) for change in self._changes]
        (row,) = self._reversing(entry_id, *sums)
        return self._whole(*map(int, row))

    def row(
        self, posting: Posting[C, K], after: Iterable[int], *, now: datetime
    ) -> dict[str, object]:
        """The posting as the table has it, all but its ``seq``."""
        changes = zip(self._changes, self._parts(posting.change), strict=True)
        return {
            "merchant_id": tenancy.merchant_id(),
            "member_id": posting.member_id,
            **{column.name: change for column, change in changes},
            **{column.name: has for column, has in zip(self._afters, after, strict=True)},
            "kind": posting.kind.value,
            "cause": posting.cause,
            "reason": posting.reason,
            "actor": posting.actor,
            "at": now,
            "request_id": requesting.request_id(),
            "reverses_id": posting.reverses_id,
        }

    def read(self, row: Row[*tuple[Any, ...]]) -> Entry[C, K]:
        """An entry from the columns ``shown``."""
        had = row._mapping
        return Entry(
            id=row.id,
            member_id=row.member_id,
            seq=row.seq,
            change=self._whole(*(had[column] for column in self._changes)),
            after=self._whole(*(had[column] for column in self._afters)),
            kind=self._kinds(row.kind),
            cause=row.cause,
            reverses_id=row.reverses_id,
        )

    def _move(self, postings: Mapping[int, Posting[C, K]]) -> None:
        """The guard: no figure falls below zero, whatever was read before."""
        moves = {id: self._moves(posting) for id, posting in postings.items()}
        after = {
            name: _members.c[name]
            + case({id: each[name] for id, each in moves.items()}, value=_members.c.id)
            for name in (*(figure.name for figure in self._figures), *self._along)
        }
        moved = changed(
            update(_members)
            .where(
                _members.c.merchant_id == tenancy.merchant_id(),
                _members.c.id.in_(moves),
                *(after[figure.name] >= 0 for figure in self._figures),
            )
            .values(after)
        )
        if moved != len(moves):
            raise MetAnother("an account was moved by somebody else")
        for each in held.hold(moves).values():
            figures = {name: getattr(each, name) + by for name, by in moves[each.id].items()}
            held.keep(replace(each, **figures))

    def _moves(self, posting: Posting[C, K]) -> dict[str, int]:
        names = [figure.name for figure in self._figures]
        told = dict(zip(names, self._parts(posting.change), strict=True))
        return told | {name: by(posting) for name, by in self._along.items()}

    def _reversing(
        self, entry_id: int, *columns: ColumnElement[Any]
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        asked = select(*columns).where(
            tenancy.owner(self._entries) == tenancy.merchant_id(),
            self._entries.c.reverses_id == entry_id,
        )
        return db.session.connection().execute(asked).all()


def opening(member_id: int) -> str:
    """The cause of 期初: once for a member (R-24)."""
    return f"opening-{member_id}"
