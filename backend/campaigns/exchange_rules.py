"""积分兑换的限制: each coupon has one price, levels are named as they are called (S2-31)."""

from sqlalchemy import select

from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds.points_exchange import PointsExchange
from backend.database import db
from backend.errors import FieldError
from backend.members.models import MemberLevel


def refuse_wrong(settings: PointsExchange) -> None:
    """CampaignInvalid for a template that is offered twice, or a level that is not there."""
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
