"""积分兑换卡券 (S2-29…36): its moment is ``points.exchange``."""

from collections.abc import Iterator

from sqlalchemy import select

from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds.points_exchange import PointsExchange
from backend.campaigns.models import Campaign, CampaignKind
from backend.campaigns.programmes.programme import Programme
from backend.coupons.kinds import CouponKind
from backend.database import db
from backend.errors import FieldError
from backend.members.models import MemberLevel


class PointsExchangeProgramme(Programme[PointsExchange]):
    """积分兑换卡券."""

    kind = CampaignKind.POINTS_EXCHANGE
    label = "积分兑换卡券"
    settings = PointsExchange
    online = True
    may_give = frozenset({CouponKind.DISCOUNT, CouponKind.CASH, CouponKind.GIFT})

    def refuse_wrong(self, campaign: Campaign, settings: PointsExchange) -> None:
        """Each coupon has one price, levels are named as they are called (S2-31)."""
        known = set(db.session.scalars(select(MemberLevel.name)))
        wrong, seen = [], set()
        for place, offer in enumerate(settings.offers):
            if offer.template in seen:
                words = "同一张券只能有一个兑换价"
                wrong.append(FieldError(field=f"offers.{place}.template", message=words))
            seen.add(offer.template)
            unknown = sorted(set(offer.points) - known) if isinstance(offer.points, dict) else []
            if unknown:
                words = f"没有会员等级{'、'.join(unknown)}"
                wrong.append(FieldError(field=f"offers.{place}.points", message=words))
        if wrong:
            raise CampaignInvalid(errors=wrong)

    def missing(self, campaign: Campaign, settings: PointsExchange) -> Iterator[FieldError]:
        if not settings.offers:
            yield FieldError(field="offers", message="请至少添加一张可兑换的券")


POINTS_EXCHANGE = PointsExchangeProgramme()
