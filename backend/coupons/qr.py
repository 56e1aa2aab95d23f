"""动态二维码: codes that carry their own end, so that a screenshot is worthless a minute later.

``QB1C`` (coupon), ``QB1M`` (member) or ``QB1T`` (till), then base32 of the ids, the end and an
80-bit keyed hash: 44 or 36 characters of QR's alphanumeric set. Nothing but row ids and, for a
till, a number drawn at random stands in it. A coupon's code is bound to its holder: given away, the
old one dies with the change of holder.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2s

from backend.coupons.errors import CouponNotFound, MemberCodeUnknown, QrExpired

COUPON_MARK = "QB1C"
MEMBER_MARK = "QB1M"
TILL_MARK = "QB1T"
GOOD_FOR = timedelta(seconds=60)
TILL_CODE_GOOD_FOR = timedelta(minutes=5)

_ID_BYTES = 5
_END_BYTES = 5
_HASH_BYTES = 10
_HUNDREDTH = timedelta(milliseconds=10)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class QrToken:
    """What the page shows, and until when (exclusive) it is taken."""

    text: str
    expires_at: datetime


@dataclass(frozen=True)
class Read:
    """What a coupon's code says; the caller compares the holder with the coupon's."""

    coupon_id: int
    member_id: int


def make(key: bytes, *, coupon_id: int, member_id: int, now: datetime) -> QrToken:
    """动态券码 of a coupon in its holder's hands, good for 60 s (to the hundredth)."""
    return _make(key, COUPON_MARK, (coupon_id, member_id), now)


def read(key: bytes, text: str, *, now: datetime) -> Read:
    """The coupon and holder a code stands for; QrExpired when old, CouponNotFound when forged."""
    opened = _open(key, COUPON_MARK, text, ids=2)
    if opened is None:
        raise CouponNotFound()
    (coupon_id, member_id), expires_at = opened
    if expires_at <= now:
        raise QrExpired()
    return Read(coupon_id, member_id)


def make_member(key: bytes, *, member_id: int, now: datetime) -> QrToken:
    """动态会员码, good for 60 s."""
    return _make(key, MEMBER_MARK, (member_id,), now)


def read_member(key: bytes, text: str, *, now: datetime) -> int:
    """The member a code stands for; QrExpired when old, MemberCodeUnknown when forged."""
    opened = _open(key, MEMBER_MARK, text, ids=1)
    if opened is None:
        raise MemberCodeUnknown()
    (member_id,), expires_at = opened
    if expires_at <= now:
        raise QrExpired()
    return member_id


def make_till(key: bytes, *, store_id: int, turn: int, now: datetime) -> QrToken:
    """识别码: what a till shows and a guest scans, good for 5 minutes; ``turn`` tells two apart."""
    return _make(key, TILL_MARK, (store_id, turn), now, good_for=TILL_CODE_GOOD_FOR)


def read_till(key: bytes, text: str, *, now: datetime) -> int | None:
    """The store whose till shows this code; QrExpired when old, None when forged."""
    opened = _open(key, TILL_MARK, text, ids=2)
    if opened is None:
        return None
    (store_id, _), expires_at = opened
    if expires_at <= now:
        raise QrExpired()
    return store_id


def svg(text: str) -> str:
    """The QR code of a text as an SVG element, black on nothing, scaled by whoever shows it."""
    import qrcode
    from qrcode.image.svg import SvgPathImage

    code = qrcode.QRCode(border=2, image_factory=SvgPathImage)
    code.add_data(text)
    return str(code.make_image().to_string(encoding="unicode"))


def _make(
    key: bytes, mark: str, ids: tuple[int, ...], now: datetime, *, good_for: timedelta = GOOD_FOR
) -> QrToken:
    hundredths = (now + good_for - _EPOCH) // _HUNDREDTH
    body = b"".join(row_id.to_bytes(_ID_BYTES) for row_id in ids) + hundredths.to_bytes(_END_BYTES)
    text = mark + base64.b32encode(body + _hash(key, mark, body)).decode()
    return QrToken(text, _EPOCH + hundredths * _HUNDREDTH)


def _open(key: bytes, mark: str, text: str, *, ids: int) -> tuple[list[int], datetime] | None:
    """The ids and the end, or ``None`` when we did not make this text."""
    try:
        sealed = base64.b32decode(text.removeprefix(mark))
    except ValueError:
        return None
    body, seal = sealed[:-_HASH_BYTES], sealed[-_HASH_BYTES:]
    genuine = text.startswith(mark) and len(body) == ids * _ID_BYTES + _END_BYTES
    if not (genuine and hmac.compare_digest(seal, _hash(key, mark, body))):
        return None
    hundredths = int.from_bytes(body[-_END_BYTES:])
    return (
        [int.from_bytes(body[at : at + _ID_BYTES]) for at in range(0, ids * _ID_BYTES, _ID_BYTES)],
        _EPOCH + hundredths * _HUNDREDTH,
    )


def _hash(key: bytes, mark: str, body: bytes) -> bytes:
    return blake2s(body, key=key, digest_size=_HASH_BYTES, person=mark.encode()).digest()
