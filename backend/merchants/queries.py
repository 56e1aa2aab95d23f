"""商家查询: a store as the counter, the verifier and the receipt need it."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, bindparam, select

from backend import tenancy
from backend.database import db, table_of
from backend.merchants.errors import MerchantNotFound, StoreNotFound
from backend.merchants.house import house
from backend.merchants.models import Merchant, Store

_stores, _merchants = table_of(Store), table_of(Merchant)

PLACE = (
    _stores.c.id.label("store_id"),
    _stores.c.code.label("store_code"),
    _stores.c.name.label("store_name"),
    _merchants.c.zone,
    _merchants.c.name.label("merchant_name"),
    _merchants.c.receipt_footer,
)
"""What ``place_in`` reads, for statements that find a caller together with the store."""

_PLACE = (
    select(*PLACE)
    .join(_merchants, _merchants.c.id == _stores.c.merchant_id)
    .where(
        _stores.c.merchant_id == bindparam("merchant"),
        _stores.c.code == bindparam("code"),
        _stores.c.active,
    )
)


@dataclass(frozen=True)
class Place:
    """门店 where something happens, with its merchant's zone and words."""

    store_id: int
    code: str
    name: str
    zone: ZoneInfo
    merchant_name: str
    receipt_footer: str


@dataclass(frozen=True)
class StoreCard:
    """门店 as answered: code, name, address, phone."""

    code: str
    name: str
    address: str
    phone: str


def merchant_id_of(merchant_code: str) -> int:
    """The merchant of a code, for commands; MerchantNotFound when there is none."""
    found = db.session.scalar(select(Merchant.id).where(Merchant.code == merchant_code))
    if found is None:
        raise MerchantNotFound(merchant=merchant_code)
    return found


def place(store_code: str) -> Place:
    """The open store of this code; StoreNotFound for another merchant's."""
    asked = {"merchant": tenancy.merchant_id(), "code": store_code}
    row = db.session.connection().execute(_PLACE, asked).one_or_none()
    if row is None:
        raise StoreNotFound()
    return place_in(row)


def place_in(row: Row[*tuple[Any, ...]]) -> Place:
    """The store that the columns ``PLACE`` name."""
    return Place(
        store_id=row.store_id,
        code=row.store_code,
        name=row.store_name,
        zone=ZoneInfo(row.zone),
        merchant_name=row.merchant_name,
        receipt_footer=row.receipt_footer,
    )


def store_named(store_id: int) -> str:
    """What the store is called."""
    return str(
        db.session.connection().scalar(
            select(_stores.c.name).where(
                _stores.c.merchant_id == tenancy.merchant_id(), _stores.c.id == store_id
            )
        )
    )


def zone() -> ZoneInfo:
    """Where the merchant's days begin and end."""
    return house().zone


def store_cards(codes: list[str]) -> list[StoreCard]:
    """The stores of these codes, by code."""
    rows = db.session.connection().execute(
        select(_stores.c.code, _stores.c.name, _stores.c.address, _stores.c.phone)
        .where(_stores.c.merchant_id == tenancy.merchant_id(), _stores.c.code.in_(codes))
        .order_by(_stores.c.code)
    )
    return [StoreCard(*row) for row in rows]
