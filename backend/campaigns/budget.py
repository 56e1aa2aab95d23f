"""预算: most grants of a campaign in all, and most in a day, whatever became of them.

Whoever grants holds the campaign's row, so that what is counted here stays true until it commits.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from backend import tenancy
from backend.calendar import day_of, end_of_day, start_of_day
from backend.campaigns.at_settlement import Met
from backend.campaigns.models import Campaign, Grant
from backend.database import db, table_of

_grants = table_of(Grant)


def left(campaign: Campaign | Met, *, zone: ZoneInfo, at: datetime) -> int | None:
    """How many more grants dated ``at`` there may be. ``None``: no budget."""
    limits = []
    if campaign.budget_total is not None:
        limits.append(campaign.budget_total - _granted(campaign.id))
    if campaign.budget_per_day is not None:
        day = day_of(at, zone)
        today = _granted(campaign.id, start_of_day(day, zone), end_of_day(day, zone))
        limits.append(campaign.budget_per_day - today)
    return max(0, min(limits)) if limits else None


def _granted(campaign_id: int, *between: datetime) -> int:
    counted = select(func.count()).where(
        _grants.c.merchant_id == tenancy.merchant_id(),
        _grants.c.campaign_id == campaign_id,
    )
    if between:
        start, end = between
        counted = counted.where(_grants.c.granted_at >= start, _grants.c.granted_at < end)
    return int(db.session.connection().scalar(counted) or 0)
