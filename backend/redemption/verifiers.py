"""核销员 who calls: person, right and store in one statement, asked anew at every call, so that
unbinding works at once."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, bindparam, select

from backend import tenancy
from backend.database import db, table_of
from backend.errors import Unauthenticated
from backend.members.queries import PERSON
from backend.merchants.errors import NotAVerifier, NotTheVerifiersStore, StoreNotFound
from backend.merchants.models import Merchant, Store, Verifier
from backend.merchants.queries import PLACE, Place, place_in
from backend.redemption.redeem import Redeemer

_verifiers, _stores, _merchants = table_of(Verifier), table_of(Store), table_of(Merchant)
_person = PERSON.subquery()

_CALLS = (
    select(_verifiers.c.id, _verifiers.c.name, _verifiers.c.stores, *PLACE)
    .select_from(_person)
    .join(_merchants, _merchants.c.id == _person.c.merchant_id)
    .outerjoin(
        _verifiers,
        and_(
            _verifiers.c.merchant_id == _person.c.merchant_id,
            _verifiers.c.member_id == _person.c.id,
            _verifiers.c.active,
        ),
    )
    .outerjoin(
        _stores,
        and_(
            _stores.c.merchant_id == _person.c.merchant_id,
            _stores.c.code == bindparam("store"),
            _stores.c.active,
        ),
    )
    .order_by(_verifiers.c.id)
)


@dataclass(frozen=True)
class BoundVerifier:
    """核销员 in office."""

    id: int
    name: str

    @property
    def redeemer(self) -> Redeemer:
        """As the one who redeems and undoes."""
        return Redeemer(self.name or "核销员", verifier_id=self.id)


def verifier(member_id: int) -> BoundVerifier:
    """核销员 behind a member or alias; NotAVerifier before binding and after unbinding."""
    return _bound(_calling(member_id, None)[0])


def verifier_at(member_id: int, *, store_code: str) -> tuple[BoundVerifier, Place]:
    """核销员 who may redeem at this store, and the store."""
    rows = _calling(member_id, store_code)
    if not any(store_code in row.stores for row in rows):
        raise NotTheVerifiersStore(store=store_code)
    if rows[0].store_id is None:
        raise StoreNotFound()
    return _bound(rows[0]), place_in(rows[0])


def _calling(member_id: int, store_code: str | None) -> list[Row[*tuple[Any, ...]]]:
    """The person's bindings, the oldest first; two where two have become one person."""
    asked = {"merchant": tenancy.merchant_id(), "member": member_id, "store": store_code}
    rows = db.session.connection().execute(_CALLS, asked).all()
    if not rows:
        raise Unauthenticated()
    bound = [row for row in rows if row.id is not None]
    if not bound:
        raise NotAVerifier()
    return bound


def _bound(row: Row[*tuple[Any, ...]]) -> BoundVerifier:
    return BoundVerifier(row.id, row.name)
