"""``stores``: 门店 and their tills' keys."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import JsonValue, StringConstraints
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.malls import shops
from backend.merchants.models import PosKey, Store
from backend.setup.applying import Applying
from backend.setup.section import Code, Name, Phone, Secret, Section
from backend.vouchers.models import MallShop

_Short = Annotated[str, StringConstraints(max_length=60)]
_Degrees = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,3}(\.[0-9]{1,8})?$")]


class PosEntry(Section):
    """收银密钥. ``next_secret`` signs too, until it replaces the other."""

    key: Code
    secret: Secret | None = None
    next_secret: Secret | None = None


class MallEntry(Section):
    """聚微量票券关联 (S1-08, S1-09); its secrets as a till's."""

    id: Code
    secret: Secret | None = None
    next_secret: Secret | None = None
    callback: str = ""
    oa: str = ""
    active: bool = True


class StoreEntry(Section):
    code: Code
    name: Name | None = None
    address: Annotated[str, StringConstraints(max_length=200)] = ""
    phone: Phone = ""
    longitude: _Degrees = ""
    latitude: _Degrees = ""
    hours: _Short = ""
    active: bool = True
    pos: PosEntry | None = None
    mall: MallEntry | None = None


_COLUMNS = ("name", "address", "phone", "longitude", "latitude", "hours", "active")


def apply(entries: Sequence[StoreEntry], run: Applying, *, at: str) -> None:
    """门店. A store is known by its code; its till's key is unique in the whole deployment."""
    for position, entry in enumerate(entries):
        path = f"{at}.{position}"
        store = _by_code(entry.code)
        if store is None and entry.name is None:
            run.refuse(f"{path}.name", "必填")
            continue
        if "name" in entry.model_fields_set and entry.name is None:
            run.refuse(f"{path}.name", "应为文字")
            continue
        store = store or Store(code=entry.code, merchant_id=run.merchant_id)
        run.store(store, entry.named(*_COLUMNS), subject=f"store {entry.code}")
        if entry.pos is not None:
            _apply_pos(entry.pos, store, run, path=f"{path}.pos")
        if entry.mall is not None:
            _apply_mall(entry.mall, store, run, path=f"{path}.mall")


def export() -> list[JsonValue]:
    """The stores, their keys and malls without secrets."""
    bound = {
        shop.store_id: shop
        for shop in db.session.scalars(
            select(MallShop).where(MallShop.active).order_by(MallShop.id.desc())
        )
    }
    keys: dict[int, str] = {}
    for key in db.session.scalars(select(PosKey).where(PosKey.active).order_by(PosKey.id.desc())):
        keys[key.store_id] = key.key
    told: list[JsonValue] = []
    for store in db.session.scalars(select(Store).order_by(Store.id)):
        entry: dict[str, JsonValue] = {"code": store.code, "name": store.name}
        for name in ("address", "phone", "longitude", "latitude", "hours"):
            if value := getattr(store, name):
                entry[name] = value
        if not store.active:
            entry["active"] = False
        if store.id in keys:
            entry["pos"] = {"key": keys[store.id]}
        if store.id in bound:
            shop = bound[store.id]
            told_of = {"id": shop.code, "callback": shop.callback_url, "oa": shop.app_id}
            entry["mall"] = {name: value for name, value in told_of.items() if value}
        told.append(entry)
    return told


def _by_code(code: str) -> Store | None:
    return db.session.scalars(select(Store).where(Store.code == code)).one_or_none()


def _apply_mall(entry: MallEntry, store: Store, run: Applying, *, path: str) -> None:
    shop = db.session.scalars(select(MallShop).where(MallShop.code == entry.id)).one_or_none()
    problems = shops.wrong_with(
        entry.id, store_id=store.id, callback_url=entry.callback, app_id=entry.oa
    )
    if shop is None and not entry.secret:
        run.refuse(f"{path}.secret", "必填")
    for problem in problems:
        run.refuse(f"{path}.{problem['field']}", problem["message"])
    if problems or (shop is None and not entry.secret):
        return
    shop = shop or MallShop(
        merchant_id=run.merchant_id, code=entry.id, store_id=store.id, bound_at=run.now
    )
    named = entry.named("active", "next_secret")
    if entry.secret:
        named["secret"] = entry.secret
    for name, column in (("callback", "callback_url"), ("oa", "app_id")):
        if name in entry.model_fields_set:
            named[column] = getattr(entry, name)
    run.store(shop, named, subject=f"mall shop {entry.id}")


def _apply_pos(entry: PosEntry, store: Store, run: Applying, *, path: str) -> None:
    with tenancy.across_merchants("a till's key is unique in the deployment"):
        key = db.session.scalars(select(PosKey).where(PosKey.key == entry.key)).one_or_none()
    if key is None and not entry.secret:
        run.refuse(f"{path}.secret", "必填")
    elif key is not None and key.store_id != store.id:
        run.refuse(f"{path}.key", f"{entry.key}已是别的门店的密钥")
    else:
        key = key or PosKey(merchant_id=run.merchant_id, key=entry.key, store_id=store.id)
        named = entry.named("next_secret")
        if entry.secret:
            named["secret"] = entry.secret
        run.store(key, {"active": True} | named, subject=f"pos key {entry.key}")
