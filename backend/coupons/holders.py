"""持有人: whose coupons they are, where two members become one."""

from sqlalchemy import update

from backend import tenancy
from backend.coupons.models import IS_CLOSED, IS_OPEN, Coupon
from backend.database import changed, table_of

_coupons = table_of(Coupon)


def hand_over(member_id: int, to_member_id: int) -> None:
    """Every coupon of one member goes to another: the two have become one person."""
    for states in (IS_OPEN, IS_CLOSED):
        changed(
            update(_coupons)
            .where(
                tenancy.owner(_coupons) == tenancy.merchant_id(),
                _coupons.c.member_id == member_id,
                states,
            )
            .values(member_id=to_member_id)
        )
