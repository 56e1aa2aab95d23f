"""预告: when a campaign will next run, for its form (S3-20, S3-21, S0-18)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from backend.campaigns import cadence
from backend.campaigns.kinds import Settings
from backend.campaigns.kinds.class_marketing import ClassMarketing
from backend.campaigns.kinds.periodic import Periodic


def next_dates(
    settings: Settings,
    *,
    first_started_at: datetime | None,
    zone: ZoneInfo,
    n: int = 5,
    now: datetime,
) -> list[datetime]:
    """The next planned instants; a campaign not started yet: as if it were started now. None for
    kinds that wait for something to happen."""
    if isinstance(settings, Periodic):
        return cadence.next_dates(
            settings.timetable, first_started_at=first_started_at, zone=zone, n=n, now=now
        )
    if not isinstance(settings, ClassMarketing):
        return []
    dates: list[datetime] = []
    while len(dates) < n:
        dates.append(cadence.next_slot(zone=zone, now=dates[-1] if dates else now).planned_at)
    return dates
