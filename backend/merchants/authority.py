"""权限 at the counter: may this person redeem, or change a price, here? Asked anew at every call,
so that unbinding works at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from backend import tenancy
from backend.database import db, table_of
from backend.merchants.errors import MayNotChangePrice, NotAVerifier, NotTheVerifiersStore
from backend.merchants.models import Role, Staff, Verifier

_verifiers, _staff = table_of(Verifier), table_of(Staff)

CHANGES_PRICES = frozenset({Role.OWNER, Role.STORE_MANAGER})
"""手动批价 (spec/04) is theirs."""

_BOUND = (
    select(_verifiers.c.id, _verifiers.c.name, _verifiers.c.stores)
    .where(
        _verifiers.c.merchant_id == bindparam("merchant"),
        _verifiers.c.member_id.in_(bindparam("members", expanding=True)),
        _verifiers.c.active,
    )
    .order_by(_verifiers.c.id)
)


@dataclass(frozen=True)
class BoundVerifier:
    """核销员 in office: who, and the codes of the stores where they may redeem."""

    id: int
    name: str
    stores: frozenset[str]


def verifier(member_ids: Sequence[int]) -> BoundVerifier:
    """核销员 behind a member, given by every id the person has here (aliases count)."""
    rows = db.session.connection().execute(
        _BOUND, {"merchant": tenancy.merchant_id(), "members": list(member_ids)}
    )
    bound = [BoundVerifier(row.id, row.name, frozenset(row.stores)) for row in rows]
    if not bound:
        raise NotAVerifier()
    first = bound[0]
    return BoundVerifier(first.id, first.name, frozenset().union(*(each.stores for each in bound)))


def verifier_at(member_ids: Sequence[int], *, store_code: str) -> BoundVerifier:
    """核销员 who may redeem at this store."""
    found = verifier(member_ids)
    if store_code not in found.stores:
        raise NotTheVerifiersStore(store=store_code)
    return found


def price_changer(login: str, *, store_code: str) -> None:
    """手动批价: an active person of this merchant, of a role that may, allowed at this store;
    MayNotChangePrice for anybody else."""
    person = (
        db.session.connection()
        .execute(
            select(_staff.c.role, _staff.c.stores).where(
                _staff.c.merchant_id == tenancy.merchant_id(),
                _staff.c.login == login,
                _staff.c.active,
            )
        )
        .one_or_none()
    )
    if (
        person is None
        or Role(person.role) not in CHANGES_PRICES
        or (person.stores is not None and store_code not in person.stores)
    ):
        raise MayNotChangePrice()
