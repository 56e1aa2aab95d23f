"""现在生效: which campaigns of a kind run at an instant, where, and for whom it was paid."""

from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import select

from backend import tenancy
from backend.calendar import day_of
from backend.campaigns import queries
from backend.campaigns.models import Campaign, CampaignKind, CampaignState
from backend.campaigns.programmes import programme_of
from backend.database import db
from backend.merchants.subscription import is_subscribed


class Standing(Protocol):
    """What of a campaign says when and where it is in force."""

    @property
    def kind(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def stores(self) -> list[JsonValue] | None: ...
    @property
    def starts_on(self) -> date | None: ...
    @property
    def ends_on(self) -> date | None: ...


def running(kind: CampaignKind, *, at: datetime, store: str | None = None) -> list[Campaign]:
    """Campaigns of the kind in force at ``at``, at this store if one is named; none outside
    营销包年 where the kind needs it."""
    zone = queries.calendar().zone
    found = db.session.scalars(
        select(Campaign)
        .where(Campaign.kind == kind, Campaign.state == CampaignState.RUNNING)
        .order_by(Campaign.id)
    ).all()
    here = [each for each in found if is_in_force(each, at=at, zone=zone, store=store)]
    return here if here and is_paid_for(kind, at=at, zone=zone) else []


def is_in_force(
    campaign: Standing, *, at: datetime, zone: ZoneInfo, store: str | None = None
) -> bool:
    """启动中, within its days, and at this store if one is named."""
    return (
        campaign.state == CampaignState.RUNNING
        and is_on(campaign, day_of(at, zone))
        and (store is None or campaign.stores is None or store in campaign.stores)
    )


def is_on(campaign: Standing, day: date) -> bool:
    """Whether a day is among its own."""
    return (campaign.starts_on is None or campaign.starts_on <= day) and (
        campaign.ends_on is None or day <= campaign.ends_on
    )


def is_paid_for(kind: str, *, at: datetime, zone: ZoneInfo) -> bool:
    """营销包年 of that day is for the kind, or the kind needs none."""
    if not programme_of(kind).needs_package:
        return True
    return is_subscribed(tenancy.merchant_id(), on=day_of(at, zone), kind=kind)
