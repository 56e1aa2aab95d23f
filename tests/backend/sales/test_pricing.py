"""批价 of one coupon: the best one, told against trying each; and why the others are not used."""

import random
import time
from dataclasses import replace

from backend.coupons.applicability import Standing, UseFacts
from backend.coupons.bill import BillLine
from backend.coupons.models import CouponState
from backend.coupons.promise import Promise
from backend.redemption.facts import CouponFacts
from backend.sales.bill import DishLine, Goods
from backend.sales.pricing import best_price, price_by_hand
from tests.backend.coupons.promises import a_promise, at

NOON = at("2026-11-23 12:00")


def held(
    coupon_id: int, promise: Promise, *, state: CouponState = CouponState.USABLE
) -> CouponFacts:
    return CouponFacts(
        id=coupon_id,
        campaign_id=1,
        source="local",
        holder_id=1,
        holder_nickname="",
        holder_phone=None,
        notice="",
        promise=replace(promise, number=f"{coupon_id:012d}", title=f"券{coupon_id}"),
        standing=Standing(state),
    )


def goods(*yuan: int, service_fen: int = 0) -> Goods:
    lines = [BillLine(f"D{n}", None, 1, each * 100) for n, each in enumerate(yuan)]
    return Goods(tuple(DishLine(line.dish, line) for line in lines), service_fen)


def use(of: Goods) -> UseFacts:
    return UseFacts(store_code="s01", store_name="皇岗", at=NOON, lines=of.judged)


def _coupons(count: int, chance: random.Random) -> list[CouponFacts]:
    """Of all kinds that count, with scopes, minimums and ends of all sorts."""
    kinds: list[tuple[str, dict[str, object]]] = [
        ("cash", {"value_fen": 2500}),
        ("cash", {"value_fen": 6000}),
        ("every_full", {"threshold_fen": 30000, "reduce_fen": 10000}),
        ("discount", {"rate_bp": 8500}),
        ("discount", {"rate_bp": 5000, "max_fen": 4000}),
        ("gift", {"dishes": ["D0"], "quantity": 1}),
        ("gift", {"dishes": ["D99"], "quantity": 1}),
    ]
    made = []
    for coupon_id in range(1, count + 1):
        kind, rule = chance.choice(kinds)
        promise = a_promise(
            kind,
            minimum_fen=chance.choice([0, 0, 10000, 90000]),
            dishes_in_scope=chance.choice([(), ("D0", "D1")]),
            valid_until=chance.choice(["2026-11-24", "2026-12-01", "2026-11-20"]),
            **rule,
        )
        state = chance.choice([CouponState.USABLE] * 5 + [CouponState.GIFTING])
        made.append(held(coupon_id, promise, state=state))
    return made


def test_nothing_else_is_better_than_what_was_chosen() -> None:
    chance = random.Random(20261123)
    for _ in range(200):
        bill = goods(*(chance.randint(1, 300) for _ in range(chance.randint(1, 6))))
        coupons = _coupons(chance.randint(0, 8), chance)
        best = best_price(bill, coupons, use(bill))
        alone = [price_by_hand(bill, [coupon], use(bill)) for coupon in coupons]
        least = min([bill.total_fen, *(price.to_pay_fen for price in alone)])
        assert best.to_pay_fen == least
        equals = [
            (p.chosen.coupon.promise.valid_until, p.chosen.coupon.number)
            for p in alone
            if p.chosen is not None and p.to_pay_fen == least < bill.total_fen
        ]
        if equals:
            assert best.chosen is not None
            promise = best.chosen.coupon.promise
            assert (promise.valid_until, promise.number) == min(equals)
        else:
            assert best.chosen is None


def test_the_service_fee_is_never_reduced() -> None:
    bill = goods(50, service_fen=1000)
    price = best_price(bill, [held(1, a_promise(value_fen=10000))], use(bill))
    assert (price.total_fen, price.reduction_fen, price.to_pay_fen) == (6000, 5000, 1000)


def test_a_second_coupon_cannot_go_with_the_first_that_can_be_used() -> None:
    bill = goods(100)
    gone = held(1, a_promise(), state=CouponState.REVOKED)
    price = price_by_hand(bill, [gone, held(2, a_promise()), held(3, a_promise())], use(bill))
    assert [c.refusal.code if c.refusal else None for c in price.candidates] == [
        "COUPON_REVOKED",
        None,
        "NOT_COMBINABLE",
    ]
    assert price.candidates[2].refusal is not None
    assert price.candidates[2].refusal.message == "不能与券2同时使用"


def test_a_hundred_coupons_on_sixty_lines_answer_within_50_ms() -> None:
    chance = random.Random(1)
    bill, coupons = goods(*range(1, 61)), _coupons(100, chance)
    best_ms = min(_timed(bill, coupons) for _ in range(5))
    assert best_ms < 50


def _timed(bill: Goods, coupons: list[CouponFacts]) -> float:
    started = time.perf_counter()
    best_price(bill, coupons, use(bill))
    return (time.perf_counter() - started) * 1000
