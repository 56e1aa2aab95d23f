"""核销员: invited with a code that binds one WeChat, once, within 10 minutes; unbound at once."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from backend import tenancy
from backend.database import changed, db, table_of, transactional
from backend.merchants import queries
from backend.merchants.errors import BindTokenInvalid
from backend.merchants.models import Store, Verifier, VerifierInvite
from backend.merchants.queries import StoreCard

INVITE_LASTS = timedelta(minutes=10)

_invites = table_of(VerifierInvite)


@dataclass(frozen=True)
class Invite:
    """绑定码: shown once; only its hash is stored."""

    token: str
    expires_at: datetime


@transactional
def invite(store_code: str, *, name: str = "", now: datetime) -> Invite:
    """添加核销员 for one store (S4-20)."""
    token = secrets.token_urlsafe(24)
    db.session.add(
        VerifierInvite(
            store_id=queries.place(store_code).store_id,
            name=name,
            token_hash=_hash(token),
            expires_at=now + INVITE_LASTS,
        )
    )
    return Invite(token, now + INVITE_LASTS)


@transactional
def bind(member_ids: Sequence[int], *, token: str, now: datetime) -> list[StoreCard]:
    """绑定. The survivor's id comes first. A second invite adds its store to the first's."""
    store_code, name = _use_up(token, now=now)
    row = db.session.scalars(
        select(Verifier).where(Verifier.member_id.in_(member_ids)).order_by(Verifier.id)
    ).first()
    if row is None:
        row = Verifier(member_id=member_ids[0], stores=[], bound_at=now)
        db.session.add(row)
    if not row.active:
        row.stores, row.bound_at = [], now
    row.active, row.unbound_at = True, None
    row.name = name or row.name
    codes = sorted({str(code) for code in row.stores} | {store_code})
    row.stores = list(codes)
    return queries.store_cards(codes)


@transactional
def unbind(member_ids: Sequence[int], *, now: datetime) -> bool:
    """解绑. At once, also for pages that are open; False when nobody was bound."""
    verifiers = table_of(Verifier)
    return bool(
        changed(
            update(verifiers)
            .where(
                verifiers.c.merchant_id == tenancy.merchant_id(),
                verifiers.c.member_id.in_(member_ids),
                verifiers.c.active,
            )
            .values(active=False, unbound_at=now)
        )
    )


def _use_up(token: str, *, now: datetime) -> tuple[str, str]:
    """Store code and name of an invite nobody has used; from now on it is used."""
    ours = (
        _invites.c.merchant_id == tenancy.merchant_id(),
        _invites.c.token_hash == _hash(token),
    )
    used = changed(
        update(_invites)
        .where(*ours, _invites.c.used_at.is_(None), _invites.c.expires_at > now)
        .values(used_at=now)
    )
    if not used:
        raise BindTokenInvalid()
    stores = table_of(Store)
    row = (
        db.session.connection()
        .execute(
            select(stores.c.code, _invites.c.name)
            .join(stores, stores.c.id == _invites.c.store_id)
            .where(*ours)
        )
        .one()
    )
    return row.code, row.name


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
