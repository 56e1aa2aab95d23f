"""批价: what is chosen by hand, what is refused, and in which words."""

from dataclasses import replace

from backend.calendar import SHANGHAI
from backend.coupons.applicability import Standing, UseFacts
from backend.coupons.bill import BillLine
from backend.coupons.models import CouponState
from backend.coupons.promise import Promise
from backend.coupons.terms import Combine
from backend.redemption.facts import CouponFacts
from backend.sales.best_plan import Benefits
from backend.sales.bill import DishLine, Goods
from backend.sales.pricing import best_price, price_by_hand
from tests.backend.coupons.promises import a_promise, at

NOON = at("2026-11-23 12:00")


def held(
    coupon_id: int, promise: Promise, *, state: CouponState = CouponState.USABLE
) -> CouponFacts:
    return CouponFacts(
        id=coupon_id,
        voucher_id=None,
        template_id=coupon_id,
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
    return UseFacts(store_code="s01", store_name="皇岗", at=NOON, zone=SHANGHAI, lines=of.judged)


def test_the_service_fee_is_never_reduced() -> None:
    bill = goods(50, service_fen=1000)
    price = best_price(bill, [held(1, a_promise(value_fen=10000))], use(bill), Benefits())
    assert (price.total_fen, price.reduction_fen, price.to_pay_fen) == (6000, 5000, 1000)


def test_a_second_coupon_cannot_go_with_the_first_that_can_be_used() -> None:
    bill = goods(100)
    gone = held(1, a_promise(), state=CouponState.REVOKED)
    price = price_by_hand(
        bill, [gone, held(2, a_promise()), held(3, a_promise())], use(bill), Benefits()
    )
    assert [c.refusal.code if c.refusal else None for c in price.candidates] == [
        "COUPON_REVOKED",
        None,
        "NOT_COMBINABLE",
    ]
    assert price.candidates[2].refusal is not None
    assert price.candidates[2].refusal.message == "不能与券2同时使用"


def test_of_those_chosen_by_hand_each_stands_beside_those_named_before_it() -> None:
    together = Combine(coupons=True)
    bill = goods(100, 100)
    coupons = [
        held(1, a_promise(combine=together, value_fen=5000)),
        held(2, a_promise()),
        held(3, a_promise("discount", combine=together, rate_bp=9000)),
    ]
    price = price_by_hand(bill, coupons, use(bill), Benefits())
    assert [(used.coupon.id, used.reduction.total_fen) for used in price.chosen] == [
        (1, 5000),
        (3, 2000),
    ]
    refusal = price.candidates[1].refusal
    assert refusal is not None and refusal.message == "不能与券1同时使用"
    assert (price.reduction_fen, price.to_pay_fen, price.payable_fen) == (7000, 13000, 20000)


def test_S2_41_a_coupon_chosen_by_hand_stands_alone_where_nothing_is_shared() -> None:
    bill, coupon = goods(100), held(1, a_promise(value_fen=1000))
    level = Benefits(level_bp=5000)
    assert best_price(bill, [coupon], use(bill), level).plan.level_fen == 5000
    by_hand = price_by_hand(bill, [coupon], use(bill), level)
    assert (by_hand.plan.level_fen, by_hand.to_pay_fen) == (0, 9000)
    without = price_by_hand(bill, [], use(bill), level)
    assert (without.plan.level_fen, without.payable_fen) == (5000, 5000)
