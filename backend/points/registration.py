"""注册送积分 (S2-18): what registering brings, once in a member's life."""

from datetime import datetime

from sqlalchemy import select

from backend import tenancy
from backend.calendar import day_of
from backend.campaigns import queries
from backend.campaigns.kinds.registration_points import RegistrationPoints
from backend.campaigns.models import Campaign, CampaignKind
from backend.database import db, transactional
from backend.merchants.subscription import is_subscribed
from backend.points import ledger
from backend.points.account import Entry


@transactional
def welcome(member_id: int, *, now: datetime) -> Entry | None:
    """Points for who has just registered, where the campaign runs."""
    zone, kind = queries.calendar().zone, CampaignKind.REGISTRATION_POINTS
    for campaign in db.session.scalars(select(Campaign).where(Campaign.kind == kind)):
        settings = RegistrationPoints.read(campaign.settings)
        if queries.is_running(campaign, at=now, zone=zone) and is_subscribed(
            tenancy.merchant_id(), on=day_of(now, zone), kind=kind
        ):
            cause = f"registration-{member_id}"
            return ledger.earn(member_id, settings.points, cause=cause, now=now)
    return None
