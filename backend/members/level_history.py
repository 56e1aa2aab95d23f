"""等级变动: what moved members between levels, and which level was given rather than reached."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select

from backend import tenancy
from backend.database import db, table_of
from backend.members.models import LevelChange, Member
from backend.members.queries import ids_of

_members, _changes = table_of(Member), table_of(LevelChange)

GIVEN = "given-"
"""How a change by hand or by an import begins its cause: no figures take it away."""
OPENING = f"{GIVEN}opening"
"""The cause of the level that an import brought: once for a member (R-24)."""


def given_cause() -> str:
    """The cause of a change by hand."""
    return f"{GIVEN}{secrets.token_hex(8)}"


def given_ids(member_id: int) -> set[int]:
    """The levels that no figures gave this person, under any of their ids: the last by hand or by
    an import, else where they stood before the first step."""
    ids, connection = ids_of(member_id), db.session.connection()
    stands = connection.execute(
        select(_members.c.id, _members.c.level_id).where(
            _members.c.merchant_id == tenancy.merchant_id(), _members.c.id.in_(ids)
        )
    )
    given = {row.id: row.level_id for row in stands}
    history = connection.execute(
        select(
            _changes.c.member_id,
            _changes.c.before_level_id,
            _changes.c.after_level_id,
            _changes.c.cause,
        )
        .where(_changes.c.merchant_id == tenancy.merchant_id(), _changes.c.member_id.in_(ids))
        .order_by(_changes.c.id)
    )
    met: set[int] = set()
    for row in history:
        if row.cause.startswith(GIVEN):
            given[row.member_id] = row.after_level_id
        elif row.member_id not in met:
            given[row.member_id] = row.before_level_id
        met.add(row.member_id)
    return {level_id for level_id in given.values() if level_id is not None}


def moved_before(member_id: int, cause: str) -> bool:
    """Whether this cause has moved the member already."""
    found = db.session.connection().scalar(
        select(_changes.c.id).where(
            _changes.c.merchant_id == tenancy.merchant_id(),
            _changes.c.member_id == member_id,
            _changes.c.cause == cause,
        )
    )
    return found is not None


def record(
    member_id: int,
    levels: Sequence[int | None],
    *,
    cause: str,
    reason: str = "",
    actor: str = "",
    now: datetime,
) -> int:
    """A move from the first of two levels to the second; its id."""
    before_id, after_id = levels
    written = db.session.connection().execute(
        insert(_changes).values(
            merchant_id=tenancy.merchant_id(),
            member_id=member_id,
            before_level_id=before_id,
            after_level_id=after_id,
            at=now,
            cause=cause,
            reason=reason,
            actor=actor,
        )
    )
    (change_id,) = written.inserted_primary_key or (0,)
    return int(change_id)
