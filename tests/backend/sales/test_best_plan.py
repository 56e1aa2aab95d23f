"""最优批价 against brute force: the same coupons, to the fen, whatever is on the bill. (S2-43)"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.coupons.bill import BillLine
from backend.coupons.discount import reduction
from backend.coupons.terms import Combine
from backend.merchants.settings import Sharing
from backend.sales.best_plan import Benefits, Plan, best_plan, plan_of
from backend.sales.offers import Offer
from tests.backend.coupons.promises import a_promise, at

ENDS = at("2026-12-01")


def an_offer(
    number: int,
    *off_yuan: int,
    template: int | None = None,
    days: int = 0,
    together: bool = True,
    level: bool = True,
    points: bool = True,
    most: int = 1,
) -> Offer:
    return Offer(
        number=f"{number:012d}",
        template_id=number if template is None else template,
        off=tuple(yuan * 100 for yuan in off_yuan),
        valid_until=ENDS + timedelta(days=days),
        combine=Combine(level=level, points=points, coupons=together),
        max_per_bill=most,
    )


def numbers(plan: Plan) -> list[int]:
    return [int(offer.number) for offer in plan.offers]


# What the search is told against: every subset, priced by the words of spec 04.


def _may_stand_together(offers: Sequence[Offer]) -> bool:
    return all(
        len(offers) == 1
        or (
            offer.combine.coupons
            and sum(other.template_id == offer.template_id for other in offers)
            <= offer.max_per_bill
        )
        for offer in offers
    )


def _left(amounts: Sequence[int], offers: Sequence[Offer]) -> int:
    return sum(
        max(0, amount - sum(offer.off[line] for offer in offers))
        for line, amount in enumerate(amounts)
    )


def _no_coupon_too_many(amounts: Sequence[int], offers: Sequence[Offer]) -> bool:
    return all(
        _left(amounts, [other for other in offers if other is not offer]) > _left(amounts, offers)
        for offer in offers
    )


def _to_pay(amounts: Sequence[int], offers: Sequence[Offer], benefits: Benefits) -> int:
    left = _left(amounts, offers)
    after_level = left - left * (10_000 - benefits.level_bp) // 10_000
    if benefits.sharing is Sharing.EXCLUSIVE:
        return left if offers else min(after_level, max(0, left - benefits.points_fen))
    if all(offer.combine.level for offer in offers):
        left = after_level
    if all(offer.combine.points for offer in offers):
        left = max(0, left - benefits.points_fen)
    return left


def _subsets(offers: Sequence[Offer]) -> Iterator[tuple[Offer, ...]]:
    for count in range(len(offers) + 1):
        yield from combinations(offers, count)


def brute_force(
    amounts: Sequence[int], offers: Sequence[Offer], benefits: Benefits
) -> tuple[Offer, ...]:
    def rank(chosen: tuple[Offer, ...]) -> tuple[object, ...]:
        turns = sorted((offer.valid_until, offer.number) for offer in chosen)
        first = turns[0][0] if turns else datetime.min.replace(tzinfo=ENDS.tzinfo)
        return _to_pay(amounts, chosen, benefits), first, len(chosen), turns

    allowed = (
        chosen
        for chosen in _subsets(offers)
        if _may_stand_together(chosen) and _no_coupon_too_many(amounts, chosen)
    )
    best = min(allowed, key=rank)
    return tuple(sorted(best, key=lambda offer: (offer.valid_until, offer.number)))


# Bills and coupons of all kinds; few dishes and figures, so that ties and caps are common.

DISHES = ("D0", "D1", "D2")
lines = st.lists(
    st.builds(
        BillLine,
        dish=st.sampled_from(DISHES),
        category=st.sampled_from([None, "肉"]),
        quantity=st.integers(1, 3),
        price_fen=st.sampled_from([0, 1, 999, 1000, 2500, 3333]),
        discounted=st.booleans(),
    ),
    min_size=1,
    max_size=5,
)
some_dishes = st.lists(st.sampled_from(DISHES), min_size=1, max_size=2)
rules = st.one_of(
    st.builds(lambda v: ("cash", {"value_fen": v}), st.sampled_from([1, 1000, 2500, 6000])),
    st.just(("every_full", {"threshold_fen": 3000, "reduce_fen": 1000})),
    st.builds(
        lambda rate, most: ("discount", {"rate_bp": rate, "max_fen": most}),
        st.sampled_from([5000, 8500, 9999]),
        st.sampled_from([None, 500]),
    ),
    st.builds(lambda d, q: ("gift", {"dishes": d, "quantity": q}), some_dishes, st.integers(1, 2)),
    st.builds(lambda d: ("deduction", {"dishes": d, "value_fen": 1000}), some_dishes),
    st.builds(lambda d: ("group_buy", {"dishes": d, "price_fen": 100}), some_dishes),
    st.just(("general", {"text": "送水果"})),
)


@st.composite
def bills(draw: st.DrawFn) -> tuple[list[int], list[Offer]]:
    """A bill and up to nine coupons of up to four templates, revised now and then."""
    bill = draw(lines)
    revisions = draw(
        st.lists(
            st.tuples(
                st.integers(1, 4),
                rules,
                st.sampled_from([(), ("D0",), ("D1", "D2")]),
                st.builds(
                    Combine,
                    level=st.booleans(),
                    points=st.booleans(),
                    coupons=st.sampled_from([True, True, False]),
                    discounted_dishes=st.booleans(),
                ),
                st.integers(1, 3),
            ),
            min_size=1,
            max_size=5,
        )
    )
    made = []
    for number in range(draw(st.integers(0, 9))):
        template, (kind, rule), dishes, combine, most = draw(st.sampled_from(revisions))
        promise = a_promise(kind, dishes_in_scope=dishes, combine=combine, **rule)
        made.append(
            Offer(
                number=f"{number:012d}",
                template_id=template,
                off=reduction(promise, bill).lines,
                valid_until=ENDS + timedelta(days=draw(st.integers(0, 2))),
                combine=combine,
                max_per_bill=most,
            )
        )
    return [line.amount_fen for line in bill], draw(st.permutations(made))


benefits_of_all_sorts = st.builds(
    Benefits,
    sharing=st.sampled_from(Sharing),
    level_bp=st.sampled_from([10_000, 9_500, 5_000, 0]),
    points_fen=st.sampled_from([0, 0, 1, 1000, 5000]),
)


@settings(max_examples=800)
@given(bills(), benefits_of_all_sorts)
def test_no_choice_is_better_than_what_was_chosen(
    bill: tuple[list[int], list[Offer]], benefits: Benefits
) -> None:
    amounts, offers = bill
    plan, best = best_plan(amounts, offers, benefits), brute_force(amounts, offers, benefits)
    assert plan.proven
    assert plan.to_pay_fen == _to_pay(amounts, best, benefits)
    assert [offer.number for offer in plan.offers] == [offer.number for offer in best]


@settings(max_examples=300)
@given(bills(), benefits_of_all_sorts)
def test_what_is_taken_off_adds_up_to_the_fen_and_no_line_pays_more_than_it_holds(
    bill: tuple[list[int], list[Offer]], benefits: Benefits
) -> None:
    amounts, offers = bill
    plan = best_plan(amounts, offers, benefits)
    off = [sum(each) for each in zip(*plan.parts, plan.level_lines, plan.points_lines, strict=True)]
    assert all(0 <= reduced <= amount for reduced, amount in zip(off, amounts, strict=True))
    assert sum(off) == plan.reduction_fen == sum(amounts) - plan.to_pay_fen
    assert all(sum(part) > 0 for part in plan.parts)
    assert plan.level_fen + plan.coupons_fen + plan.points_fen == plan.reduction_fen


SHARED = Benefits(Sharing.SHARED)


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        pytest.param(
            [an_offer(1, 30, together=False), an_offer(2, 20), an_offer(3, 15)],
            [2, 3],
            id="two that go together beat a better one that stands alone",
        ),
        pytest.param(
            [an_offer(1, 40, together=False), an_offer(2, 20), an_offer(3, 15)],
            [1],
            id="one that stands alone beats two",
        ),
        pytest.param([an_offer(n, 20, template=7) for n in (1, 2, 3)], [1], id="one of a template"),
        pytest.param(
            [an_offer(n, 20, template=7, most=2) for n in (1, 2, 3)],
            [1, 2],
            id="as many as it says",
        ),
        pytest.param([an_offer(1, 50), an_offer(2, 50, days=1)], [1, 2], id="all that go together"),
        pytest.param([an_offer(1, 100, days=1), an_offer(2, 100)], [2], id="what expires first"),
        pytest.param(
            [an_offer(1, 100), an_offer(2, 50), an_offer(3, 50)], [1], id="then the fewest"
        ),
        pytest.param(
            [an_offer(1, 100, days=1), an_offer(2, 50), an_offer(3, 50, days=2)],
            [2, 3],
            id="what expires first before the fewest",
        ),
        pytest.param(
            [an_offer(1, 100, days=1), an_offer(2, 0)], [1], id="nothing for a coupon without use"
        ),
    ],
)
def test_which_coupons_are_used_on_a_bill_of_100_yuan(
    offers: list[Offer], chosen: list[int]
) -> None:
    assert numbers(best_plan([10000], offers, Benefits())) == chosen


@pytest.mark.parametrize(
    ("benefits", "offer", "chosen", "level_yuan", "points_yuan"),
    [
        (Benefits(level_bp=9000), an_offer(1, 15), [1], 0, 0),
        (Benefits(level_bp=9000), an_offer(1, 10), [], 10, 0),
        (Benefits(level_bp=9000, points_fen=1200), an_offer(1, 11), [], 0, 12),
        (Benefits(level_bp=9000, points_fen=1000), an_offer(1, 10), [], 10, 0),
        (replace(SHARED, level_bp=9000), an_offer(1, 20), [1], 8, 0),
        (replace(SHARED, level_bp=9000, points_fen=1200), an_offer(1, 20), [1], 8, 12),
        (replace(SHARED, level_bp=9000), an_offer(1, 9, level=False), [], 10, 0),
        (replace(SHARED, level_bp=9000), an_offer(1, 20, level=False), [1], 0, 0),
        (replace(SHARED, points_fen=1200), an_offer(1, 20, points=False), [1], 0, 0),
    ],
)
def test_S2_40_41_what_stands_beside_a_coupon_on_a_bill_of_100_yuan(
    benefits: Benefits, offer: Offer, chosen: list[int], level_yuan: int, points_yuan: int
) -> None:
    plan = best_plan([6000, 4000], [replace(offer, off=(offer.off[0], 0))], benefits)
    assert numbers(plan) == chosen
    assert (plan.level_fen, plan.points_fen) == (level_yuan * 100, points_yuan * 100)


def test_a_level_discount_is_rounded_down_on_the_sum_and_spread_without_a_remainder() -> None:
    plan = plan_of([333, 333, 333], [], Benefits(level_bp=8500))
    assert (plan.level_fen, plan.level_lines) == (149, (50, 50, 49))


def test_coupons_that_would_take_more_than_a_line_holds_share_it_in_their_turn() -> None:
    plan = plan_of([6000, 6000], [an_offer(1, 60, 0, days=1), an_offer(2, 50, 50)], Benefits())
    assert plan.parts == ((5000, 5000), (1000, 0))
    assert plan.to_pay_fen == 1000


def test_the_order_in_which_coupons_are_found_does_not_matter() -> None:
    offers = [an_offer(n, n % 4 + 1, template=n % 3, days=n % 2, most=2) for n in range(12)]
    assert best_plan([1500], offers, Benefits()) == best_plan([1500], offers[::-1], Benefits())
