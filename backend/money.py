"""金额: fen in all code, yuan only in texts and forms.

Pure. An amount is a whole number of fen; what is split adds up again to the fen.
"""

import re
from collections.abc import Sequence

_YUAN_TEXT = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,12})(?:\.[0-9]{1,2})?")


def yuan(fen: int) -> str:
    """元. As texts say it, without trailing zeros: 5000 → ``50``, 1 → ``0.01``, 1250 → ``12.5``."""
    sign, whole, rest = _parts(fen)
    decimals = f".{rest:02d}".rstrip("0") if rest else ""
    return f"{sign}{whole}{decimals}"


def yuan_amount(fen: int) -> str:
    """金额. As the desk's columns show it: 123450 → ``¥1,234.50``, −1 → ``-¥0.01``."""
    sign, whole, rest = _parts(fen)
    return f"{sign}¥{whole:,}.{rest:02d}"


def parse_yuan(text: str) -> int:
    """元 as typed into a form, to fen: ``12.5`` → 1250.

    Refuses (ValueError) more than two decimals, exponents, thousands separators, signs of currency
    and digits that are not ASCII: what could be read in two ways is asked for again. Spaces around
    it are forgiven.
    """
    amount = text.strip()
    if not _YUAN_TEXT.fullmatch(amount):
        raise ValueError("请输入金额，最多两位小数")
    whole, _, decimals = amount.lstrip("+-").partition(".")
    fen = int(whole) * 100 + int(decimals.ljust(2, "0"))
    return -fen if amount.startswith("-") else fen


def split(total_fen: int, weights: Sequence[int]) -> list[int]:
    """分摊. ``total_fen`` over ``weights``, so that the parts add up to the fen.

    100 over 1:1:1 → 34, 33, 33: largest remainder, among equals the first. No part exceeds its
    weight while the total does not exceed their sum. Weights are not negative; all of them nought
    can carry only nought.
    """
    if total_fen < 0:
        return [-part for part in split(-total_fen, weights)]
    if any(weight < 0 for weight in weights):
        raise ValueError("weights must not be negative")
    whole = sum(weights)
    if whole == 0:
        if total_fen:
            raise ValueError("nothing to split over")
        return [0] * len(weights)
    parts = [total_fen * weight // whole for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda place: (-(total_fen * weights[place] % whole), place)
    )
    for place in by_remainder[: total_fen - sum(parts)]:
        parts[place] += 1
    return parts


def _parts(fen: int) -> tuple[str, int, int]:
    whole, rest = divmod(abs(fen), 100)
    return ("-" if fen < 0 else ""), whole, rest


LOWEST_USUAL_BP = 1000
"""1折. A rate below it was more likely meant as 8.5 折 (8500) than as 0.085 (85): asked again."""
