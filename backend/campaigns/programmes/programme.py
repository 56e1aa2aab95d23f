"""一种活动: what a kind of campaign is called, may give and needs, and how its waves run."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, Generic, TypeVar
from zoneinfo import ZoneInfo

from backend.campaigns.cadence import Cycle
from backend.campaigns.crowd import PartCrowd, Scene
from backend.campaigns.kinds.settings import CampaignSettings
from backend.campaigns.models import Campaign, CampaignKind
from backend.coupons.kinds import CouponKind
from backend.errors import FieldError
from backend.members.models import Member

S = TypeVar("S", bound=CampaignSettings)


class Waves(ABC, Generic[S]):
    """按批次发券: when a kind's cycles are, whom each means, and how they get it."""

    at_once: ClassVar[bool] = False
    """Straight into the card pack; else what is given waits for a login (R-19)."""
    shares_rules: ClassVar[bool] = False
    """All campaigns of the kind look at what each other gave: a chunk holds them all."""

    @abstractmethod
    def due(
        self, settings: S, *, first_started_at: datetime, zone: ZoneInfo, at: datetime
    ) -> Cycle | None:
        """The newest cycle planned by ``at``."""

    @abstractmethod
    def planned(
        self,
        settings: S,
        *,
        first_started_at: datetime,
        zone: ZoneInfo,
        after: datetime,
        until: datetime,
    ) -> list[Cycle]:
        """The cycles planned in [``after``, ``until``), in order."""

    @abstractmethod
    def next_dates(
        self,
        settings: S,
        *,
        first_started_at: datetime | None,
        zone: ZoneInfo,
        n: int,
        now: datetime,
    ) -> list[datetime]:
        """The next planned instants; not started yet: as if it were started now."""

    @abstractmethod
    def crowd(self, settings: S, scene: Scene) -> list[PartCrowd]:
        """The parts that can give something now, and whom each means."""

    @abstractmethod
    def why_not_meant(self, settings: S, member: Member) -> tuple[str, str]:
        """Code and words for a member whom no part means."""

    def claim_until(self, settings: S, cycle_at: datetime, *, zone: ZoneInfo) -> datetime | None:
        """领取期 of what a cycle gives; None: any time, or given at once."""
        return None


class Programme(Generic[S]):
    """One kind of campaign."""

    kind: CampaignKind
    label: str
    """The kind as people call it."""
    settings: type[S]
    one_only: bool = False
    """A merchant has one at a time, opening it again edits it (S2-19)."""
    online: bool = False
    """参与线上活动 unless the campaign says otherwise (R-02)."""
    needs_package: bool = True
    """It is in force within 营销包年 only."""
    may_give: frozenset[CouponKind] = frozenset(CouponKind)
    """券种 that it may give (S1-12, S2-29)."""
    waves: Waves[S] | None = None
    """None: it gives when something happens, not in waves."""

    def settings_of(self, campaign: Campaign) -> S:
        """The campaign's settings, in this kind's terms."""
        return self.settings.read(campaign.settings)

    def hold(self) -> None:
        """Whoever saves or starts one of this kind takes turns, where the kind needs that."""

    def refuse_wrong(self, campaign: Campaign, settings: S) -> None:
        """CampaignInvalid for settings that no campaign of this kind may be saved with."""

    def saved(self, campaign: Campaign, settings: S, before: S | None, *, now: datetime) -> None:
        """What else is kept when a campaign is saved; ``before``: its settings until then."""

    def missing(self, campaign: Campaign, settings: S) -> Iterable[FieldError]:
        """What it still needs before it may run, beside what every kind needs."""
        return ()
