"""积分活动: rules about points that give no coupons; levels are named as they are called."""

from typing import TypeVar

from sqlalchemy import select

from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds.consumption_points import ConsumptionPoints
from backend.campaigns.kinds.holiday_points import HolidayPoints
from backend.campaigns.kinds.manual_points import ManualPoints
from backend.campaigns.kinds.points import PointsKind
from backend.campaigns.kinds.registration_points import RegistrationPoints
from backend.campaigns.models import Campaign, CampaignKind
from backend.campaigns.programmes.programme import Programme
from backend.database import db
from backend.errors import FieldError
from backend.members.models import MemberLevel

_Rule = TypeVar("_Rule", bound=PointsKind)


class PointsProgramme(Programme[_Rule]):
    """A kind that is about points."""

    def refuse_wrong(self, campaign: Campaign, settings: _Rule) -> None:
        """A level that is not there."""
        if not settings.level_names:
            return
        known = set(db.session.scalars(select(MemberLevel.name)))
        if unknown := sorted(settings.level_names - known):
            words = f"没有会员等级{'、'.join(unknown)}"
            errors = [FieldError(field=settings.levels_stand_in, message=words)]
            raise CampaignInvalid(errors=errors)


class RegistrationPointsProgramme(PointsProgramme[RegistrationPoints]):
    """注册送积分: its moment is ``points.registration``."""

    kind = CampaignKind.REGISTRATION_POINTS
    label = "注册送积分"
    settings = RegistrationPoints
    one_only = True


class ConsumptionPointsProgramme(PointsProgramme[ConsumptionPoints]):
    """消费送积分: its moment is ``points.earn``."""

    kind = CampaignKind.CONSUMPTION_POINTS
    label = "消费送积分"
    settings = ConsumptionPoints
    one_only = True


class HolidayPointsProgramme(PointsProgramme[HolidayPoints]):
    """节假日多倍积分: its moment is ``points.earn``."""

    kind = CampaignKind.HOLIDAY_POINTS
    label = "节假日多倍积分"
    settings = HolidayPoints


class ManualPointsProgramme(PointsProgramme[ManualPoints]):
    """手动增减积分: what ``points.manual`` lets a till do."""

    kind = CampaignKind.MANUAL_POINTS
    label = "手动增减积分"
    settings = ManualPoints
    one_only = True
    needs_package = False


REGISTRATION_POINTS = RegistrationPointsProgramme()
CONSUMPTION_POINTS = ConsumptionPointsProgramme()
HOLIDAY_POINTS = HolidayPointsProgramme()
MANUAL_POINTS = ManualPointsProgramme()
