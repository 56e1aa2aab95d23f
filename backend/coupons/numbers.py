"""券号: twelve digits that name a coupon, and what a scan or a typed number says.

A number is a keyed permutation of the row id: unique without a look, kept in no column, decoded
on the way in, and not guessable from another one. The key is never changed while coupons live.
A mall's voucher has its number from the sale on, before it is a coupon: the ids of vouchers stand
in the upper half, and a letter before the digits (R-17).
"""

import re
from dataclasses import dataclass
from hashlib import blake2s

from backend import deployment, spelling
from backend.coupons.qr import COUPON_MARK
from backend.keys import purpose_key

DIGITS = 12
VOUCHER_LETTER = "J"
_NUMBERS = 10**DIGITS
_VOUCHERS_FROM = _NUMBERS // 2
_HALF_BITS = 20
_HALF = (1 << _HALF_BITS) - 1
_ROUNDS = 6

_NUMBER = re.compile(r"([A-Za-z]?)([0-9]{12})")


@dataclass(frozen=True)
class Meant:
    """What a number stands for, whether or not there is one: a coupon, or a mall's voucher."""

    row_id: int
    is_voucher: bool


class CouponNumbers:
    """券号 under one key: a balanced Feistel network over 40 bits, walked until below 10¹²."""

    def __init__(self, key: bytes, *, letter: str = VOUCHER_LETTER) -> None:
        self._letter = letter
        self._rounds = [
            blake2s(key=key, digest_size=4, person=f"number{turn}".encode())
            for turn in range(_ROUNDS)
        ]

    def of(self, coupon_id: int, voucher_id: int | None) -> str:
        """消费号 of a coupon: its own, or that of the mall's voucher it was made for."""
        return self.number(coupon_id) if voucher_id is None else self.of_voucher(voucher_id)

    def of_voucher(self, voucher_id: int) -> str:
        """消费号 of a mall's voucher, ``J482913075561``."""
        return self._letter + self.number(_VOUCHERS_FROM + voucher_id)

    def meant(self, digits: str) -> Meant | None:
        """What twelve digits stand for; None: no number."""
        found = self.id(digits)
        if found is None:
            return None
        is_voucher = found >= _VOUCHERS_FROM
        return Meant(found - _VOUCHERS_FROM if is_voucher else found, is_voucher)

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
    barcode, or a number as typed or swiped: what ``spelling`` forgives is forgiven."""
    said = spelling.scanned(text)
    if said.startswith(COUPON_MARK):
        return Scan(said, qr=said)
    if number := _NUMBER.fullmatch(spelling.compact(said)):
        return Scan(said, letter=number[1].upper(), number=number[2])
    return Scan(said)


def coupon_numbers() -> CouponNumbers:
    """券号 under this deployment's key."""
    return CouponNumbers(purpose_key("coupon-number"), letter=deployment.voucher_letter())


def meant_by(typed: str) -> Meant | None:
    """What a number, as typed or scanned, stands for. A letter stands before vouchers only, and
    may be left out."""
    said = read_scan(typed)
    meant = coupon_numbers().meant(said.number) if said.number else None
    return None if meant is None or (said.letter and not meant.is_voucher) else meant


def spaced(number: str) -> str:
    """As shown to people: ``4829 1307 5561``, ``J4829 1307 5561``."""
    letter, digits = number[:-DIGITS], number[-DIGITS:]
    return letter + " ".join(digits[at : at + 4] for at in range(0, DIGITS, 4))
