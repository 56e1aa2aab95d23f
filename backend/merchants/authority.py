"""权限 at the counter: may this person change a price here? Asked anew at every call."""

from sqlalchemy import select

from backend import tenancy
from backend.database import db, table_of
from backend.merchants.errors import MayNotChangePrice
from backend.merchants.models import Role, Staff

_staff = table_of(Staff)

CHANGES_PRICES = frozenset({Role.OWNER, Role.STORE_MANAGER})
"""手动批价 (spec/04) is theirs."""


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
