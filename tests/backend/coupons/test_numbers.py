"""券号: unique without a look, not guessable, read however it is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.coupons.numbers import CouponNumbers, Meant, Scan, read_scan, spaced
from backend.coupons.qr import make
from tests.backend.coupons.promises import at

KEY = bytes(range(32))
NUMBERS = CouponNumbers(KEY)
IDS = st.integers(min_value=0, max_value=10**12 - 1)


@given(IDS)
def test_a_number_is_twelve_digits_and_leads_back_to_its_coupon(coupon_id: int) -> None:
    number = NUMBERS.number(coupon_id)
    assert len(number) == 12
    assert number.isdigit()
    assert NUMBERS.id(number) == coupon_id


@given(IDS)
def test_every_twelve_digits_stand_for_one_id(value: int) -> None:
    number = f"{value:012d}"
    coupon_id = NUMBERS.id(number)
    assert coupon_id is not None
    assert 0 <= coupon_id < 10**12
    assert NUMBERS.number(coupon_id) == number


def test_numbers_do_not_change_between_releases() -> None:
    assert [NUMBERS.number(coupon_id) for coupon_id in (1, 2, 10**12 - 1)] == [
        "737105677141",
        "635539328712",
        "430972863535",
    ]


def test_one_number_says_nothing_about_the_next() -> None:
    values = [int(NUMBERS.number(coupon_id)) for coupon_id in range(1, 4001)]
    assert len(set(values)) == 4000
    by_tenths = [sum(value * 10 // 10**12 == tenth for value in values) for tenth in range(10)]
    assert all(300 < count < 500 for count in by_tenths)
    bits = [(one ^ two).bit_count() for one, two in zip(values, values[1:], strict=False)]
    assert 19 < sum(bits) / len(bits) < 21


def test_another_key_gives_other_numbers() -> None:
    other = CouponNumbers(bytes(32))
    assert not any(NUMBERS.number(n) == other.number(n) for n in range(1000))


@pytest.mark.parametrize("text", ["", "48291307556", "4829130755611", "48291307556a", "４" * 12])
def test_anything_but_twelve_digits_is_no_number(text: str) -> None:
    assert NUMBERS.id(text) is None


@pytest.mark.parametrize("coupon_id", [-1, 10**12])
def test_an_id_beyond_the_numbers_is_refused(coupon_id: int) -> None:
    with pytest.raises(ValueError):
        NUMBERS.number(coupon_id)


@pytest.mark.parametrize(
    "text",
    [
        "482913075561",
        " 4829 1307 5561\n",
        "4829-1307-5561",
        "4829–1307–5561",
        "４８２９　１３０７　５５６１",
        "CODE_128,482913075561",
        "CODE_39,4829 1307 5561",
        "EAN_13,482913075561",
    ],
)
def test_a_number_is_read_however_it_was_typed_or_scanned(text: str) -> None:
    assert read_scan(text).number == "482913075561"
    assert (read_scan(text).letter, read_scan(text).qr) == ("", None)


@pytest.mark.parametrize("text", ["J482913075561", "j4829 1307 5561", "CODE_128,J482913075561"])
def test_a_mall_number_keeps_its_letter(text: str) -> None:
    scan = read_scan(text)
    assert (scan.letter, scan.number) == ("J", "482913075561")


def test_a_dynamic_code_is_told_from_a_number() -> None:
    code = make(KEY, coupon_id=7, member_id=9, now=at("2026-11-23 12:00")).text
    assert read_scan(f" {code} ") == Scan(code, qr=code)


@pytest.mark.parametrize("text", ["V-2026-0001", "", "48291307556", "JJ482913075561", "٤" * 12])
def test_anything_else_may_be_a_voucher_of_the_mall(text: str) -> None:
    assert read_scan(text) == Scan(text)


def test_a_number_is_shown_in_groups_of_four() -> None:
    assert spaced("482913075561") == "4829 1307 5561"
    assert spaced("J482913075561") == "J4829 1307 5561"
    assert read_scan(spaced("J482913075561")).number == "482913075561"


def test_a_voucher_and_a_coupon_never_share_a_number() -> None:
    """R-17, S1-27: the letter may be left out, so the digits alone must tell them apart."""
    coupons = {NUMBERS.of(row_id, None) for row_id in range(2000)}
    vouchers = {NUMBERS.of(row_id, row_id)[1:] for row_id in range(2000)}
    assert len(coupons) == len(vouchers) == 2000
    assert coupons.isdisjoint(vouchers)


@given(st.integers(min_value=0, max_value=5 * 10**11 - 1))
def test_a_voucher_number_leads_back_to_its_voucher(voucher_id: int) -> None:
    number = NUMBERS.of_voucher(voucher_id)
    assert number[0] == "J" and len(number) == 13
    assert NUMBERS.meant(number[1:]) == Meant(voucher_id, is_voucher=True)
    assert NUMBERS.meant(NUMBERS.of(voucher_id, None)) == Meant(voucher_id, is_voucher=False)


def test_the_letter_is_the_deployments() -> None:
    assert CouponNumbers(KEY, letter="K").of_voucher(7) == "K" + NUMBERS.of_voucher(7)[1:]
