"""租约: a row is one worker's for a while, and its work is recorded only while it still is.

What is due, and what becomes of a row whose lease ran out, its own package says.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, select, update

from backend.database import Model, changed, db, end_read, table_of, transactional


@dataclass(frozen=True)
class Lease:
    """The right to work on one row, good while the row still carries the token."""

    row_id: int
    merchant_id: int
    token: str


class Leases:
    """The rows of one table; ``token`` and ``until`` are the columns that say whose one is."""

    def __init__(self, model: type[Model], *, token: str, until: str) -> None:
        self._rows = table_of(model)
        self._token, self._until = self._rows.c[token], self._rows.c[until]

    def is_any(self, condition: ColumnElement[bool]) -> bool:
        """A plain read, so that an idle tick takes no writer's lock."""
        asked = select(self._rows.c.id).where(condition).limit(1)
        found = db.session.connection().execute(asked).first()
        end_read()
        return found is not None

    @transactional
    def lease(
        self, ids: Sequence[int], free: ColumnElement[bool], *, until: datetime, **values: str
    ) -> list[Lease]:
        """Lease these rows, as far as they are ``free`` still; the token decides between two."""
        token, ours = secrets.token_hex(16), self._rows.c.id.in_(ids)
        taken = {self._token.name: token, self._until.name: until, **values}
        changed(update(self._rows).where(ours, free).values(taken))
        rows = db.session.connection().execute(
            select(self._rows.c.id, self._rows.c.merchant_id).where(ours, self._token == token)
        )
        merchants = {row.id: row.merchant_id for row in rows}
        return [Lease(id, merchants[id], token) for id in ids if id in merchants]

    def held(self, lease: Lease) -> ColumnElement[bool]:
        """The row, while it is this lease's."""
        return and_(
            self._rows.c.merchant_id == lease.merchant_id,
            self._rows.c.id == lease.row_id,
            self._token == lease.token,
        )


def pause_after(tries: int, pauses: Sequence[timedelta]) -> timedelta:
    """How long a row rests after so many tries; the last of ``pauses`` comes again and again."""
    return pauses[min(tries, len(pauses)) - 1]
