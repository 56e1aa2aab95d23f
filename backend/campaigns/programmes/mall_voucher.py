"""聚微量票券核销 (S1-11…14): its moment is a sale that a mall reports."""

from collections.abc import Iterator

from sqlalchemy import select

from backend.campaigns import queries
from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds.mall_voucher import MallVoucher
from backend.campaigns.models import Campaign, CampaignKind, CampaignState
from backend.campaigns.programmes.programme import Programme
from backend.coupons.kinds import CouponKind
from backend.database import db
from backend.errors import FieldError
from backend.merchants.models import Store


class MallVoucherProgramme(Programme[MallVoucher]):
    """聚微量票券核销."""

    kind = CampaignKind.MALL_VOUCHER
    label = "聚微量票券核销"
    settings = MallVoucher
    online = True
    needs_package = False
    may_give = frozenset({CouponKind.CASH, CouponKind.GIFT, CouponKind.DEDUCTION})

    def hold(self) -> None:
        """A product never has two campaigns that run."""
        queries.locked_all(self.kind)

    def refuse_wrong(self, campaign: Campaign, settings: MallVoucher) -> None:
        """An unknown store, or a budget, since what was paid for is always honoured."""
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

    def missing(self, campaign: Campaign, settings: MallVoucher) -> Iterator[FieldError]:
        """每个活动对应一种票券类型 (S1-13): another campaign that runs for the same product."""
        switched_on = select(Campaign).where(
            Campaign.kind == self.kind, Campaign.state == CampaignState.RUNNING
        )
        for other in db.session.scalars(switched_on.order_by(Campaign.id)):
            theirs = self.settings_of(other)
            same = (theirs.product, theirs.store) == (settings.product, settings.store)
            if same and other.id != campaign.id:
                words = f"商品{settings.product}已由活动“{other.name}”关联，请先结束它"
                yield FieldError(field="product", message=words)
                return


MALL_VOUCHER = MallVoucherProgramme()
