"""活动种类: one file each, with its settings exactly as the set-up file spells them."""

from collections.abc import Mapping

from pydantic import JsonValue, ValidationError

from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds import (
    class_marketing,
    consumption_points,
    holiday_points,
    manual_points,
    periodic,
    registration_points,
)
from backend.campaigns.kinds.class_marketing import ClassMarketing
from backend.campaigns.kinds.consumption_points import ConsumptionPoints
from backend.campaigns.kinds.holiday_points import HolidayPoints
from backend.campaigns.kinds.manual_points import ManualPoints
from backend.campaigns.kinds.periodic import Periodic
from backend.campaigns.kinds.registration_points import RegistrationPoints
from backend.campaigns.models import CampaignKind
from backend.errors import FieldError
from backend.wrong_fields import field_errors

PointsSettings = RegistrationPoints | ConsumptionPoints | HolidayPoints | ManualPoints
Settings = ClassMarketing | Periodic | PointsSettings

_SETTINGS: Mapping[str, type[Settings]] = {
    CampaignKind.CLASS_MARKETING: ClassMarketing,
    CampaignKind.PERIODIC: Periodic,
    CampaignKind.REGISTRATION_POINTS: RegistrationPoints,
    CampaignKind.CONSUMPTION_POINTS: ConsumptionPoints,
    CampaignKind.HOLIDAY_POINTS: HolidayPoints,
    CampaignKind.MANUAL_POINTS: ManualPoints,
}
_LABELS: Mapping[str, str] = {
    CampaignKind.CLASS_MARKETING: class_marketing.LABEL,
    CampaignKind.PERIODIC: periodic.LABEL,
    CampaignKind.REGISTRATION_POINTS: registration_points.LABEL,
    CampaignKind.CONSUMPTION_POINTS: consumption_points.LABEL,
    CampaignKind.HOLIDAY_POINTS: holiday_points.LABEL,
    CampaignKind.MANUAL_POINTS: manual_points.LABEL,
}
ONE_RULE = frozenset(
    {
        CampaignKind.REGISTRATION_POINTS,
        CampaignKind.CONSUMPTION_POINTS,
        CampaignKind.MANUAL_POINTS,
    }
)
"""Kinds of which a merchant has one campaign at a time: opening it again edits it (S2-19)."""


def parse(kind: str, settings: Mapping[str, JsonValue]) -> Settings:
    """The settings of a kind as stored or sent; CampaignInvalid names what is wrong."""
    if kind not in _SETTINGS:
        raise CampaignInvalid(errors=[FieldError(field="kind", message="没有这种活动")])
    try:
        return _SETTINGS[kind].model_validate(dict(settings))
    except ValidationError as error:
        raise CampaignInvalid(errors=field_errors(error, said=dict(settings))) from None


def label(kind: str) -> str:
    """The kind as people call it."""
    return _LABELS[kind]


def is_online_activity(kind: str) -> bool:
    """参与线上活动 unless the campaign says otherwise (R-02)."""
    return kind == CampaignKind.PERIODIC


def path_of(part: str) -> str:
    """Where a part's coupons stand in the settings."""
    return f"parts.{part}.coupons" if part else "coupons"
