"""Builders: a coupon in somebody's hands, with its number and dynamic code; a bound verifier."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy import select

from backend import clock, tenancy
from backend.campaigns.models import Campaign, CampaignKind
from backend.coupons import qr
from backend.coupons.models import Coupon, CouponEvent, CouponState, CouponTemplate
from backend.coupons.numbers import coupon_numbers
from backend.database import db, transaction
from backend.keys import purpose_key
from backend.merchants import verifiers
from backend.redemption.models import Redemption
from tests.builders import Shop

_grants = count(1_000_000)


def a_coupon(
    shop: Shop,
    member_id: int,
    template_id: int,
    *,
    state: CouponState = CouponState.USABLE,
    valid_from: datetime | None = None,
    days: int = 30,
    locked_bill: str | None = None,
    locked_until: datetime | None = None,
) -> int:
    """券, claimed now and good at once unless said otherwise."""
    now = clock.now()
    starts = valid_from or now
    with transaction(), tenancy.acting_for(shop.merchant_id):
        template = tenancy.find(CouponTemplate, template_id)
        assert template is not None and template.revision_id is not None
        row = Coupon(
            grant_id=next(_grants),
            piece=1,
            member_id=member_id,
            campaign_id=_campaign(),
            template_id=template_id,
            revision_id=template.revision_id,
            state=state,
            valid_from=starts,
            valid_until=starts + timedelta(days=days),
            claimed_at=now,
            locked_bill=locked_bill,
            locked_until=locked_until,
        )
        db.session.add(row)
        db.session.flush()
        return row.id


def _campaign() -> int:
    row = db.session.scalars(select(Campaign).where(Campaign.code == "welcome")).one_or_none()
    if row is None:
        row = Campaign(
            code="welcome",
            kind=CampaignKind.CLASS_MARKETING,
            name="老客回馈",
            created_at=clock.now(),
        )
        db.session.add(row)
        db.session.flush()
    return row.id


def number_of(coupon_id: int) -> str:
    return coupon_numbers().number(coupon_id)


def code_of(coupon_id: int, member_id: int) -> str:
    """The text of the dynamic QR code that the holder's page shows now."""
    made = qr.make(
        purpose_key("coupon-qr"), coupon_id=coupon_id, member_id=member_id, now=clock.now()
    )
    return made.text


def a_verifier(
    shop: Shop, member_id: int, *, name: str = "小王", stores: Sequence[str] = ()
) -> None:
    """核销员, bound through invitations as in life."""
    with tenancy.acting_for(shop.merchant_id):
        for store_code in stores or [shop.store_code]:
            token = verifiers.invite(store_code, name=name, now=clock.now()).token
            verifiers.bind([member_id], token=token, now=clock.now())


def state_of(shop: Shop, coupon_id: int) -> str:
    db.session.rollback()
    with tenancy.acting_for(shop.merchant_id):
        row = tenancy.find(Coupon, coupon_id)
        assert row is not None
        return row.state


def events_of(shop: Shop, coupon_id: int) -> list[tuple[str, str, str]]:
    """(before, after, actor) of every change, oldest first."""
    db.session.rollback()
    with tenancy.acting_for(shop.merchant_id):
        rows = db.session.scalars(
            select(CouponEvent).where(CouponEvent.coupon_id == coupon_id).order_by(CouponEvent.id)
        )
        return [(row.before, row.after, row.actor) for row in rows]


def redemptions_of(shop: Shop, coupon_id: int) -> list[Redemption]:
    db.session.rollback()
    with tenancy.acting_for(shop.merchant_id):
        rows = db.session.scalars(select(Redemption).where(Redemption.coupon_id == coupon_id))
        return list(rows)
