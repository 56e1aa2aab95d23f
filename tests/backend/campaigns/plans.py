"""Builders: campaigns as the desk makes them, saying only what the test is about."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import select

from backend import clock, tenancy
from backend.campaigns import lifecycle, programmes
from backend.campaigns.draft import CampaignDraft
from backend.campaigns.models import Campaign, Grant
from backend.coupons.models import Coupon, CouponTemplate
from backend.database import db, transaction
from backend.members.models import Member
from tests.builders import Shop, a_template

ON: dict[str, JsonValue] = {"on": True}


def gives(*codes: str, quantity: int = 1) -> list[JsonValue]:
    return [{"template": code, "quantity": quantity} for code in codes]


def a_class_plan(
    shop: Shop,
    code: str = "plan",
    *,
    parts: dict[str, JsonValue] | None = None,
    running: bool = True,
    at: datetime | None = None,
    **more: object,
) -> int:
    """票券营销 that gives every class a coupon of its own (t-new, t-ordinary, t-loyal)."""
    if parts is None:
        parts = {}
        for part in ("new", "ordinary", "loyal"):
            name = f"{code}-{part}"
            a_template(shop, name)
            parts[part] = {"coupons": gives(name)}
    return a_campaign(
        shop, code, "class_marketing", {"parts": parts}, running=running, at=at, **more
    )


def a_periodic(
    shop: Shop,
    code: str = "weekly",
    *,
    timetable: dict[str, JsonValue] | None = None,
    audience: dict[str, JsonValue] | None = None,
    claim_window: dict[str, JsonValue] | None = None,
    coupons: Sequence[JsonValue] | None = None,
    running: bool = True,
    at: datetime | None = None,
    **more: object,
) -> int:
    """定期送券, daily at 10:00 to everybody, claimable any time."""
    if coupons is None:
        a_template(shop, f"{code}-coupon")
        coupons = gives(f"{code}-coupon")
    settings: dict[str, JsonValue] = {
        "audience": audience or {"mode": "dynamic"},
        "timetable": timetable or {"every": "day", "at": "10:00"},
        "claim_window": claim_window or {"kind": "anytime"},
        "coupons": list(coupons),
    }
    return a_campaign(shop, code, "periodic", settings, running=running, at=at, **more)


def a_campaign(
    shop: Shop,
    code: str,
    kind: str,
    settings: dict[str, JsonValue],
    *,
    running: bool = True,
    at: datetime | None = None,
    **more: object,
) -> int:
    now = at or clock.now()
    draft = CampaignDraft(code=code, kind=kind, settings=programmes.parse(kind, settings), **more)  # type: ignore[arg-type]
    with transaction(), tenancy.acting_for(shop.merchant_id):
        campaign = lifecycle.save(draft, now=now)
        if running:
            lifecycle.start(campaign.id, now=now)
        return campaign.id


def campaign(shop: Shop, campaign_id: int) -> Campaign:
    db.session.expire_all()
    with tenancy.acting_for(shop.merchant_id):
        found = tenancy.find(Campaign, campaign_id)
        assert found is not None
        return found


def grants_of(shop: Shop, campaign_id: int | None = None) -> list[Grant]:
    db.session.rollback()
    db.session.expire_all()
    with tenancy.acting_for(shop.merchant_id):
        statement = select(Grant).order_by(Grant.member_id, Grant.id)
        if campaign_id is not None:
            statement = statement.where(Grant.campaign_id == campaign_id)
        return list(db.session.scalars(statement))


def coupons_of(shop: Shop, member_id: int | None = None) -> list[Coupon]:
    db.session.rollback()
    db.session.expire_all()
    with tenancy.acting_for(shop.merchant_id):
        statement = select(Coupon).order_by(Coupon.id)
        if member_id is not None:
            statement = statement.where(Coupon.member_id == member_id)
        return list(db.session.scalars(statement))


def template(shop: Shop, code: str) -> CouponTemplate:
    db.session.rollback()
    db.session.expire_all()
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalars(select(CouponTemplate).where(CouponTemplate.code == code)).one()


def change_member(shop: Shop, member_id: int, **values: object) -> None:
    with transaction(), tenancy.acting_for(shop.merchant_id):
        member = tenancy.find(Member, member_id)
        assert member is not None
        for name, value in values.items():
            setattr(member, name, value)
