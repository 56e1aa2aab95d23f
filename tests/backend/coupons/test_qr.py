"""动态二维码: worthless a minute later, bound to coupon and holder, forged by nobody."""

from collections.abc import Callable
from datetime import datetime, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.coupons import qr
from backend.coupons.errors import CouponNotFound, MemberCodeUnknown, QrExpired
from backend.errors import DomainError
from tests.backend.coupons.promises import at

KEY = bytes(range(32))
NOW = at("2026-11-23 12:00")
IDS = st.integers(min_value=0, max_value=2**40 - 1)
QR_ALPHANUMERIC = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


@given(IDS, IDS)
def test_a_code_leads_to_its_coupon_and_holder(coupon_id: int, member_id: int) -> None:
    token = qr.make(KEY, coupon_id=coupon_id, member_id=member_id, now=NOW)
    assert qr.read(KEY, token.text, now=NOW) == qr.Read(coupon_id, member_id)
    assert len(token.text) <= 64
    assert set(token.text) <= QR_ALPHANUMERIC


@pytest.mark.parametrize("now", [NOW, NOW + timedelta(milliseconds=670)])
def test_a_code_is_good_for_sixty_seconds(now: datetime) -> None:
    token = qr.make(KEY, coupon_id=7, member_id=9, now=now)
    assert token.expires_at == now + timedelta(seconds=60)
    qr.read(KEY, token.text, now=token.expires_at - timedelta(microseconds=1))
    with pytest.raises(QrExpired):
        qr.read(KEY, token.text, now=token.expires_at)


def refused(read: Callable[[str], object], text: str, error: type[DomainError]) -> bool:
    try:
        read(text)
    except error:
        return True
    return False


def test_any_flipped_bit_is_refused() -> None:
    text = qr.make(KEY, coupon_id=7, member_id=9, now=NOW).text
    flipped = [
        text[:place] + chr(ord(text[place]) ^ 1 << bit) + text[place + 1 :]
        for place in range(len(text))
        for bit in range(8)
    ]
    assert len(flipped) == 8 * len(text)
    for forged in flipped:
        assert refused(lambda said: qr.read(KEY, said, now=NOW), forged, CouponNotFound), forged


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text[:-1],
        lambda text: text[:-8],
        lambda text: text + "A",
        lambda text: text + "=" * 8,
        lambda text: text + " ",
        lambda text: text.lower(),
        lambda text: text.removeprefix("QB1C"),
        lambda text: "QB1C",
        lambda text: "482913075561",
        lambda text: "二维码",
    ],
)
def test_any_other_text_is_refused(change: Callable[[str], str]) -> None:
    text = change(qr.make(KEY, coupon_id=7, member_id=9, now=NOW).text)
    with pytest.raises(CouponNotFound):
        qr.read(KEY, text, now=NOW)


def test_an_old_forged_code_is_unknown_and_not_merely_old() -> None:
    text = qr.make(KEY, coupon_id=7, member_id=9, now=NOW).text
    with pytest.raises(CouponNotFound):
        qr.read(bytes(32), text, now=NOW + timedelta(days=1))


def test_a_member_code_is_no_coupon_code_and_the_other_way_round() -> None:
    member = qr.make_member(KEY, member_id=9, now=NOW)
    coupon = qr.make(KEY, coupon_id=7, member_id=9, now=NOW)
    assert qr.read_member(KEY, member.text, now=NOW) == 9
    for text in (coupon.text, coupon.text.replace("QB1C", "QB1M"), "", "二维码"):
        with pytest.raises(MemberCodeUnknown):
            qr.read_member(KEY, text, now=NOW)
    with pytest.raises(CouponNotFound):
        qr.read(KEY, member.text, now=NOW)
    with pytest.raises(QrExpired):
        qr.read_member(KEY, member.text, now=member.expires_at)


def test_the_code_is_drawn_as_one_path() -> None:
    drawing = ElementTree.fromstring(qr.svg(qr.make(KEY, coupon_id=7, member_id=9, now=NOW).text))
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert [child.tag.rpartition("}")[2] for child in drawing] == ["path"]
