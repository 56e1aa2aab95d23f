"""会员查询: an alias leads to the survivor, and the survivor to all rows of the person."""

from collections.abc import Collection

from sqlalchemy import bindparam, func, select, union_all

from backend import tenancy
from backend.database import db, table_of
from backend.members.errors import MemberNotFound
from backend.members.models import Member

_members = table_of(Member)

_SURVIVOR = select(func.coalesce(_members.c.alias_of_id, _members.c.id)).where(
    _members.c.merchant_id == bindparam("merchant"), _members.c.id == bindparam("member")
)
PERSON = union_all(
    *(
        select(_members.c.id, _members.c.merchant_id, _members.c.alias_of_id).where(
            _members.c.merchant_id == bindparam("merchant"),
            column == _SURVIVOR.scalar_subquery(),
        )
        for column in (_members.c.id, _members.c.alias_of_id)
    )
)
"""Every row of the person behind ``:member`` of ``:merchant``: the survivor by its id, the joined
by theirs, since an OR of the two would read the whole merchant."""


def survivor_id(member_id: int) -> int:
    """Who this member is by now: itself, or whom it was joined into."""
    found: int | None = db.session.connection().scalar(_SURVIVOR, _named(member_id))
    if found is None:
        raise MemberNotFound()
    return found


def survivor(member_id: int) -> Member:
    """The member behind an id, which may be an alias; MemberNotFound for another merchant's."""
    member = tenancy.find(Member, member_id)
    if member is not None and member.alias_of_id is not None:
        member = tenancy.find(Member, member.alias_of_id)
    if member is None:
        raise MemberNotFound()
    return member


def ids_of(member_id: int) -> list[int]:
    """Every id this person has here, the survivor's first: grants stay where they were made."""
    rows = db.session.connection().execute(PERSON, _named(member_id))
    return [row.id for row in sorted(rows, key=lambda row: (row.alias_of_id is not None, row.id))]


def persons(survivor_ids: Collection[int]) -> dict[int, set[int]]:
    """``ids_of`` of many survivors, in one statement."""
    found = {id: {id} for id in survivor_ids}
    joined = select(_members.c.id, _members.c.alias_of_id).where(
        _members.c.merchant_id == tenancy.merchant_id(), _members.c.alias_of_id.in_(found)
    )
    for row in db.session.connection().execute(joined):
        found[row.alias_of_id].add(row.id)
    return found


def _named(member_id: int) -> dict[str, int]:
    return {"merchant": tenancy.merchant_id(), "member": member_id}
