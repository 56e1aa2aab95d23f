"""活动种类: one file each, with its settings exactly as the set-up file spells them."""

from collections.abc import Mapping

from pydantic import JsonValue, ValidationError

from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds import class_marketing, periodic
from backend.campaigns.kinds.class_marketing import ClassMarketing
from backend.campaigns.kinds.periodic import Periodic
from backend.campaigns.models import CampaignKind
from backend.errors import FieldError
from backend.wrong_fields import field_errors

Settings = ClassMarketing | Periodic

_SETTINGS: Mapping[str, type[Settings]] = {
    CampaignKind.CLASS_MARKETING: ClassMarketing,
    CampaignKind.PERIODIC: Periodic,
}
_LABELS: Mapping[str, str] = {
    CampaignKind.CLASS_MARKETING: class_marketing.LABEL,
    CampaignKind.PERIODIC: periodic.LABEL,
}


def parse(kind: str, settings: Mapping[str, JsonValue]) -> Settings:
    """The settings of a kind as stored or sent; CampaignInvalid names what is wrong."""
    if kind not in _SETTINGS:
        raise CampaignInvalid(errors=[FieldError(field="kind", message="没有这种活动")])
    try:
        return _SETTINGS[kind].model_validate(dict(settings))
    except ValidationError as error:
        raise CampaignInvalid(errors=field_errors(error)) from None


def label(kind: str) -> str:
    """The kind as people call it."""
    return _LABELS[kind]


def is_online_activity(kind: str) -> bool:
    """参与线上活动 unless the campaign says otherwise (R-02)."""
    return kind != CampaignKind.CLASS_MARKETING


def path_of(part: str) -> str:
    """Where a part's coupons stand in the settings."""
    return f"parts.{part}.coupons" if part else "coupons"
