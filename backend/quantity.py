"""数量: whole pieces, or a weight of at most three places (0.5 斤). Exact, never a float.

Kept as thousandths, a whole number; pure.
"""

import re
from decimal import Decimal

Quantity = int | Decimal

PIECE = 1_000
"""Thousandths of one piece."""

_TEXT = re.compile(r"(?:0|[1-9][0-9]{0,6})(?:\.[0-9]{1,3})?")


def parse_quantity(said: str) -> Quantity:
    """``"0.5"`` → 0.5, ``"2.000"`` → 2; ValueError for what has more places or is no number."""
    if not _TEXT.fullmatch(said):
        raise ValueError('应为整数，或最多三位小数的文字，例："0.5"')
    return from_thousandths(thousandths(Decimal(said)))


def thousandths(quantity: Quantity) -> int:
    """0.5 → 500; ValueError where three places do not hold it."""
    scaled = quantity * PIECE
    if scaled != int(scaled):
        raise ValueError("a quantity has at most three places")
    return int(scaled)


def from_thousandths(count: int) -> Quantity:
    """500 → 0.5, 2000 → 2: one spelling of each quantity."""
    whole, rest = divmod(count, PIECE)
    return (Decimal(count) / PIECE).normalize() if rest else whole


def amount_fen(count: int, price_fen: int) -> int:
    """金额 of so many thousandths, rounded half up: 0.5 × 0.99 元 → 0.50."""
    return (count * price_fen * 2 + PIECE) // (2 * PIECE)
