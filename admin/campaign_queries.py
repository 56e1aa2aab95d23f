"""活动查询: waves and the funnel of one campaign."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from admin import access
from backend.calendar import day_of
from backend.campaigns.models import AudienceMember, Campaign, CampaignState, Grant, Wave
from backend.coupons.models import Coupon, CouponState
from backend.database import db
from backend.members import phones as phone_numbers
from backend.members.models import Member
from backend.merchants.subscription import is_subscribed
from backend.redemption.models import Redemption
from backend.sales.models import Bill

EXECUTING = "执行中"


@dataclass(frozen=True)
class Funnel:
    """发放 → 领取 → 核销, and what it brought."""

    granted: int
    people: int
    claimed: int
    redeemed: int
    reduction_fen: int
    sales_fen: int


def standing(campaign: Campaign, *, now: datetime) -> str:
    """执行情况: whether a campaign that is switched on gives anything today, and why not."""
    shop = access.shop()
    today = day_of(now, shop.zone)
    match campaign.state:
        case CampaignState.DRAFT:
            return "未启动"
        case CampaignState.PAUSED:
            return "已暂停"
        case CampaignState.ENDED:
            return "已结束"
    if campaign.starts_on is not None and today < campaign.starts_on:
        return "未到开始日期"
    if campaign.ends_on is not None and campaign.ends_on < today:
        return "已过结束日期"
    if not is_subscribed(campaign.merchant_id, on=today, kind=campaign.kind):
        return "营销包年未开通，暂不执行"
    return EXECUTING


def waves(campaign_id: int, *, most: int = 30) -> Sequence[Wave]:
    """The newest waves of a campaign."""
    return db.session.scalars(
        select(Wave)
        .where(Wave.campaign_id == campaign_id)
        .order_by(Wave.planned_at.desc())
        .limit(most)
    ).all()


def funnel(campaign_id: int) -> Funnel:
    """How far the campaign's coupons came; a bill counts once (spec/07)."""
    granted, people = db.session.execute(
        select(
            func.coalesce(func.sum(Grant.quantity), 0), func.count(func.distinct(Grant.member_id))
        ).where(Grant.campaign_id == campaign_id)
    ).one()
    claimed, redeemed = db.session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(case((Coupon.state == CouponState.REDEEMED, 1), else_=0)), 0),
        ).where(Coupon.campaign_id == campaign_id)
    ).one()
    used = select(Redemption.bill_id).where(
        Redemption.campaign_id == campaign_id, Redemption.live_key.is_not(None)
    )
    reduction = db.session.scalar(
        select(func.coalesce(func.sum(Redemption.reduction_fen), 0)).where(
            Redemption.campaign_id == campaign_id, Redemption.live_key.is_not(None)
        )
    )
    sales = db.session.scalar(
        select(func.coalesce(func.sum(Bill.paid_fen), 0)).where(Bill.id.in_(used))
    )
    return Funnel(
        granted=int(granted),
        people=int(people),
        claimed=int(claimed),
        redeemed=int(redeemed),
        reduction_fen=int(reduction or 0),
        sales_fen=int(sales or 0),
    )


def frozen_count(campaign_id: int) -> int:
    """How many people the fixed list holds."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(AudienceMember)
            .where(AudienceMember.campaign_id == campaign_id)
        )
        or 0
    )


def member_by_phone(phone: str) -> Member | None:
    """The member with exactly this phone."""
    return db.session.scalars(
        select(Member).where(Member.phone == phone_numbers.sought(phone))
    ).one_or_none()
