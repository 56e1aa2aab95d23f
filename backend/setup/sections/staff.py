"""``staff``: people of the desk. A password is set only when the person is made."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints
from sqlalchemy import select

from backend.database import db
from backend.merchants import staff
from backend.merchants.models import Role, Staff, Store
from backend.setup.applying import ORIGIN, Applying, Login
from backend.setup.section import Section

_Login = Annotated[str, StringConstraints(pattern=r"^[^\s@]{1,64}$")]


class StaffEntry(Section):
    login: _Login
    name: Annotated[str, StringConstraints(max_length=120)] = ""
    password: Annotated[str, StringConstraints(max_length=200)] | None = None
    role: Role | None = None
    stores: list[str] | None = Field(default=None, min_length=1)
    active: bool = True


class OperatorStaffEntry(Section):
    login: _Login
    name: Annotated[str, StringConstraints(max_length=120)] = ""
    password: Annotated[str, StringConstraints(max_length=200)] | None = None
    active: bool = True


def apply(entries: Sequence[StaffEntry], run: Applying, *, at: str) -> None:
    """员工 of a merchant; ``stores`` limits somebody to these, leaving it out or null does not."""
    known = set(db.session.scalars(select(Store.code)))
    for position, entry in enumerate(entries):
        path = f"{at}.{position}"
        unknown = [code for code in entry.stores or () if code not in known]
        if unknown:
            run.refuse(f"{path}.stores", f"没有门店{'、'.join(unknown)}")
            continue
        if entry.role is Role.OPERATOR:
            run.refuse(f"{path}.role", "商家的员工不能是 operator")
            continue
        person = staff.find(entry.login, merchant_id=run.merchant_id)
        if person is None and entry.role is None:
            run.refuse(f"{path}.role", "必填")
            continue
        named = entry.named("name", "role", "stores", "active")
        if named.get("role", entry.role) is None:
            named.pop("role", None)
        _apply_person(person, entry, entry.role, named, run, path=path)


def apply_operators(entries: Sequence[OperatorStaffEntry], run: Applying, *, at: str) -> None:
    """运营者的员工."""
    for position, entry in enumerate(entries):
        person = staff.find(entry.login, merchant_id=None)
        named = entry.named("name", "active")
        _apply_person(person, entry, Role.OPERATOR, named, run, path=f"{at}.{position}")


def export(merchant_id: int | None) -> list[JsonValue]:
    """The people, without their passwords."""
    told: list[JsonValue] = []
    for person in db.session.scalars(
        select(Staff).where(Staff.merchant_id.is_not_distinct_from(merchant_id)).order_by(Staff.id)
    ):
        entry: dict[str, JsonValue] = {"login": person.login}
        if person.name:
            entry["name"] = person.name
        if merchant_id is not None:
            entry["role"] = person.role
        if person.stores is not None:
            entry["stores"] = person.stores
        if not person.active:
            entry["active"] = False
        told.append(entry)
    return told


def _apply_person(
    person: Staff | None,
    entry: StaffEntry | OperatorStaffEntry,
    role: Role | None,
    named: dict[str, object],
    run: Applying,
    *,
    path: str,
) -> None:
    if person is None and role is not None:
        with run.entry(f"{path}.password"):
            person, password = staff.create(
                entry.login,
                role=role,
                merchant_id=run.merchant_id,
                password=entry.password,
                name=entry.name,
                stores=entry.stores if isinstance(entry, StaffEntry) else None,
                actor="command",
                origin=ORIGIN,
                now=run.now,
            )
            run.made.append(f"{run.merchant_code} staff {entry.login}".strip())
            if entry.password is None:
                login = f"{entry.login}@{run.merchant_code}" if run.merchant_code else entry.login
                run.logins.append(Login(entry.name or role.value, login, password))
    if person is not None:
        run.store(person, named, subject=f"staff {entry.login}")
