"""退款 in parts: whatever the order, the parts add up to the whole, and nothing goes back twice."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.points.earn import EarnRule, Multiple, Rules
from backend.quantity import PIECE, amount_fen
from backend.sales.errors import RefundExceeds
from backend.sales.remaining import BillState, LineState, Parts, Step

ONE_PER_YUAN = Rules(EarnRule(per_fen=100, points=1), Multiple())


@st.composite
def lines(draw: st.DrawFn) -> LineState:
    quantity = draw(st.integers(1, 7).map(PIECE.__mul__) | st.integers(1, 7 * PIECE))
    amount = amount_fen(quantity, draw(st.integers(0, 9999)))
    coupons = draw(st.integers(0, amount))
    level = draw(st.integers(0, amount - coupons))
    points = draw(st.integers(0, amount - coupons - level))
    rounding = draw(st.integers(0, amount - coupons - level - points))
    paid = amount - coupons - level - points - rounding
    parts = Parts(amount, paid, points, level, rounding_fen=rounding)
    return LineState(parts, quantity)


@st.composite
def bills(draw: st.DrawFn) -> BillState:
    of = tuple(draw(st.lists(lines(), min_size=1, max_size=4)))
    service = draw(st.sampled_from([0, 1, 500]))
    paid = sum(line.parts.paid_fen for line in of) + service
    points = sum(line.parts.points_fen for line in of)
    spent = draw(st.integers(0, 3 * points)) if points else 0
    return BillState(of, service, False, draw(st.integers(0, paid)), spent)


@settings(max_examples=600)
@given(bills(), st.data())
def test_parts_in_any_order_and_then_the_rest_are_the_whole(
    bill: BillState, data: st.DataObject
) -> None:
    steps, state = [], bill
    for _ in range(data.draw(st.integers(0, 4))):
        open_lines = [place for place, line in enumerate(state.lines) if line.left]
        if not open_lines:
            break
        place = data.draw(st.sampled_from(open_lines))
        units = data.draw(st.integers(1, state.lines[place].left))
        steps.append(Step(state, state.after({place: units})))
        state = steps[-1].after
    if not state.is_over:
        steps.append(Step(state, state.after(None)))
        state = steps[-1].after
    assert sum(step.paid_fen for step in steps) == (
        sum(line.parts.paid_fen for line in bill.lines) + bill.service_fen
    )
    has_paid = sum(step.paid_fen for step in steps) > 0
    assert sum(step.balance_fen for step in steps) == (bill.balance_fen if has_paid else 0)
    assert sum(step.points_back for step in steps) == bill.points_spent
    assert sum(step.points_taken(ONE_PER_YUAN) for step in steps) == bill.earns(ONE_PER_YUAN)
    assert state.earns(ONE_PER_YUAN) == 0
    for step in steps:
        assert 0 <= step.balance_fen <= step.paid_fen
        assert step.points_back >= 0
        assert step.points_taken(ONE_PER_YUAN) >= 0
    with pytest.raises(RefundExceeds):
        state.after(None)


@pytest.mark.parametrize(
    ("units", "fen"), [((1, 1, 1), [33, 33, 34]), ((2, 1), [66, 34]), ((3,), [100])]
)
def test_each_unit_gives_the_floor_of_its_share_and_the_last_one_the_rest(
    units: Sequence[int], fen: list[int]
) -> None:
    state, given_back = BillState((LineState(Parts(300, 100), 3 * PIECE),), 0, False, 0, 0), []
    for each in units:
        step = Step(state, state.after({0: each * PIECE}))
        given_back.append(step.paid_fen)
        state = step.after
    assert given_back == fen
