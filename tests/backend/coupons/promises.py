"""Builders: a coupon that promises only what the test is about, and bill lines."""

from datetime import datetime

from backend.calendar import SHANGHAI
from backend.coupons.bill import BillLine
from backend.coupons.kinds import CouponKind, parse_rule
from backend.coupons.promise import ALONE, ALWAYS, Promise
from backend.coupons.terms import Combine, Scope, UseHours


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def a_promise(
    kind: str = "cash",
    *,
    minimum_fen: int = 0,
    dishes_in_scope: tuple[str, ...] = (),
    categories_in_scope: tuple[str, ...] = (),
    stores: frozenset[str] | None = None,
    hours: UseHours = ALWAYS,
    combine: Combine = ALONE,
    valid_from: str = "2026-11-01",
    valid_until: str = "2026-12-01",
    **rule: object,
) -> Promise:
    if kind == "cash":
        rule = {"value_fen": 10000, **rule}
    return Promise(
        number="482913075561",
        title="券",
        kind=CouponKind(kind),
        rule=parse_rule(CouponKind(kind), rule),
        valid_from=at(valid_from),
        valid_until=at(valid_until),
        minimum_fen=minimum_fen,
        scope=Scope(dishes=dishes_in_scope, categories=categories_in_scope),
        stores="all" if stores is None else stores,
        hours=hours,
        combine=combine,
    )


def a_line(
    dish: str = "D001",
    yuan: float = 100,
    *,
    quantity: int = 1,
    category: str | None = None,
    discounted: bool = False,
) -> BillLine:
    return BillLine(
        dish=dish,
        category=category,
        quantity=quantity,
        price_fen=round(yuan * 100),
        discounted=discounted,
    )
