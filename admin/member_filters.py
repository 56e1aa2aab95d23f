"""按会员查询: rows of a person, under every id the person has here."""

from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import aliased

from admin import queries
from admin.base import NOBODY
from admin.fields import row_id
from admin.filters import Asked
from backend.members import phones as phone_numbers
from backend.members.models import Member


def of_people(model: Any, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Rows of members for whom the condition holds, and of those who were joined into them."""
    row, person = aliased(Member), select(Member.id).where(condition)
    found: ColumnElement[bool] = model.member_id.in_(
        select(row.id).where(or_(row.id.in_(person), row.alias_of_id.in_(person)))
    )
    return found


def by_phone(model: Any) -> Asked:
    """手机号."""
    return Asked(
        "手机号",
        lambda said: of_people(model, Member.phone == phone_numbers.sought(said)),
        placeholder="完整手机号",
    )


def by_number(model: Any) -> Asked:
    """会员编号, as the page of a member tells it."""

    def theirs(said: str) -> ColumnElement[bool]:
        number = row_id(said)
        return of_people(model, Member.id == number) if number else NOBODY

    return Asked("会员编号", theirs, placeholder="会员详情里的编号")


def at_stores(model: Any, codes: tuple[str, ...] | None) -> tuple[ColumnElement[bool], ...]:
    """What whoever is limited to these stores may see; None: everything."""
    return () if codes is None else (of_people(model, queries.at_stores(codes)),)
