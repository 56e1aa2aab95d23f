"""注册送积分 (S2-18): what registering brings, once in a member's life."""

from datetime import datetime

from backend.campaigns.kinds.registration_points import RegistrationPoints
from backend.campaigns.models import CampaignKind
from backend.campaigns.running import running
from backend.database import transactional
from backend.points import ledger
from backend.points.account import Entry


@transactional
def welcome(member_id: int, *, now: datetime) -> Entry | None:
    """Points for who has just registered, where the campaign runs."""
    for campaign in running(CampaignKind.REGISTRATION_POINTS, at=now):
        settings = RegistrationPoints.read(campaign.settings)
        return ledger.earn(member_id, settings.points, cause=f"registration-{member_id}", now=now)
    return None
