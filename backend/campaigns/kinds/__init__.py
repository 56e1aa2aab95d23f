"""活动种类: one file each, with its settings exactly as the set-up file spells them."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds import (
    class_marketing,
    consumption_gift,
    consumption_points,
    holiday_points,
    mall_voucher,
    manual_points,
    periodic,
    points_exchange,
    registration_points,
)
from backend.campaigns.kinds.class_marketing import ClassMarketing
from backend.campaigns.kinds.consumption_gift import ConsumptionGift
from backend.campaigns.kinds.consumption_points import ConsumptionPoints
from backend.campaigns.kinds.holiday_points import HolidayPoints
from backend.campaigns.kinds.mall_voucher import MallVoucher
from backend.campaigns.kinds.manual_points import ManualPoints
from backend.campaigns.kinds.periodic import Periodic
from backend.campaigns.kinds.points_exchange import PointsExchange
from backend.campaigns.kinds.registration_points import RegistrationPoints
from backend.campaigns.models import CampaignKind
from backend.coupons.kinds import CouponKind
from backend.errors import FieldError
from backend.wrong_fields import field_errors

PointsSettings = RegistrationPoints | ConsumptionPoints | HolidayPoints | ManualPoints
Settings = (
    ClassMarketing | Periodic | ConsumptionGift | PointsExchange | MallVoucher | PointsSettings
)


@dataclass(frozen=True)
class _Kind:
    """``one_only``: a merchant has one at a time, opening it again edits it (S2-19).
    ``online``: 参与线上活动 unless the campaign says otherwise (R-02)."""

    settings: type[Settings]
    label: str
    one_only: bool = False
    online: bool = False


_KINDS: Mapping[str, _Kind] = {
    CampaignKind.CLASS_MARKETING: _Kind(ClassMarketing, class_marketing.LABEL),
    CampaignKind.PERIODIC: _Kind(Periodic, periodic.LABEL, online=True),
    CampaignKind.CONSUMPTION_GIFT: _Kind(ConsumptionGift, consumption_gift.LABEL),
    CampaignKind.POINTS_EXCHANGE: _Kind(PointsExchange, points_exchange.LABEL, online=True),
    CampaignKind.MALL_VOUCHER: _Kind(MallVoucher, mall_voucher.LABEL, online=True),
    CampaignKind.REGISTRATION_POINTS: _Kind(
        RegistrationPoints, registration_points.LABEL, one_only=True
    ),
    CampaignKind.CONSUMPTION_POINTS: _Kind(
        ConsumptionPoints, consumption_points.LABEL, one_only=True
    ),
    CampaignKind.HOLIDAY_POINTS: _Kind(HolidayPoints, holiday_points.LABEL),
    CampaignKind.MANUAL_POINTS: _Kind(ManualPoints, manual_points.LABEL, one_only=True),
}


def parse(kind: str, settings: Mapping[str, JsonValue]) -> Settings:
    """The settings of a kind as stored or sent; CampaignInvalid names what is wrong."""
    if kind not in _KINDS:
        raise CampaignInvalid(errors=[FieldError(field="kind", message="没有这种活动")])
    try:
        return _KINDS[kind].settings.model_validate(dict(settings))
    except ValidationError as error:
        raise CampaignInvalid(errors=field_errors(error, said=dict(settings))) from None


def template_path(settings: Settings, part: str, position: int) -> str:
    """Where the template of one given coupon stands in the settings: ``offers.2.template``."""
    place = settings.path_of(part)
    match settings:
        case MallVoucher():
            return place
        case PointsExchange():
            return f"{place}.template"
        case _:
            return f"{place}.{position}.template"


def may_give(settings: Settings) -> frozenset[CouponKind]:
    """券种 that a campaign of this kind may give (S1-12, S2-29)."""
    match settings:
        case MallVoucher():
            return mall_voucher.KINDS
        case PointsExchange():
            return points_exchange.KINDS
        case _:
            return frozenset(CouponKind)


def label(kind: str) -> str:
    """The kind as people call it."""
    return _KINDS[kind].label


def is_one_only(kind: str) -> bool:
    """Whether a merchant has one of it at a time (S2-19)."""
    return _KINDS[kind].one_only


def is_online_activity(kind: str) -> bool:
    """参与线上活动 unless the campaign says otherwise (R-02)."""
    return _KINDS[kind].online
