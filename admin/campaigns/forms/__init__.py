"""活动表单: one for each kind, in the order in which they are offered."""

from collections.abc import Mapping
from typing import Any

from admin.campaigns.forms.class_marketing import ClassMarketingForm
from admin.campaigns.forms.consumption_gift import ConsumptionGiftForm
from admin.campaigns.forms.form import KindForm
from admin.campaigns.forms.mall_voucher import MallVoucherForm
from admin.campaigns.forms.periodic import PeriodicKindForm
from admin.campaigns.forms.points import (
    ConsumptionPointsForm,
    HolidayPointsForm,
    ManualPointsForm,
    RegistrationPointsForm,
)
from admin.campaigns.forms.points_exchange import PointsExchangeForm
from backend.campaigns.models import CampaignKind

FORMS: Mapping[str, KindForm[Any]] = {
    CampaignKind.PERIODIC: PeriodicKindForm(),
    CampaignKind.CONSUMPTION_GIFT: ConsumptionGiftForm(),
    CampaignKind.CLASS_MARKETING: ClassMarketingForm(),
    CampaignKind.MALL_VOUCHER: MallVoucherForm(),
    CampaignKind.POINTS_EXCHANGE: PointsExchangeForm(),
    CampaignKind.REGISTRATION_POINTS: RegistrationPointsForm(),
    CampaignKind.CONSUMPTION_POINTS: ConsumptionPointsForm(),
    CampaignKind.HOLIDAY_POINTS: HolidayPointsForm(),
    CampaignKind.MANUAL_POINTS: ManualPointsForm(),
}


def by_section() -> Mapping[str, list[tuple[str, KindForm[Any]]]]:
    """The kinds under their headings, for who chooses one."""
    sections: dict[str, list[tuple[str, KindForm[Any]]]] = {}
    for kind, form in FORMS.items():
        sections.setdefault(form.section, []).append((kind, form))
    return sections
