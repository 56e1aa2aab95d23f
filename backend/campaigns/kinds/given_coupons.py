"""所送的券: templates by code with quantities, as every kind's settings name them."""

from typing import Annotated

from pydantic import Field

from backend.coupons.kinds import Code, Term


class GivenCoupon(Term):
    """One template and how many of it."""

    template: Code
    quantity: int = Field(default=1, ge=1, le=100)


GivenCoupons = Annotated[tuple[GivenCoupon, ...], Field(strict=False)]

MOST_PIECES = 100
"""一次最多可发100张优惠券, per member and issue (S3-24, R-12)."""


def pieces(coupons: tuple[GivenCoupon, ...]) -> int:
    """How many coupons one member gets."""
    return sum(coupon.quantity for coupon in coupons)
