"""收银密钥: which till a key id names, and nonces that are good once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from backend import tenancy
from backend.database import changed, db, table_of, transaction
from backend.merchants.models import Merchant, PosKey, PosNonce, Store
from backend.merchants.queries import PLACE, Place, place_in

NONCE_KEPT = timedelta(minutes=20)
"""Longer than a timestamp can be good on either side of the clock."""

_keys, _stores, _merchants = table_of(PosKey), table_of(Store), table_of(Merchant)

_LIVE = (
    select(_keys.c.merchant_id, _keys.c.secret, _keys.c.next_secret, *PLACE)
    .join(_stores, _stores.c.id == _keys.c.store_id)
    .join(_merchants, _merchants.c.id == _keys.c.merchant_id)
    .where(_keys.c.key == bindparam("key"), _keys.c.active, _stores.c.active)
)
"""Of whichever merchant: the key says whose it is."""
_USED = insert(table_of(PosNonce))


@dataclass(frozen=True)
class Till:
    """A till as its key says: whose, where, and the secrets that sign for it."""

    key: str
    merchant_id: int
    place: Place
    secrets: tuple[str, ...]


@tenancy.across_merchants("a till's key says whose it is")
def till(key: str) -> Till | None:
    """The till of a live key."""
    row = db.session.connection().execute(_LIVE, {"key": key}).one_or_none()
    if row is None:
        return None
    live = tuple(secret for secret in (row.secret, row.next_secret) if secret)
    return Till(key, row.merchant_id, place_in(row), live)


@dataclass(frozen=True)
class TillName:
    """A till as people choose it from a list."""

    key: str
    merchant: str
    store: str


def live_tills() -> list[TillName]:
    """Every till of the deployment, for the demo's cashier."""
    with tenancy.across_merchants("the demo's cashier chooses a till"):
        rows = db.session.execute(
            select(PosKey.key, Merchant.name, Store.name)
            .join(Store, Store.id == PosKey.store_id)
            .join(Merchant, Merchant.id == PosKey.merchant_id)
            .where(PosKey.active, Store.active)
            .order_by(PosKey.merchant_id, PosKey.id)
            .limit(200)
        )
    return [TillName(*row) for row in rows]


def use_nonce(key: str, nonce: str, *, now: datetime) -> bool:
    """Whether this nonce is new for this key; from now on it is not. ``now`` is the machine's."""
    try:
        with transaction():
            db.session.connection().execute(_USED, {"key": key, "nonce": nonce, "used_at": now})
    except IntegrityError:
        return False
    return True


def forget_nonces(now: datetime) -> int:
    """Delete nonces whose timestamps are long out of range; ``now`` is the machine's."""
    with transaction():
        return changed(delete(PosNonce).where(PosNonce.used_at < now - NONCE_KEPT))
