"""收银入口 (S2-17, S2-34): which of points' buttons a till shows on the member's page."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import and_, bindparam, select

from backend.calendar import day_of
from backend.campaigns.models import Campaign, CampaignKind, CampaignState
from backend.campaigns.running import is_in_force
from backend.database import db
from backend.merchants.models import Merchant, Subscription
from backend.points.manual import switches_of

UTC = ZoneInfo("UTC")

_RUNNING = (
    select(Campaign, Merchant.zone, Subscription)
    .join(Merchant, Merchant.id == Campaign.merchant_id)
    .outerjoin(
        Subscription,
        and_(
            Subscription.merchant_id == Campaign.merchant_id,
            Subscription.starts_on <= bindparam("tomorrow"),
            Subscription.ends_on >= bindparam("yesterday"),
        ),
    )
    .where(
        Campaign.kind.in_((CampaignKind.MANUAL_POINTS, CampaignKind.POINTS_EXCHANGE)),
        Campaign.state == CampaignState.RUNNING,
    )
)
"""Each campaign once for every 营销包年 that may be in force, wherever the merchant's day ends."""


@dataclass(frozen=True)
class TillEntries:
    """手动增加积分, 手动扣减积分, 积分商城."""

    add_points: bool
    subtract_points: bool
    exchange: bool


def till_entries(*, store_code: str, now: datetime) -> TillEntries:
    """What is switched on at this store now, in one statement: every member identified asks it."""
    day, shown = timedelta(days=1), TillEntries(False, False, False)
    days = {"yesterday": day_of(now - day, UTC), "tomorrow": day_of(now + day, UTC)}
    for campaign, zone_name, package in db.session.execute(_RUNNING, days):
        zone = ZoneInfo(zone_name)
        if not is_in_force(campaign, at=now, zone=zone):
            continue
        if campaign.kind == CampaignKind.MANUAL_POINTS:
            manual = switches_of(campaign)
            shown = replace(shown, add_points=manual.add, subtract_points=manual.subtract)
        elif campaign.stores is None or store_code in campaign.stores:
            exchange = _covers(package, campaign.kind, on=day_of(now, zone))
            shown = replace(shown, exchange=shown.exchange or exchange)
    return shown


def _covers(package: Subscription | None, kind: str, *, on: date) -> bool:
    return (
        package is not None
        and package.starts_on <= on <= package.ends_on
        and (not package.kinds or kind in package.kinds)
    )
