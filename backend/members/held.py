"""会员在手: a member's figures, nobody else's to change until we commit.

The row is locked and read once in a transaction, by whoever needs it first; who writes a figure
says how it stands then (``keep``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from backend import tenancy
from backend.database import MetAnother, db, table_of
from backend.known import asked_once
from backend.members.models import Member
from backend.members.queries import survivor_id

_members = table_of(Member)


@dataclass(frozen=True)
class Held:
    """A survivor's figures, class, level and black mark as they stand now."""

    id: int
    points: int
    principal_fen: int
    bonus_fen: int
    recharged_fen: int
    consumption_count: int
    consumption_fen: int
    last_consumed_at: datetime | None
    customer_class: str
    level_id: int | None
    blacklisted: bool


_FIGURES = [name for name in Held.__dataclass_fields__ if name != "id"]
_HELD = (
    select(_members.c.id, *(_members.c[name] for name in _FIGURES))
    .where(_members.c.merchant_id == bindparam("merchant"), _members.c.alias_of_id.is_(None))
    .order_by(_members.c.id)
    .with_for_update(key_share=True)
)
_ONE = _HELD.where(_members.c.id == bindparam("member"))
_THESE = _HELD.where(_members.c.id.in_(bindparam("members", expanding=True)))


def person(member_id: int) -> Held:
    """Who this member is by now, held; MemberNotFound."""
    ours = _ours()
    if member_id not in ours:
        asked = {"merchant": tenancy.merchant_id(), "member": member_id}
        row = db.session.connection().execute(_ONE, asked).one_or_none()
        if row is None:
            survivor = survivor_id(member_id)
            return hold((survivor,))[survivor]
        ours[member_id] = Held(*row)
    return ours[member_id]


def hold(member_ids: Iterable[int]) -> dict[int, Held]:
    """These members, in the order of their ids. MetAnother when one of them was joined into
    somebody meanwhile."""
    ours, wanted = _ours(), sorted(set(member_ids))
    if missing := [id for id in wanted if id not in ours]:
        asked = {"merchant": tenancy.merchant_id(), "members": missing}
        rows = db.session.connection().execute(_THESE, asked).all()
        if len(rows) != len(missing):
            raise MetAnother("the member was joined into another")
        ours.update((row.id, Held(*row)) for row in rows)
    return {id: ours[id] for id in wanted}


def keep(held: Held) -> None:
    """A member as our own write left it."""
    _ours()[held.id] = held
    _expire(held.id)


def forget(member_id: int) -> None:
    """Our own write left figures that are to be read again."""
    _ours().pop(member_id, None)
    _expire(member_id)


def _ours() -> dict[int, Held]:
    return asked_once("members held", dict)


def _expire(member_id: int) -> None:
    loaded = db.session.identity_map.get(db.session.identity_key(Member, member_id))
    if loaded is not None:
        db.session.expire(loaded, _FIGURES)
