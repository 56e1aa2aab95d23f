"""商城商品与活动 (S1-11…14): which campaign makes coupons of a mall's product, and what such a
campaign may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from backend.campaigns import queries
from backend.campaigns.kinds.mall_voucher import MallVoucher
from backend.campaigns.models import Campaign, CampaignKind, CampaignState
from backend.database import db


@dataclass(frozen=True)
class LinkedProduct:
    """A product that has a running campaign; ``store``: of this store's shop only."""

    campaign_id: int
    product: str
    store: str | None


def running(*, at: datetime) -> list[LinkedProduct]:
    """Every product that becomes coupons at ``at``, those of one store first."""
    zone = queries.calendar().zone
    found = [
        LinkedProduct(campaign.id, settings.product, settings.store)
        for campaign, settings in all_running()
        if queries.is_running(campaign, at=at, zone=zone)
    ]
    return sorted(found, key=lambda linked: (linked.store is None, linked.campaign_id))


def linked(products: Sequence[LinkedProduct], product: str, *, store: str) -> LinkedProduct | None:
    """What a sale of this product at the store's shop becomes; None: it waits for its link."""
    fitting = (each for each in products if each.product == product)
    return next((each for each in fitting if each.store in (None, store)), None)


def hold() -> None:
    """Who starts such campaigns takes turns, so that a product never has two."""
    queries.locked_all(CampaignKind.MALL_VOUCHER)


def all_running() -> list[tuple[Campaign, MallVoucher]]:
    """Every campaign of the kind that is switched on, whatever its days."""
    campaigns = db.session.scalars(
        select(Campaign)
        .where(Campaign.kind == CampaignKind.MALL_VOUCHER, Campaign.state == CampaignState.RUNNING)
        .order_by(Campaign.id)
    )
    return [(each, MallVoucher.read(each.settings)) for each in campaigns]
