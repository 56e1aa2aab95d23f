"""票券营销 (S0): by customer class, on follow and in the waves at 09:00 and 16:00."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, false, not_, or_, select

from backend import tenancy
from backend.campaigns import cadence, offers
from backend.campaigns.cadence import Cycle
from backend.campaigns.crowd import PartCrowd, Reason, Scene, class_marketing_plans, in_hand
from backend.campaigns.kinds.class_marketing import ClassMarketing, Part
from backend.campaigns.models import CampaignKind, Grant, Offer
from backend.campaigns.programmes.programme import Programme, Waves
from backend.coupons.models import Coupon
from backend.database import db, table_of
from backend.members.models import Member

_members, _grants = table_of(Member), table_of(Grant)
_coupons, _offers = table_of(Coupon), table_of(Offer)


class _Slots(Waves[ClassMarketing]):
    """09:00 and 16:00 of every day (S0-09)."""

    at_once = True
    shares_rules = True

    def due(
        self, settings: ClassMarketing, *, first_started_at: datetime, zone: ZoneInfo, at: datetime
    ) -> Cycle | None:
        return cadence.due_slot(first_started_at=first_started_at, zone=zone, at=at)

    def planned(
        self,
        settings: ClassMarketing,
        *,
        first_started_at: datetime,
        zone: ZoneInfo,
        after: datetime,
        until: datetime,
    ) -> list[Cycle]:
        return cadence.class_slots(
            first_started_at=first_started_at, after=after, until=until, zone=zone
        )

    def next_dates(
        self,
        settings: ClassMarketing,
        *,
        first_started_at: datetime | None,
        zone: ZoneInfo,
        n: int,
        now: datetime,
    ) -> list[datetime]:
        dates: list[datetime] = []
        while len(dates) < n:
            after = dates[-1] if dates else now
            dates.append(cadence.next_slot(zone=zone, now=after).planned_at)
        return dates

    def crowd(self, settings: ClassMarketing, scene: Scene) -> list[PartCrowd]:
        """Followers of the classes whose part is on; passed over by S0-08, S0-24, S0-25."""
        plans = class_marketing_plans()
        holds = scene.has(
            _coupons,
            in_hand(_coupons),
            _coupons.c.valid_until > scene.at,
            _coupons.c.campaign_id.in_(plans),
            scene.known(_coupons.c.claimed_at),
        )
        busy = scene.busy_this_week
        crowds = []
        for part in settings.parts_on:
            offer = offers.current(scene.campaign.id, part)
            if offer is None:
                continue
            meant = [
                *scene.reachable,
                _members.c.follows.is_(True),
                _members.c.customer_class == part.value,
            ]
            if not settings.part(part).again:
                meant.append(or_(not_(_had(part, plans, scene)), holds))
            reasons = [
                (Reason.HOLDS_COUPON, holds),
                *busy,
                *scene.always(offer),
            ]
            crowds.append(PartCrowd(part.value, offer, meant, reasons))
        return crowds

    def why_not_meant(self, settings: ClassMarketing, member: Member) -> tuple[str, str]:
        part = Part(member.customer_class)
        if not member.follows:
            return "not_following", "没有关注公众号"
        if not settings.part(part).on:
            return "part_off", f"{part.label}没有开启发券"
        if not settings.part(part).again:
            return "not_again", f"{part.label}的券用完或过期后不再发放"
        return "no_coupons", "活动的券已停用"


class ClassMarketingProgramme(Programme[ClassMarketing]):
    """票券营销."""

    kind = CampaignKind.CLASS_MARKETING
    label = "票券营销"
    settings = ClassMarketing
    waves = _Slots()


CLASS_MARKETING = ClassMarketingProgramme()


def _had(part: Part, plans: Sequence[int], scene: Scene) -> ColumnElement[bool]:
    """Whether this part was granted to the person before, by any plan of the merchant."""
    given = list(
        db.session.connection().scalars(
            select(_offers.c.id).where(
                _offers.c.merchant_id == tenancy.merchant_id(),
                _offers.c.campaign_id.in_(plans),
                _offers.c.part == part.value,
            )
        )
    )
    return scene.has(_grants, _grants.c.offer_id.in_(given)) if given else false()
