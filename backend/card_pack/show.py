"""出示: the dynamic code of a coupon that its holder still may use."""

from datetime import datetime

from backend.card_pack.view import CouponView
from backend.coupons import qr
from backend.coupons.errors import CouponExpired, CouponGifting, CouponRedeemed, CouponRevoked
from backend.errors import DomainError
from backend.keys import purpose_key


def code_of(coupon: CouponView, *, now: datetime) -> qr.QrToken:
    """动态券码, good for 60 s, bound to the holder; what is used or over has none."""
    if (reason := _worthless(coupon)) is not None:
        raise reason
    return qr.make(
        purpose_key("coupon-qr"), coupon_id=coupon.id, member_id=coupon.holder_id, now=now
    )


def _worthless(coupon: CouponView) -> DomainError | None:
    match coupon.state:
        case "redeemed":
            return CouponRedeemed(
                redeemed_at=coupon.redeemed_at or coupon.claimed_at,
                store_name=coupon.redeemed_store or "",
            )
        case "expired":
            return CouponExpired(expired_on=coupon.valid_to.date())
        case "revoked":
            return CouponRevoked()
        case "gifting":
            return CouponGifting()
        case _:
            return None
