"""报价: what a bill costs now, at its best or with the coupons chosen by hand; good 10 minutes."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select

from backend import tenancy
from backend.coupons.errors import CouponNotFound
from backend.database import db, table_of, transaction
from backend.members.queries import ids_of, survivor_id
from backend.members.view import MemberView, member_view
from backend.merchants.queries import Place
from backend.merchants.settings import Sharing
from backend.points import earn
from backend.points.errors import PointsInsufficient
from backend.redemption import facts
from backend.redemption.facts import CouponFacts
from backend.redemption.look_up import find, use_at
from backend.sales import manual_price
from backend.sales.best_plan import FULL_PRICE_BP, Benefits
from backend.sales.bill import Goods, bill_key, lines_key
from backend.sales.discount_rules import discount_rules
from backend.sales.errors import QuoteExpired
from backend.sales.manual_price import ManualPrice
from backend.sales.models import Quote
from backend.sales.pricing import Price, best_price, price_by_hand

QUOTE_LASTS = timedelta(minutes=10)

_quotes = table_of(Quote)


@dataclass(frozen=True)
class Quoted:
    """报价 as answered; ``unknown`` are the numbers that name no coupon here."""

    code: str
    price: Price
    points_earned: int
    unknown: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True)
class Guaranteed:
    """What a settlement may rely on: the coupons quoted, what stands beside them, when they were
    judged, and 手动批价 and 抹零. Without a level discount in the quote ``benefits`` has none
    either."""

    coupon_ids: tuple[int, ...]
    benefits: Benefits
    judged_at: datetime
    manual_fen: int = 0
    rounding_fen: int = 0


def quote(
    goods: Goods,
    *,
    here: Place,
    member_id: int | None,
    chosen: Sequence[str] | None = None,
    points: int = 0,
    bill: str | None = None,
    manual: ManualPrice | None = None,
    rounding_fen: int = 0,
    till: str = "",
    now: datetime,
) -> Quoted:
    """批价. ``chosen`` None: the best of the member's coupons; else only those numbers. ``points``
    are those the member would like to pay with; ``manual`` changes what all this leaves to
    pay, 抹零 takes off the last of it, as far as there is any."""
    locks = None if bill is None else bill_key(here.store_id, bill)
    use = use_at(here, lines=goods.judged, bill=locks, at=now)
    member = None if member_id is None else member_view(survivor_id(member_id))
    benefits = _benefits(goods, member, points)
    unknown: list[str] = []
    if chosen is None:
        price = best_price(goods, _held(member, now=now), use, benefits)
    else:
        named = {number: _named(number, now=now) for number in chosen}
        unknown = [number for number, coupon in named.items() if coupon is None]
        distinct = {coupon.id: coupon for coupon in named.values() if coupon is not None}
        price = price_by_hand(goods, list(distinct.values()), use, benefits)
    if manual is not None:
        price = manual_price.changed(price, manual, here=here)
    price = price.rounded(
        min(rounding_fen, price.plan.to_pay_fen), most_fen=discount_rules().rounding_fen
    )
    earned = _points_earned(price, member, now=now)
    code, expires_at = f"q-{secrets.token_urlsafe(18)}", now + QUOTE_LASTS
    with transaction():
        db.session.connection().execute(
            insert(_quotes).values(
                merchant_id=tenancy.merchant_id(),
                code=code,
                store_id=here.store_id,
                member_id=None if member is None else member.id,
                asked={"goods": lines_key(goods), "rounding_fen": rounding_fen},
                plan={
                    "coupon_ids": [each.coupon.id for each in price.chosen],
                    "sharing": benefits.sharing.value,
                    "level_bp": benefits.level_bp if price.plan.level_fen else FULL_PRICE_BP,
                    "points_fen": price.plan.points_fen,
                    "manual_fen": price.plan.manual_fen,
                    "rounding_fen": price.plan.rounding_fen,
                },
                judged_at=now,
                expires_at=expires_at,
            )
        )
        if manual is not None:
            manual_price.log(manual, price, quote=code, bill=bill, till=till, now=now)
    return Quoted(code, price, earned, tuple(unknown), expires_at)


def guaranteed(
    code: str,
    *,
    goods: Goods,
    here: Place,
    member_id: int | None,
    rounding_fen: int | None = None,
    at: datetime,
) -> Guaranteed:
    """What this quote promised for these goods, and for this 抹零 where one is named; QuoteExpired
    when it does not hold any more."""
    row = (
        db.session.connection()
        .execute(
            select(_quotes.c.asked, _quotes.c.plan, _quotes.c.member_id, _quotes.c.judged_at).where(
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
    if rounding_fen not in (None, row.asked.get("rounding_fen", 0)):
        raise QuoteExpired()
    if row.member_id is not None and (
        member_id is None or row.member_id != member_id and row.member_id not in ids_of(member_id)
    ):
        raise QuoteExpired()
    plan = row.plan
    benefits = Benefits(Sharing(plan["sharing"]), plan["level_bp"], plan["points_fen"])
    coupon_ids = tuple(plan["coupon_ids"])
    return Guaranteed(
        coupon_ids,
        benefits,
        row.judged_at,
        manual_fen=plan.get("manual_fen", 0),
        rounding_fen=plan.get("rounding_fen", 0),
    )


def _benefits(goods: Goods, member: MemberView | None, points: int) -> Benefits:
    rules = discount_rules()
    if member is None:
        return Benefits(rules.sharing)
    points_fen = 0
    if points:
        if points > member.points:
            raise PointsInsufficient(n=points - member.points)
        rule = rules.points_rule
        points_fen = min(rule.worth_fen(points), rule.most_fen(goods.total_fen))
    return Benefits(rules.sharing, member.level_discount_bp, points_fen)


def _points_earned(price: Price, member: MemberView | None, *, now: datetime) -> int:
    if member is None:
        return 0
    rules = earn.rules_for(member.level, at=now)
    counted_fen = earn.counted_fen(
        price.payable_fen, coupons_fen=price.plan.coupons_fen, balance_fen=0, rule=rules.rule
    )
    return earn.points_for(counted_fen, rule=rules.rule, multiple=rules.multiple)


def _held(member: MemberView | None, *, now: datetime) -> list[CouponFacts]:
    return [] if member is None else facts.held_by(ids_of(member.id), at=now)


def _named(number: str, *, now: datetime) -> CouponFacts | None:
    try:
        return find(number, now=now)
    except CouponNotFound:
        return None
