"""按会员查询: rows of a person, under every id the person has here."""

from typing import Any

from sqlalchemy import ColumnElement, exists, func, literal_column, select, union_all
from sqlalchemy.orm import aliased

from admin import queries
from admin.base import NOBODY
from admin.fields import row_id
from admin.filters import Asked
from backend import tenancy
from backend.database import table_of
from backend.members import phones as phone_numbers
from backend.members.models import Member

_members = table_of(Member)


def of_person(column: Any, whose: ColumnElement[bool]) -> ColumnElement[bool]:
    """The column holds the person whom the condition names, or one who was joined into them.
    ``whose`` is about the table of members, by a key: few are found, then their rows."""
    alias = _members.alias("alias")
    named = (_members.c.merchant_id == tenancy.merchant_id()) & whose
    found: ColumnElement[bool] = column.in_(
        union_all(
            select(_members.c.id).where(named),
            select(alias.c.id)
            .join_from(_members, alias, alias.c.alias_of_id == _members.c.id)
            .where(named),
        )
    )
    return found


def with_phone(column: Any, said: str) -> ColumnElement[bool]:
    """Whose phone this is."""
    return of_person(column, _members.c.phone == phone_numbers.sought(said))


def by_phone(model: Any) -> Asked:
    """手机号."""
    return Asked("手机号", lambda said: with_phone(model.member_id, said), placeholder="完整手机号")


def by_number(model: Any) -> Asked:
    """会员编号, as the page of a member tells it."""

    def theirs(said: str) -> ColumnElement[bool]:
        number = row_id(said)
        return of_person(model.member_id, _members.c.id == number) if number else NOBODY

    return Asked("会员编号", theirs, placeholder="会员详情里的编号")


def at_stores(model: Any, codes: tuple[str, ...] | None) -> tuple[ColumnElement[bool], ...]:
    """What whoever is limited to these stores may see; None: everything. Asked of each row by
    keys alone: who the row's member is by now, and whether they are of these stores."""
    if codes is None:
        return ()
    row = aliased(Member)
    return (
        exists().where(
            _whose(row) == tenancy.merchant_id(),
            _whose(Member) == tenancy.merchant_id(),
            row.id == model.member_id,
            Member.id == func.coalesce(row.alias_of_id, row.id),
            queries.at_stores(codes),
        ),
    )


def _whose(person: type[Member]) -> ColumnElement[int]:
    """As ``tenancy.owner`` of a member: a check, no way in."""
    found: ColumnElement[int] = person.merchant_id + literal_column("0")
    return found
