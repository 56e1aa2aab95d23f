"""报价 of a guest for the bill on their table, and what a quote named again still promises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from backend import tenancy
from backend.coupons import states
from backend.coupons.applicability import UseFacts
from backend.coupons.errors import CouponNotFound
from backend.database import MetAnother, changed, db, table_of
from backend.open_bills import queries
from backend.open_bills.queries import BillOnTable
from backend.redemption import facts
from backend.redemption.look_up import find, judge, use_at
from backend.sales.bill import bill_key
from backend.sales.discount_rules import discount_rules
from backend.sales.models import Quote
from backend.sales.pricing import Price, price_by_hand
from backend.sales.quote import Quoted, guaranteed, quote

_quotes = table_of(Quote)


@dataclass(frozen=True)
class GuestPrice:
    """What the guest was promised: the price, the points it takes, and where and when its coupons
    were judged."""

    price: Price
    use: UseFacts
    points: int


def quote_for(
    bill: BillOnTable,
    *,
    member_ids: Sequence[int],
    chosen: Sequence[str] | None = None,
    points: int = 0,
    now: datetime,
) -> Quoted:
    """批价 for this guest: only their own coupons are known here, chosen or not."""
    here = queries.place_of(bill.store_id)
    own = None if chosen is None else [each for each in chosen if _is_own(each, member_ids, now)]
    quoted = quote(
        bill.content.goods,
        here=here,
        member_id=member_ids[0],
        chosen=own,
        points=points,
        bill=bill.number,
        rounding_fen=_rounding_fen(bill),
        now=now,
    )
    if chosen is None or own is None:
        return quoted
    foreign = tuple(dict.fromkeys(each for each in chosen if each not in own))
    return replace(quoted, unknown=(*quoted.unknown, *foreign))


def promised(code: str, bill: BillOnTable, *, member_id: int, now: datetime) -> GuestPrice:
    """The price of a quote, good as it was then; QuoteExpired, or why it no longer holds."""
    here, goods = queries.place_of(bill.store_id), bill.content.goods
    kept = guaranteed(
        code,
        goods=goods,
        here=here,
        member_id=member_id,
        rounding_fen=_rounding_fen(bill),
        at=now,
    )
    use = use_at(
        here, lines=goods.judged, bill=bill_key(bill.store_id, bill.number), at=kept.judged_at
    )
    coupons = [facts.coupon(coupon_id) for coupon_id in kept.coupon_ids]
    known = [coupon for coupon in coupons if coupon is not None]
    if len(known) != len(coupons):
        raise CouponNotFound()
    price = price_by_hand(goods, known, use, kept.benefits).by_hand(kept.manual_fen)
    price = price.rounded(kept.rounding_fen, most_fen=kept.rounding_fen)
    for candidate in price.candidates:
        if candidate.refusal is not None:
            raise candidate.refusal
    points_fen = price.plan.points_fen
    points = discount_rules().points_rule.needed(points_fen) if points_fen else 0
    return GuestPrice(price, use, points)


def lock_coupons(promise: GuestPrice, bill: BillOnTable, *, until: datetime, now: datetime) -> None:
    """锁券 for this bill while it is being paid, in the order of their ids."""
    for used in sorted(promise.price.chosen, key=lambda used: used.coupon.id):
        is_held = states.lock(
            used.coupon.id,
            holder_id=used.coupon.holder_id,
            bill=bill_key(bill.store_id, bill.number),
            actor="扫码付",
            cause=f"bill {bill.number}",
            judged_at=promise.use.at,
            until=until,
            now=now,
        )
        if not is_held:
            as_it_is = facts.coupon(used.coupon.id)
            if as_it_is is not None:
                judge(as_it_is, promise.use)
            raise MetAnother("the coupon changed between look and lock")


def keep(code: str, bill: BillOnTable, *, lasts: timedelta, now: datetime) -> list[int]:
    """The price of a paid bill holds until it is settled: its quote and the locks of its coupons
    do not lapse. The coupons' ids."""
    until = now + lasts
    changed(
        update(_quotes)
        .where(_quotes.c.merchant_id == tenancy.merchant_id(), _quotes.c.code == code)
        .values(expires_at=until)
    )
    coupon_ids = coupons_of(code)
    key = bill_key(bill.store_id, bill.number)
    states.keep_locked(coupon_ids, bill=key, until=until)
    return coupon_ids


def lapse(code: str, *, now: datetime) -> None:
    """The quote promises nothing any more."""
    changed(
        update(_quotes)
        .where(_quotes.c.merchant_id == tenancy.merchant_id(), _quotes.c.code == code)
        .values(expires_at=now)
    )


def release(code: str, bill: BillOnTable, *, but: Sequence[str] = (), now: datetime) -> None:
    """解锁 what this quote's payment locked, as far as no payment by another quote needs it."""
    needed = {coupon_id for other in but for coupon_id in coupons_of(other)}
    for coupon_id in sorted(set(coupons_of(code)) - needed):
        states.release(
            coupon_id,
            bill=bill_key(bill.store_id, bill.number),
            actor="扫码付",
            cause=f"bill {bill.number}",
            now=now,
        )


def coupons_of(code: str) -> list[int]:
    """The coupons of a quote."""
    return list(_plan(code).get("coupon_ids", ()))


def rounding_of(code: str) -> int:
    """抹零 of a quote."""
    return int(_plan(code).get("rounding_fen", 0))


def _plan(code: str) -> Mapping[str, Any]:
    plan = db.session.connection().scalar(
        select(_quotes.c.plan).where(
            _quotes.c.merchant_id == tenancy.merchant_id(), _quotes.c.code == code
        )
    )
    return {} if plan is None else plan


def _rounding_fen(bill: BillOnTable) -> int:
    """抹零 that the till put, as far as the house still lets it."""
    return min(bill.content.rounding_fen, discount_rules().rounding_fen)


def _is_own(scan: str, member_ids: Sequence[int], now: datetime) -> bool:
    try:
        return find(scan, now=now).holder_id in member_ids
    except CouponNotFound:
        return False
