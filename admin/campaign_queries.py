"""活动查询: waves, the funnel of one campaign, and why one member got nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, or_, select

from admin.words import REASONS
from backend.campaigns import eligibility, queries
from backend.campaigns.eligibility import IdRange
from backend.campaigns.models import AudienceMember, Campaign, Grant, GrantState, Wave
from backend.coupons.models import Coupon, CouponState
from backend.database import db
from backend.members.models import Member
from backend.members.queries import ids_of
from backend.redemption.models import Redemption
from backend.sales.models import Bill


@dataclass(frozen=True)
class Funnel:
    """发放 → 领取 → 核销, and what it brought."""

    granted: int
    people: int
    claimed: int
    redeemed: int
    reduction_fen: int
    sales_fen: int


@dataclass(frozen=True)
class Answer:
    """发券判断 for one member: yes, no or already, and why."""

    title: str
    text: str
    tone: str


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
    return db.session.scalars(select(Member).where(Member.phone == phone)).one_or_none()


def why(campaign: Campaign, member: Member, *, at: datetime) -> Answer:
    """发券判断: what this member got in the newest cycle, and what they would get now."""
    ids = ids_of(member.id)
    newest = select(func.max(Wave.cycle)).where(Wave.campaign_id == campaign.id).scalar_subquery()
    grant = db.session.scalars(
        select(Grant)
        .where(
            Grant.campaign_id == campaign.id,
            Grant.member_id.in_(ids),
            or_(Grant.cycle == newest, newest.is_(None)),
        )
        .order_by(Grant.id.desc())
        .limit(1)
    ).one_or_none()
    if grant is not None:
        how = {
            GrantState.OPEN.value: "等待会员登录小程序后自动领取",
            GrantState.CLAIMED.value: "已进入会员的卡包",
            GrantState.LAPSED.value: "过了领取时间，没有领取",
            GrantState.REVOKED.value: "已作废",
        }
        return Answer("最近一期已发券", f"{grant.quantity} 张，{how[grant.state]}", "ok")
    if member.blacklisted:
        return Answer("不会发券", REASONS["blacklisted"], "bad")
    crowds = eligibility.crowd(
        campaign,
        calendar=queries.calendar(),
        ids=IdRange(after=ids[0] - 1, up_to=ids[0]),
        at=at,
    )
    verdict = (
        db.session.connection().execute(eligibility.verdicts(crowds)).first() if crowds else None
    )
    if verdict is None:
        return Answer("不会发券", "现在不在活动人群里（分类、条件或关注状态不符合）", "bad")
    if verdict.reason is not None:
        return Answer("现在不会发券", REASONS.get(verdict.reason, verdict.reason), "warn")
    return Answer("符合条件", "下一期会发券给这位会员（活动启动中、库存和预算足够时）", "ok")
