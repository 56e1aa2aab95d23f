"""定期送券 (S3): on its own timetable, to an audience found anew or frozen; claimed at login."""

from datetime import datetime
from zoneinfo import ZoneInfo

from backend.campaigns import audience, cadence, offers, queries
from backend.campaigns.cadence import Cycle
from backend.campaigns.crowd import PartCrowd, Scene
from backend.campaigns.kinds.periodic import FixedAudience, Periodic
from backend.campaigns.models import AudienceMember, Campaign, CampaignKind
from backend.campaigns.programmes.programme import Programme, Waves
from backend.database import table_of
from backend.members.models import Member

_audience = table_of(AudienceMember)


class _OwnTimetable(Waves[Periodic]):
    """The cycles of the campaign's timetable (S3-20, S3-21)."""

    def due(
        self, settings: Periodic, *, first_started_at: datetime, zone: ZoneInfo, at: datetime
    ) -> Cycle | None:
        return cadence.due(settings.timetable, first_started_at=first_started_at, zone=zone, at=at)

    def planned(
        self,
        settings: Periodic,
        *,
        first_started_at: datetime,
        zone: ZoneInfo,
        after: datetime,
        until: datetime,
    ) -> list[Cycle]:
        return cadence.cycles(
            settings.timetable,
            first_started_at=first_started_at,
            after=after,
            until=until,
            zone=zone,
        )

    def next_dates(
        self,
        settings: Periodic,
        *,
        first_started_at: datetime | None,
        zone: ZoneInfo,
        n: int,
        now: datetime,
    ) -> list[datetime]:
        return cadence.next_dates(
            settings.timetable, first_started_at=first_started_at, zone=zone, n=n, now=now
        )

    def claim_until(
        self, settings: Periodic, cycle_at: datetime, *, zone: ZoneInfo
    ) -> datetime | None:
        return cadence.claim_until(cycle_at, settings.claim_window, zone=zone)

    def crowd(self, settings: Periodic, scene: Scene) -> list[PartCrowd]:
        """The audience, dynamic or frozen; no weekly rules."""
        offer = offers.current(scene.campaign.id)
        if offer is None:
            return []
        if isinstance(settings.audience, FixedAudience):
            meant = scene.has(_audience, _audience.c.campaign_id == scene.campaign.id)
        else:
            meant = audience.matching(settings.audience, zone=scene.calendar.zone, at=scene.at)
        return [PartCrowd("", offer, [*scene.reachable, meant], scene.always(offer))]

    def why_not_meant(self, settings: Periodic, member: Member) -> tuple[str, str]:
        return "not_in_audience", "不在活动人群内"


class PeriodicProgramme(Programme[Periodic]):
    """定期送券."""

    kind = CampaignKind.PERIODIC
    label = "定期送券"
    settings = Periodic
    online = True
    waves = _OwnTimetable()

    def saved(
        self, campaign: Campaign, settings: Periodic, before: Periodic | None, *, now: datetime
    ) -> None:
        """A fixed audience is found when it is first said, not at every later edit (S3-18)."""
        audience.refuse_unknown(settings.audience)
        if not isinstance(settings.audience, FixedAudience):
            return
        if before is None or before.audience != settings.audience:
            zone = queries.calendar().zone
            audience.freeze(campaign.id, settings.audience, zone=zone, now=now)


PERIODIC = PeriodicProgramme()
