"""商城商品与活动 (S1-11…14): which campaign makes coupons of a mall's product, and what such a
campaign may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.campaigns.models import CampaignKind
from backend.campaigns.programmes.mall_voucher import MALL_VOUCHER
from backend.campaigns.running import running


@dataclass(frozen=True)
class LinkedProduct:
    """A product that has a running campaign; ``store``: of this store's shop only."""

    campaign_id: int
    product: str
    store: str | None


def linked_products(*, at: datetime) -> list[LinkedProduct]:
    """Every product that becomes coupons at ``at``, those of one store first."""
    found = [
        LinkedProduct(campaign.id, settings.product, settings.store)
        for campaign in running(CampaignKind.MALL_VOUCHER, at=at)
        for settings in [MALL_VOUCHER.settings_of(campaign)]
    ]
    return sorted(found, key=lambda linked: (linked.store is None, linked.campaign_id))


def linked(products: Sequence[LinkedProduct], product: str, *, store: str) -> LinkedProduct | None:
    """What a sale of this product at the store's shop becomes; None: it waits for its link."""
    fitting = (each for each in products if each.product == product)
    return next((each for each in fitting if each.store in (None, store)), None)
