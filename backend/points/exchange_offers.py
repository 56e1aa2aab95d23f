"""积分商城 (S2-30…36): what may be exchanged now, and what it costs a member."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Row, select

from backend import deployment, tenancy
from backend.campaigns.kinds.points_exchange import PointsExchange
from backend.campaigns.models import Campaign, CampaignCoupon, CampaignKind
from backend.campaigns.running import running
from backend.coupons.errors import SoldOut
from backend.coupons.models import Approval, CouponTemplate, TemplateRevision
from backend.database import db, table_of
from backend.errors import DomainError
from backend.members.view import MemberView, member_view
from backend.points.errors import LevelNotEligible, MemberBlacklisted, PointsInsufficient

_coupons, _templates = table_of(CampaignCoupon), table_of(CouponTemplate)
_revisions = table_of(TemplateRevision)


@dataclass(frozen=True)
class ExchangeOption:
    """一张可兑换的券 for one member. ``left``: pieces in stock, None: 不限量. ``refusal``: why the
    member cannot have it now."""

    campaign: Campaign
    introduction: str
    picture: str
    template_id: int
    title: str
    kind: str
    rule: dict[str, JsonValue]
    minimum_fen: int
    description: str
    points: int
    left: int | None
    refusal: DomainError | None

    @property
    def eligible(self) -> bool:
        """The level may, the points are enough, there is one left."""
        return self.refusal is None


def refusal(member: MemberView, *, price: int, left: int | None = None) -> DomainError | None:
    """Why this member cannot have what costs their level ``price``."""
    if member.blacklisted:
        return MemberBlacklisted()
    if price == 0:
        return LevelNotEligible()
    if left is not None and left < 1:
        return SoldOut()
    return PointsInsufficient(n=price - member.points) if member.points < price else None


def wishes(member_id: int, *, store_code: str | None = None, now: datetime) -> list[ExchangeOption]:
    """Every offer of the campaigns that run now (at this store), as it stands for the member."""
    member = member_view(member_id)
    found = {
        campaign.id: campaign
        for campaign in running(CampaignKind.POINTS_EXCHANGE, at=now, store=store_code)
    }
    settings = {id: settings_of(campaign) for id, campaign in found.items()}
    shown = []
    for row in _offered(sorted(found)):
        offer = settings[row.campaign_id].offer_of(row.code)
        if offer is None:
            continue
        price = offer.price(member.level)
        left = None if row.stock is None else row.stock - row.issued
        shown.append(
            ExchangeOption(
                campaign=found[row.campaign_id],
                introduction=settings[row.campaign_id].introduction,
                picture=_address(settings[row.campaign_id].picture or row.picture),
                template_id=row.id,
                title=row.title,
                kind=row.kind,
                rule=row.rule,
                minimum_fen=row.minimum_fen,
                description=row.description,
                points=price,
                left=left,
                refusal=refusal(member, price=price, left=left),
            )
        )
    return shown


def settings_of(campaign: Campaign) -> PointsExchange:
    """The settings of an exchange campaign."""
    return PointsExchange.read(campaign.settings)


def _address(picture: str) -> str:
    """What was uploaded here stands below the public address."""
    return f"{deployment.public_url()}{picture}" if picture.startswith("/") else picture


def _offered(campaign_ids: Sequence[int]) -> Sequence[Row[*tuple[Any, ...]]]:
    if not campaign_ids:
        return []
    return (
        db.session.connection()
        .execute(
            select(
                _coupons.c.campaign_id,
                _templates.c.id,
                _templates.c.code,
                _templates.c.stock,
                _templates.c.issued,
                _revisions.c.title,
                _revisions.c.kind,
                _revisions.c.rule,
                _revisions.c.minimum_fen,
                _revisions.c.picture,
                _revisions.c.description,
            )
            .join(_templates, _templates.c.id == _coupons.c.template_id)
            .join(_revisions, _revisions.c.id == _templates.c.revision_id)
            .where(
                _coupons.c.merchant_id == tenancy.merchant_id(),
                _coupons.c.campaign_id.in_(campaign_ids),
                _templates.c.approval == Approval.PASSED.value,
                _templates.c.archived.is_(False),
            )
            .order_by(_coupons.c.campaign_id, _coupons.c.id)
        )
        .all()
    )
