"""何时发: the cycles of a campaign; none for a kind that does not give in waves."""

from datetime import datetime
from zoneinfo import ZoneInfo

from backend.calendar import day_of
from backend.campaigns.cadence import Cycle
from backend.campaigns.models import Campaign
from backend.campaigns.programmes import programme_of
from backend.campaigns.running import is_on


def due(campaign: Campaign, *, zone: ZoneInfo, at: datetime) -> Cycle | None:
    """The cycle that may run at that instant: planned by then, on a day of the campaign."""
    programme = programme_of(campaign.kind)
    if programme.waves is None or campaign.first_started_at is None:
        return None
    cycle = programme.waves.due(
        programme.settings_of(campaign),
        first_started_at=campaign.first_started_at,
        zone=zone,
        at=at,
    )
    return cycle if cycle and is_on(campaign, day_of(cycle.planned_at, zone)) else None


def planned(campaign: Campaign, *, zone: ZoneInfo, after: datetime, until: datetime) -> list[Cycle]:
    """The cycles planned in [``after``, ``until``), in order."""
    programme = programme_of(campaign.kind)
    if programme.waves is None or campaign.first_started_at is None:
        return []
    cycles = programme.waves.planned(
        programme.settings_of(campaign),
        first_started_at=campaign.first_started_at,
        zone=zone,
        after=after,
        until=until,
    )
    return [cycle for cycle in cycles if is_on(campaign, day_of(cycle.planned_at, zone))]


def next_dates(campaign: Campaign, *, zone: ZoneInfo, n: int = 5, now: datetime) -> list[datetime]:
    """预告: the next planned instants (S3-20, S3-21, S0-18)."""
    programme = programme_of(campaign.kind)
    if programme.waves is None:
        return []
    return programme.waves.next_dates(
        programme.settings_of(campaign),
        first_started_at=campaign.first_started_at,
        zone=zone,
        n=n,
        now=now,
    )


def claim_until(campaign: Campaign, cycle_at: datetime, *, zone: ZoneInfo) -> datetime | None:
    """领取期 of what the cycle of that planned instant gives; None: any time, or given at once."""
    programme = programme_of(campaign.kind)
    if programme.waves is None:
        return None
    return programme.waves.claim_until(programme.settings_of(campaign), cycle_at, zone=zone)
