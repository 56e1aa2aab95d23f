"""券号: twelve digits that name a coupon, and what a scan or a typed number says.

A number is a keyed permutation of the row id: unique without a look, kept in no column, decoded
on the way in, and not guessable from another one. The key is never changed while coupons live.
"""

import re
import unicodedata
from dataclasses import dataclass
from hashlib import blake2s

from backend.coupons.qr import COUPON_MARK

DIGITS = 12
_NUMBERS = 10**DIGITS
_HALF_BITS = 20
_HALF = (1 << _HALF_BITS) - 1
_ROUNDS = 6

_BARCODE = re.compile(r"[A-Z][A-Z0-9_]*,")
_SPACING = re.compile(r"[\s\-\u2010-\u2015\u2212]")
_NUMBER = re.compile(r"([A-Za-z]?)([0-9]{12})")


class CouponNumbers:
    """券号 under one key: a balanced Feistel network over 40 bits, walked until below 10¹²."""

    def __init__(self, key: bytes) -> None:
        self._rounds = [
            blake2s(key=key, digest_size=4, person=f"number{turn}".encode())
            for turn in range(_ROUNDS)
        ]

    def number(self, coupon_id: int) -> str:
        """The number of a row id, ``482913075561``."""
        if not 0 <= coupon_id < _NUMBERS:
            raise ValueError("row ids are below 10¹²")
        value = self._forth(coupon_id)
        while value >= _NUMBERS:
            value = self._forth(value)
        return f"{value:0{DIGITS}d}"

    def id(self, number: str) -> int | None:
        """The row id that a number stands for, whether or not there is one; None: no number."""
        if not (len(number) == DIGITS and number.isascii() and number.isdigit()):
            return None
        value = self._back(int(number))
        while value >= _NUMBERS:
            value = self._back(value)
        return value

    def _forth(self, value: int) -> int:
        left, right = value >> _HALF_BITS, value & _HALF
        for turn in range(_ROUNDS):
            left, right = right, left ^ self._mix(turn, right)
        return left << _HALF_BITS | right

    def _back(self, value: int) -> int:
        left, right = value >> _HALF_BITS, value & _HALF
        for turn in reversed(range(_ROUNDS)):
            left, right = right ^ self._mix(turn, left), left
        return left << _HALF_BITS | right

    def _mix(self, turn: int, half: int) -> int:
        keyed = self._rounds[turn].copy()
        keyed.update(half.to_bytes(3))
        return int.from_bytes(keyed.digest()) & _HALF


@dataclass(frozen=True)
class Scan:
    """What was scanned or typed, read.

    ``qr``: the text of a dynamic coupon code. ``number``: twelve digits, with the ``letter`` that
    mall vouchers carry before them (R-17). Neither: ``text``, which may be a mall's own voucher.
    """

    text: str
    number: str | None = None
    letter: str = ""
    qr: str | None = None


def read_scan(text: str) -> Scan:
    """扫码或输入. A dynamic QR's text, ``CODE_128,482913075561`` as WeChat's scanner reports a
    barcode, or a number as typed: spaces, hyphens and full-width digits are forgiven."""
    said = unicodedata.normalize("NFKC", text).strip()
    said = _BARCODE.sub("", said, count=1) if _BARCODE.match(said) else said
    if said.startswith(COUPON_MARK):
        return Scan(said, qr=said)
    if number := _NUMBER.fullmatch(_SPACING.sub("", said)):
        return Scan(said, letter=number[1].upper(), number=number[2])
    return Scan(said)


def spaced(number: str) -> str:
    """As shown to people: ``4829 1307 5561``, ``J4829 1307 5561``."""
    letter, digits = number[:-DIGITS], number[-DIGITS:]
    return letter + " ".join(digits[at : at + 4] for at in range(0, DIGITS, 4))
