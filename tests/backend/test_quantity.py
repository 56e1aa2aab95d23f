"""数量: exact to three places, its amount rounded half up to the fen."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.quantity import amount_fen, from_thousandths, parse_quantity, thousandths


@given(st.integers(1, 10**9), st.integers(0, 10**10))
def test_an_amount_is_the_product_rounded_half_up(count: int, price_fen: int) -> None:
    exact = Decimal(count) * price_fen / 1000
    assert amount_fen(count, price_fen) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    assert thousandths(from_thousandths(count)) == count


@pytest.mark.parametrize(("said", "kept"), [("0.5", 500), ("0.500", 500), ("2", 2000)])
def test_one_spelling_of_each_quantity(said: str, kept: int) -> None:
    assert parse_quantity(said) == from_thousandths(kept)
    assert str(from_thousandths(2000)) == "2" and str(from_thousandths(500)) == "0.5"
    assert str(from_thousandths(100_500)) == "100.5"


@pytest.mark.parametrize("said", ["0.0005", "1e2", "-1", "１", ".5", "1,5", "nan", "", " 1"])
def test_what_is_no_quantity_is_refused(said: str) -> None:
    with pytest.raises(ValueError):
        parse_quantity(said)
