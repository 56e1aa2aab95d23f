"""优惠金额: the manual's own numbers, and parts that always add up (S0-19, M-02, M-03)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.coupons.bill import BillLine
from backend.coupons.discount import reduction
from backend.coupons.promise import Promise
from backend.coupons.terms import Combine
from tests.backend.coupons.promises import a_line, a_promise

LINES = st.lists(
    st.builds(
        BillLine,
        dish=st.sampled_from("ABCD"),
        category=st.sampled_from(["hot", "cold", None]),
        quantity=st.integers(min_value=1, max_value=5),
        price_fen=st.integers(min_value=0, max_value=200_00),
        discounted=st.booleans(),
    ),
    max_size=12,
)
RULES: st.SearchStrategy[dict[str, object]] = st.sampled_from(
    [
        {"kind": "cash", "value_fen": 5000},
        {"kind": "every_full", "threshold_fen": 10000, "reduce_fen": 3333},
        {"kind": "every_full", "threshold_fen": 700, "reduce_fen": 700},
        {"kind": "discount", "rate_bp": 8500},
        {"kind": "discount", "rate_bp": 1, "max_fen": 9999},
        {"kind": "gift", "dishes": ["A", "B"], "quantity": 3},
        {"kind": "deduction", "dishes": ["A", "C"], "value_fen": 5000},
        {"kind": "group_buy", "dishes": ["A", "B", "B"], "price_fen": 1},
        {"kind": "general", "text": "送果盘"},
    ]
)
SCOPES = st.sampled_from([{}, {"dishes_in_scope": ("A",)}, {"categories_in_scope": ("hot",)}])
COMPANY = st.sampled_from([Combine(), Combine(discounted_dishes=False)])
PROMISES: st.SearchStrategy[Promise] = st.builds(
    lambda rule, scope, combine: a_promise(**rule, **scope, combine=combine),
    RULES,
    SCOPES,
    COMPANY,
)


@pytest.mark.parametrize(
    ("bill_yuan", "off_yuan"),
    [(299, 0), (300, 100), (599.99, 100), (899, 200), (1200, 400), (30_000, 10_000)],
)
def test_every_full_300_takes_100_off_without_a_cap(bill_yuan: float, off_yuan: int) -> None:
    promise = a_promise("every_full", threshold_fen=300_00, reduce_fen=100_00)
    assert reduction(promise, [a_line(yuan=bill_yuan)]).total_fen == off_yuan * 100


@pytest.mark.parametrize(
    ("promise", "lines", "off_fen"),
    [
        (a_promise(value_fen=10000), [a_line("A", 60), a_line("B", 20)], (6000, 2000)),
        (a_promise(value_fen=10000), [a_line("A", 300), a_line("B", 100)], (7500, 2500)),
        (a_promise(value_fen=100), [a_line("A", 1), a_line("B", 1), a_line("C", 1)], (34, 33, 33)),
        (a_promise(value_fen=10000), [], ()),
        (
            a_promise(value_fen=5000, dishes_in_scope=("A",)),
            [a_line("A", 30), a_line("B", 100)],
            (3000, 0),
        ),
        (
            a_promise(value_fen=5000, combine=Combine(discounted_dishes=False)),
            [a_line("A", 30, discounted=True), a_line("B", 100)],
            (0, 5000),
        ),
        (a_promise("discount", rate_bp=8500), [a_line(yuan=99.99)], (1499,)),
        (a_promise("discount", rate_bp=8500), [a_line(yuan=0.06)], (0,)),
        (a_promise("discount", rate_bp=8500, max_fen=1000), [a_line(yuan=99.99)], (1000,)),
        (a_promise("discount", rate_bp=8500, max_fen=1500), [a_line(yuan=99.99)], (1499,)),
        (
            a_promise("discount", rate_bp=8000, categories_in_scope=("hot",)),
            [a_line("A", 50, category="hot", quantity=2), a_line("B", 100)],
            (2000, 0),
        ),
        (
            a_promise("gift", dishes=["A", "B"], quantity=3),
            [a_line("A", 10, quantity=2), a_line("B", 30, quantity=2), a_line("C", 99)],
            (1000, 6000, 0),
        ),
        (a_promise("gift", dishes=["A"], quantity=3), [a_line("A", 10)], (1000,)),
        (
            a_promise("deduction", dishes=["A", "B"], value_fen=5000),
            [a_line("A", 10, quantity=9), a_line("B", 30, quantity=2)],
            (0, 3000),
        ),
        (
            a_promise("deduction", dishes=["A"], value_fen=5000),
            [a_line("A", 80, quantity=2)],
            (5000,),
        ),
        (
            a_promise("group_buy", dishes=["A", "B", "B"], price_fen=1),
            [a_line("A", 10, quantity=2), a_line("B", 20), a_line("B", 30, quantity=3)],
            (1000, 0, 6000),
        ),
        (a_promise("general", text="送果盘"), [a_line("A", 10), a_line("B", 10)], (0, 0)),
        (
            a_promise("gift", dishes=["A"], dishes_in_scope=("B",)),
            [a_line("A", 10), a_line("B", 10)],
            (1000, 0),
        ),
    ],
)
def test_a_coupon_takes_off_what_it_says_from_the_lines_it_is_for(
    promise: Promise, lines: list[BillLine], off_fen: tuple[int, ...]
) -> None:
    assert reduction(promise, lines).lines == off_fen
    assert reduction(promise, lines).total_fen == sum(off_fen)


@given(PROMISES, LINES)
def test_no_line_goes_below_zero_and_nothing_else_is_touched(
    promise: Promise, lines: list[BillLine]
) -> None:
    off = reduction(promise, lines)
    assert len(off.lines) == len(lines)
    for line, off_fen in zip(lines, off.lines, strict=True):
        assert 0 <= off_fen <= line.amount_fen
        touchable = promise.names(line) if promise.named_dishes else promise.counts(line)
        assert touchable or off_fen == 0


@given(LINES, st.integers(min_value=1, max_value=6))
def test_gifts_are_the_dearest_units_of_the_bill(lines: list[BillLine], quantity: int) -> None:
    promise = a_promise("gift", dishes=["A", "B"], quantity=quantity)
    units = sorted(
        (line.price_fen for line in lines for _ in range(line.quantity) if line.dish in "AB"),
        reverse=True,
    )
    assert reduction(promise, lines).total_fen == sum(units[:quantity])


@given(LINES)
def test_every_full_gives_the_same_whatever_lines_make_up_the_sum(lines: list[BillLine]) -> None:
    promise = a_promise("every_full", threshold_fen=100_00, reduce_fen=15_00)
    total_fen = sum(line.amount_fen for line in lines)
    assert reduction(promise, lines).total_fen == total_fen // 100_00 * 15_00


@pytest.mark.parametrize(("quantity", "price_fen"), [(0, 100), (-1, 100), (1, -1)])
def test_a_line_without_units_or_with_a_negative_price_is_refused(
    quantity: int, price_fen: int
) -> None:
    with pytest.raises(ValueError):
        BillLine(dish="A", category=None, quantity=quantity, price_fen=price_fen)
