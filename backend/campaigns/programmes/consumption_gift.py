"""会员消费送优惠券 (S2-51…57): its moment is ``gifts.for_bill``."""

from collections.abc import Iterator

from backend.campaigns.kinds.consumption_gift import ConsumptionGift
from backend.campaigns.models import Campaign, CampaignKind
from backend.campaigns.programmes.programme import Programme
from backend.errors import FieldError


class ConsumptionGiftProgramme(Programme[ConsumptionGift]):
    """会员消费送优惠券."""

    kind = CampaignKind.CONSUMPTION_GIFT
    label = "会员消费送优惠券"
    settings = ConsumptionGift

    def missing(self, campaign: Campaign, settings: ConsumptionGift) -> Iterator[FieldError]:
        if not settings.rules:
            yield FieldError(field="rules", message="请至少添加一条赠送规则")


CONSUMPTION_GIFT = ConsumptionGiftProgramme()
