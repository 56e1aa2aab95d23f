"""何时发: the cycles of a campaign by its kind, and in which order waves of one minute run."""

from datetime import datetime
from zoneinfo import ZoneInfo

from backend.calendar import day_of
from backend.campaigns import cadence, kinds
from backend.campaigns.cadence import Cycle
from backend.campaigns.kinds.periodic import Periodic
from backend.campaigns.models import Campaign, CampaignKind

WAVE_KINDS = (CampaignKind.CLASS_MARKETING, CampaignKind.PERIODIC)
"""Kinds that run in waves, in the order in which waves of the same minute run."""


def due(campaign: Campaign, *, zone: ZoneInfo, at: datetime) -> Cycle | None:
    """The cycle that may run at that instant: planned by then, on a day of the campaign."""
    if campaign.first_started_at is None:
        return None
    settings = kinds.parse(campaign.kind, campaign.settings)
    if isinstance(settings, Periodic):
        cycle = cadence.due(
            settings.timetable, first_started_at=campaign.first_started_at, zone=zone, at=at
        )
    else:
        cycle = cadence.due_slot(first_started_at=campaign.first_started_at, zone=zone, at=at)
    return cycle if cycle and _on_its_days(campaign, cycle, zone) else None


def planned(campaign: Campaign, *, zone: ZoneInfo, after: datetime, until: datetime) -> list[Cycle]:
    """The cycles planned in [``after``, ``until``), in order."""
    if campaign.first_started_at is None:
        return []
    settings = kinds.parse(campaign.kind, campaign.settings)
    if isinstance(settings, Periodic):
        cycles = cadence.cycles(
            settings.timetable,
            first_started_at=campaign.first_started_at,
            after=after,
            until=until,
            zone=zone,
        )
    else:
        cycles = cadence.class_slots(
            first_started_at=campaign.first_started_at, after=after, until=until, zone=zone
        )
    return [cycle for cycle in cycles if _on_its_days(campaign, cycle, zone)]


def claim_until(campaign: Campaign, cycle_at: datetime, *, zone: ZoneInfo) -> datetime | None:
    """领取期 of what the cycle of that planned instant gives; None: any time, or given at once."""
    settings = kinds.parse(campaign.kind, campaign.settings)
    if isinstance(settings, Periodic):
        return cadence.claim_until(cycle_at, settings.claim_window, zone=zone)
    return None


def _on_its_days(campaign: Campaign, cycle: Cycle, zone: ZoneInfo) -> bool:
    day = day_of(cycle.planned_at, zone)
    return (campaign.starts_on is None or campaign.starts_on <= day) and (
        campaign.ends_on is None or day <= campaign.ends_on
    )
