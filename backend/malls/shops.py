"""商城店铺 (S1-07…10): bound to a store with an id, a secret, a callback address and the mall's
official account."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from backend import deployment, tenancy
from backend.database import changed, db, table_of, transactional
from backend.errors import FieldError, ParamError
from backend.malls import callback
from backend.merchants.models import Store
from backend.vouchers.models import MallShop
from backend.wechat.models import AppKind, WechatApp

LONGEST_CODE = 50
"""So that its nonces, kept apart from a till's by a prefix, fit."""

_shops = table_of(MallShop)


@dataclass(frozen=True)
class Shop:
    """A bound shop that calls: whose, of which store, and the secrets that sign for it."""

    id: int
    key: str
    merchant_id: int
    store_id: int
    store_code: str
    app_id: str
    secrets: tuple[str, ...]


def shop(key: str) -> Shop | None:
    """The bound shop of an id."""
    with tenancy.across_merchants("a mall shop's id says whose it is"):
        row = db.session.execute(
            select(MallShop, Store.code)
            .join(Store, Store.id == MallShop.store_id)
            .where(MallShop.code == key, MallShop.active)
        ).one_or_none()
    if row is None:
        return None
    bound, store_code = row
    live = tuple(secret for secret in (bound.secret, bound.next_secret) if secret)
    return Shop(
        bound.id, bound.code, bound.merchant_id, bound.store_id, store_code, bound.app_id, live
    )


def note_heard(shop_id: int, *, now: datetime) -> None:
    """已绑定 from the first good event on (S1-10)."""
    changed(
        update(_shops)
        .where(
            _shops.c.merchant_id == tenancy.merchant_id(),
            _shops.c.id == shop_id,
            _shops.c.heard_at.is_(None),
        )
        .values(heard_at=now)
    )


def wrong_with(
    code: str, *, store_id: int | None, callback_url: str, app_id: str
) -> list[FieldError]:
    """What a binding cannot be, field by field: an id that another store has, an address that must
    not be called, an account that is not bound here. ``store_id`` None: a store not made yet."""
    errors = []
    if not 1 <= len(code) <= LONGEST_CODE:
        errors.append(FieldError(field="id", message=f"应为 1 到 {LONGEST_CODE} 个字符"))
    with tenancy.across_merchants("a mall shop's id is unique in the deployment"):
        holder = db.session.execute(
            select(MallShop.merchant_id, MallShop.store_id).where(MallShop.code == code)
        ).one_or_none()
    if holder is not None and tuple(holder) != (tenancy.merchant_id(), store_id):
        errors.append(FieldError(field="id", message=f"{code}已由别的门店绑定"))
    production = deployment.is_production()
    if callback_url and (words := callback.wrong_with(callback_url, production=production)):
        errors.append(FieldError(field="callback", message=words))
    if app_id and app_id not in accounts():
        errors.append(FieldError(field="oa", message=f"没有绑定公众号{app_id}"))
    return errors


def accounts() -> dict[str, str]:
    """公众号 that a mall may write through: the merchant's and the operator's, with their names."""
    rows = db.session.execute(
        select(WechatApp.app_id, WechatApp.name)
        .where(
            WechatApp.kind == AppKind.OFFICIAL_ACCOUNT,
            (WechatApp.merchant_id == tenancy.merchant_id()) | WechatApp.merchant_id.is_(None),
        )
        .order_by(WechatApp.id)
    )
    return {row.app_id: row.name or row.app_id for row in rows}


@dataclass(frozen=True)
class Binding:
    """绑定 as staff enter it. ``secret`` None: the one that is known stays; a ``next_secret`` signs
    beside it, and an entered ``secret`` ends both that were."""

    store_code: str
    code: str
    secret: str | None
    next_secret: str | None
    callback_url: str
    app_id: str
    active: bool


@transactional
def bind(binding: Binding, *, now: datetime) -> MallShop:
    """绑定, or change what was bound; ParamError names every wrong field."""
    store_id = db.session.scalar(select(Store.id).where(Store.code == binding.store_code))
    bound = db.session.scalars(select(MallShop).where(MallShop.code == binding.code)).one_or_none()
    errors = wrong_with(
        binding.code,
        store_id=store_id,
        callback_url=binding.callback_url,
        app_id=binding.app_id,
    )
    if store_id is None:
        errors.append(FieldError(field="store", message="请选择门店"))
    if bound is None and not binding.secret:
        errors.append(FieldError(field="secret", message="必填"))
    if errors:
        raise ParamError(errors=errors)
    bound = bound or MallShop(code=binding.code, store_id=store_id, bound_at=now)
    if binding.secret:
        bound.secret, bound.next_secret = binding.secret, None
    if binding.next_secret:
        bound.next_secret = binding.next_secret
    bound.callback_url, bound.app_id = binding.callback_url, binding.app_id
    bound.active = binding.active
    db.session.add(bound)
    db.session.flush()
    return bound
