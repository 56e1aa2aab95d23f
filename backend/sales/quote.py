"""报价: what a bill costs now, with the best coupon or those chosen by hand; good 10 minutes."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select

from backend import tenancy
from backend.coupons.errors import CouponNotFound
from backend.database import db, table_of, transaction
from backend.members.queries import ids_of, survivor_id
from backend.merchants.queries import Place
from backend.redemption import facts
from backend.redemption.facts import CouponFacts
from backend.redemption.look_up import find, use_at
from backend.sales.bill import Goods, bill_key, lines_key
from backend.sales.errors import QuoteExpired
from backend.sales.models import Quote
from backend.sales.pricing import Price, best_price, price_by_hand

QUOTE_LASTS = timedelta(minutes=10)

_quotes = table_of(Quote)


@dataclass(frozen=True)
class Quoted:
    """报价 as answered; ``unknown`` are the numbers that name no coupon here."""

    code: str
    price: Price
    unknown: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True)
class Guaranteed:
    """What a settlement may rely on: the coupon quoted, and when it was judged."""

    coupon_id: int | None
    judged_at: datetime


def quote(
    goods: Goods,
    *,
    here: Place,
    member_id: int | None,
    chosen: Sequence[str] | None = None,
    bill: str | None = None,
    now: datetime,
) -> Quoted:
    """批价. ``chosen`` None: the best of the member's coupons; else only those numbers."""
    locks = None if bill is None else bill_key(here.store_id, bill)
    use = use_at(here, lines=goods.judged, bill=locks, at=now)
    unknown: list[str] = []
    if chosen is None:
        price = best_price(goods, _held(member_id, now=now), use)
    else:
        named = {number: _named(number, now=now) for number in chosen}
        unknown = [number for number, coupon in named.items() if coupon is None]
        distinct = {coupon.id: coupon for coupon in named.values() if coupon is not None}
        price = price_by_hand(goods, list(distinct.values()), use)
    code, expires_at = f"q-{secrets.token_urlsafe(18)}", now + QUOTE_LASTS
    with transaction():
        db.session.connection().execute(
            insert(_quotes).values(
                merchant_id=tenancy.merchant_id(),
                code=code,
                store_id=here.store_id,
                member_id=None if member_id is None else survivor_id(member_id),
                asked={"goods": lines_key(goods)},
                plan={"coupon_id": None if price.chosen is None else price.chosen.coupon.id},
                expires_at=expires_at,
            )
        )
    return Quoted(code, price, tuple(unknown), expires_at)


def guaranteed(
    code: str, *, goods: Goods, here: Place, member_id: int | None, at: datetime
) -> Guaranteed:
    """What this quote promised for these goods; QuoteExpired when it does not hold any more."""
    row = (
        db.session.connection()
        .execute(
            select(
                _quotes.c.asked, _quotes.c.plan, _quotes.c.member_id, _quotes.c.expires_at
            ).where(
                _quotes.c.merchant_id == tenancy.merchant_id(),
                _quotes.c.store_id == here.store_id,
                _quotes.c.code == code,
                _quotes.c.expires_at > at,
            )
        )
        .one_or_none()
    )
    if row is None or row.asked["goods"] != lines_key(goods):
        raise QuoteExpired()
    if row.member_id is not None and (
        member_id is None or row.member_id != member_id and row.member_id not in ids_of(member_id)
    ):
        raise QuoteExpired()
    return Guaranteed(row.plan["coupon_id"], row.expires_at - QUOTE_LASTS)


def _held(member_id: int | None, *, now: datetime) -> list[CouponFacts]:
    return [] if member_id is None else facts.held_by(ids_of(member_id), at=now)


def _named(number: str, *, now: datetime) -> CouponFacts | None:
    try:
        return find(number, now=now)
    except CouponNotFound:
        return None
