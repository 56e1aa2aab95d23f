"""商城商品与活动 (S1-11…14): which campaign makes coupons of a mall's product, and what such a
campaign may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from backend.campaigns import kinds, queries
from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds.mall_voucher import MallVoucher
from backend.campaigns.models import Campaign, CampaignKind, CampaignState
from backend.database import db
from backend.errors import FieldError
from backend.merchants.models import Store


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
        for campaign, settings in _running()
        if queries.is_running(campaign, at=at, zone=zone)
    ]
    return sorted(found, key=lambda linked: (linked.store is None, linked.campaign_id))


def linked(products: Sequence[LinkedProduct], product: str, *, store: str) -> LinkedProduct | None:
    """What a sale of this product at the store's shop becomes; None: it waits for its link."""
    fitting = (each for each in products if each.product == product)
    return next((each for each in fitting if each.store in (None, store)), None)


def hold() -> None:
    """Who starts such campaigns takes turns, so that a product never has two."""
    queries.locked_mall_vouchers()


def refuse_wrong(campaign: Campaign, settings: MallVoucher) -> None:
    """CampaignInvalid: an unknown store, or a budget, since what was paid for is always
    honoured."""
    errors = []
    stores = select(Store.id).where(Store.code == settings.store)
    if settings.store is not None and db.session.scalar(stores) is None:
        errors.append(FieldError(field="store", message=f"没有门店{settings.store}"))
    for field, budget in (
        ("budget.total", campaign.budget_total),
        ("budget.per_day", campaign.budget_per_day),
    ):
        if budget is not None:
            words = "商城券已经付款，卖出多少兑现多少，不能设发放上限"
            errors.append(FieldError(field=field, message=words))
    if errors:
        raise CampaignInvalid(errors=errors)


def taken(campaign: Campaign, settings: MallVoucher) -> list[FieldError]:
    """每个活动对应一种票券类型 (S1-13): another campaign that runs for the same product."""
    for other, theirs in _running():
        same = (theirs.product, theirs.store) == (settings.product, settings.store)
        if same and other.id != campaign.id:
            words = f"商品{settings.product}已由活动“{other.name}”关联，请先结束它"
            return [FieldError(field="product", message=words)]
    return []


def _running() -> list[tuple[Campaign, MallVoucher]]:
    campaigns = db.session.scalars(
        select(Campaign)
        .where(Campaign.kind == CampaignKind.MALL_VOUCHER, Campaign.state == CampaignState.RUNNING)
        .order_by(Campaign.id)
    )
    pairs = [(each, kinds.parse(each.kind, each.settings)) for each in campaigns]
    return [(each, said) for each, said in pairs if isinstance(said, MallVoucher)]
