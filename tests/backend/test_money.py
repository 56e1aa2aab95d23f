"""金额: fen in code, yuan in words, splits that add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.money import parse_yuan, split, yuan, yuan_amount

FEN = st.integers(min_value=-(10**14), max_value=10**14)
WEIGHTS = st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("fen", "words", "amount"),
    [
        (5000, "50", "¥50.00"),
        (1, "0.01", "¥0.01"),
        (0, "0", "¥0.00"),
        (1250, "12.5", "¥12.50"),
        (1205, "12.05", "¥12.05"),
        (123450, "1234.5", "¥1,234.50"),
        (-1, "-0.01", "-¥0.01"),
        (100000000, "1000000", "¥1,000,000.00"),
    ],
)
def test_yuan_in_texts_has_no_trailing_zeros_and_at_the_desk_two_decimals(
    fen: int, words: str, amount: str
) -> None:
    assert (yuan(fen), yuan_amount(fen)) == (words, amount)


@given(FEN)
def test_what_is_written_is_read_back(fen: int) -> None:
    assert parse_yuan(yuan(fen)) == fen


@pytest.mark.parametrize(
    "text",
    ["", " ", ".5", "1.", "1.005", "1e3", "1,000", "¥5", "５", "五", "1 000", "0x10", "nan", "inf"]
    + ["--1", "007", "1.５", "9" * 30],
)
def test_an_amount_that_could_be_misread_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_yuan(text)


@pytest.mark.parametrize(
    ("total_fen", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (100, [50, 30, 20], [50, 30, 20]),
        (1, [0, 5, 5], [0, 1, 0]),
        (0, [0, 0], [0, 0]),
        (-100, [1, 2], [-33, -67]),
        (0, [], []),
    ],
)
def test_a_split_favours_the_largest_remainder_then_the_first(
    total_fen: int, weights: list[int], parts: list[int]
) -> None:
    assert split(total_fen, weights) == parts


@given(FEN, WEIGHTS.filter(any))
def test_parts_add_up_and_lie_within_a_fen_of_their_share(
    total_fen: int, weights: list[int]
) -> None:
    parts = split(total_fen, weights)
    assert sum(parts) == total_fen
    whole = sum(weights)
    assert all(
        abs(part * whole - total_fen * weight) < whole
        for part, weight in zip(parts, weights, strict=True)
    )


@given(WEIGHTS, st.data())
def test_a_reduction_within_the_bill_leaves_no_line_below_zero(
    weights: list[int], data: st.DataObject
) -> None:
    total_fen = data.draw(st.integers(min_value=0, max_value=sum(weights)))
    parts = split(total_fen, weights)
    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))


@pytest.mark.parametrize(("total_fen", "weights"), [(1, []), (1, [0, 0]), (5, [3, -1])])
def test_what_cannot_be_split_is_refused(total_fen: int, weights: list[int]) -> None:
    with pytest.raises(ValueError):
        split(total_fen, weights)
