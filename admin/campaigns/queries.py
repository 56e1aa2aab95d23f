"""活动查询: waves, standing and list of one campaign."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from admin import access
from backend.calendar import day_of
from backend.campaigns.kinds.points import PointsKind
from backend.campaigns.models import AudienceMember, Campaign, CampaignState, Wave
from backend.campaigns.programmes import PROGRAMMES
from backend.campaigns.running import is_paid_for
from backend.database import db
from backend.members import phones as phone_numbers
from backend.members.models import Member

EXECUTING = "执行中"


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
    if not is_paid_for(campaign.kind, at=now, zone=shop.zone):
        return "营销包年未开通，暂不执行"
    return EXECUTING


def the_one(kind: str) -> Campaign | None:
    """The campaign of a kind of which a merchant has one at a time (S2-19)."""
    if not PROGRAMMES[kind].one_only:
        return None
    alive = (Campaign.kind == kind, Campaign.state != CampaignState.ENDED)
    return db.session.scalars(select(Campaign).where(*alive).limit(1)).one_or_none()


def gives_coupons(kind: str) -> bool:
    """Whether campaigns of the kind give coupons; the others are rules about points."""
    return not issubclass(PROGRAMMES[kind].settings, PointsKind)


def waves(campaign_id: int, *, most: int = 30) -> Sequence[Wave]:
    """The newest waves of a campaign."""
    return db.session.scalars(
        select(Wave)
        .where(Wave.campaign_id == campaign_id)
        .order_by(Wave.planned_at.desc())
        .limit(most)
    ).all()


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
