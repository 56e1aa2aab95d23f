"""概览查询: today beside the same hours of yesterday, the last thirty days, what needs a look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, exists, func, select

from admin.refused_bills import RefusedBills
from backend import tenancy
from backend.calendar import Span, day_of, days, start_of_day
from backend.campaigns import schedule
from backend.campaigns.models import Campaign, CampaignKind, CampaignState, Wave, WaveState
from backend.campaigns.programmes import WAVE_KINDS
from backend.coupons.models import Coupon
from backend.database import db
from backend.members.models import Identity, Member
from backend.merchants.models import Merchant
from backend.messaging.models import Intent, IntentState
from backend.open_bills.models import OpenBill, OpenBillState
from backend.redemption.models import Redemption, ReportState, VoucherReport
from backend.sales.models import Bill, Refund, RefusedBill
from backend.wallet.models import EntryKind, WalletEntry
from backend.wechat.models import AppKind, WechatApp

TREND_DAYS = 30
SOON_SETTLED = timedelta(minutes=10)


@dataclass(frozen=True)
class Figure:
    """One card: today until now, and the same hours of yesterday (昨日同时段)."""

    name: str
    meaning: str
    today: int
    yesterday: int | None
    is_money: bool = False

    @property
    def change(self) -> float | None:
        """In per cent; nothing to compare with: None."""
        return (self.today - self.yesterday) * 100 / self.yesterday if self.yesterday else None


@dataclass(frozen=True)
class Alarm:
    """Something that needs a look."""

    text: str
    tone: str
    area: str


@dataclass(frozen=True)
class PlannedWave:
    """One wave of today; ``granted`` is empty while it is still to come."""

    planned_at: datetime
    campaign: str
    state: str
    granted: int | None


@dataclass(frozen=True)
class Step:
    """One step of the first run, and whether it is done."""

    text: str
    done: bool


def figures(*, zone: ZoneInfo, now: datetime) -> list[Figure]:
    """今日: members, followers, coupons, turnover."""
    today = Span(start_of_day(day_of(now, zone), zone), now)
    day = timedelta(days=1)
    before = Span(today.start - day, today.end - day)
    joined = Member.alias_of_id.is_(None)
    standing = Redemption.undone_at.is_(None)
    return [
        Figure(
            "新增会员", "首次关注或登录的会员", *_counted(Member.joined_at, today, before, joined)
        ),
        Figure("新增关注", "关注公众号的次数", *_counted(Identity.followed_at, today, before)),
        Figure("领取券", "进入卡包的券", *_counted(Coupon.claimed_at, today, before)),
        Figure("核销券", "已使用且未撤销的券", *_counted(Redemption.at, today, before, standing)),
        Figure(
            "营业额",
            "已结账单的实付金额",
            *_counted(Bill.settled_at, today, before, amount=Bill.paid_fen),
            is_money=True,
        ),
    ]


def at_the_till(*, zone: ZoneInfo, now: datetime) -> list[Figure]:
    """今天的收银台: tables that still eat, and beside yesterday what was refunded and recharged."""
    today = Span(start_of_day(day_of(now, zone), zone), now)
    day = timedelta(days=1)
    before = Span(today.start - day, today.end - day)
    eating = db.session.scalar(
        select(func.count()).select_from(OpenBill).where(OpenBill.state == OpenBillState.OPEN)
    )
    is_recharge = WalletEntry.kind == EntryKind.RECHARGE
    return [
        Figure("未结账的桌", "收银台已挂单、还没有付款", eating or 0, None),
        Figure("结账", "已结账的账单", *_counted(Bill.settled_at, today, before)),
        Figure(
            "退款",
            "退还的实付金额",
            *_counted(Refund.refunded_at, today, before, amount=Refund.refunded_fen),
            is_money=True,
        ),
        Figure(
            "充值",
            "充值的本金",
            *_counted(WalletEntry.at, today, before, is_recharge, amount=WalletEntry.principal_fen),
            is_money=True,
        ),
    ]


def trend(*, zone: ZoneInfo, now: datetime) -> dict[str, object]:
    """近 30 天 claimed and redeemed, by day of the merchant's zone."""
    last = day_of(now, zone)
    listed = [last - timedelta(days=n) for n in reversed(range(TREND_DAYS))]
    claimed = _by_day(Coupon.claimed_at, listed, zone)
    redeemed = _by_day(Redemption.at, listed, zone, Redemption.undone_at.is_(None))
    return {
        "days": [f"{day:%m-%d}" for day in listed],
        "series": [
            {"name": "领取", "type": "bar", "values": claimed},
            {"name": "核销", "type": "line", "values": redeemed},
        ],
    }


def running() -> Sequence[Campaign]:
    """启动中 and 暂停中, newest first."""
    return db.session.scalars(
        select(Campaign)
        .where(Campaign.state.in_((CampaignState.RUNNING, CampaignState.PAUSED)))
        .order_by(Campaign.state.desc(), Campaign.id.desc())
        .limit(8)
    ).all()


def waves_of_today(*, zone: ZoneInfo, now: datetime) -> list[PlannedWave]:
    """今天的发券批次: those recorded, and those still to come of campaigns that run."""
    today = days(day_of(now, zone), day_of(now, zone), zone)
    recorded = db.session.execute(
        select(Wave.planned_at, Campaign.name, Wave.state, Wave.granted)
        .join(Campaign, Campaign.id == Wave.campaign_id)
        .where(Wave.planned_at >= today.start, Wave.planned_at < today.end)
    )
    coming = [
        PlannedWave(cycle.planned_at, campaign.name, WaveState.PLANNED, None)
        for campaign in db.session.scalars(
            select(Campaign).where(
                Campaign.state == CampaignState.RUNNING, Campaign.kind.in_(WAVE_KINDS)
            )
        )
        for cycle in schedule.planned(campaign, zone=zone, after=now, until=today.end)
    ]
    return sorted(
        [*(PlannedWave(*row) for row in recorded), *coming], key=lambda wave: wave.planned_at
    )


def alarms(*, days_left: int, now: datetime) -> list[Alarm]:
    """What waits for somebody at the counter, what went wrong in the last seven days, and a
    subscription that ends soon."""
    since = now - timedelta(days=7)
    missed = db.session.scalar(
        select(func.count())
        .select_from(Wave)
        .where(Wave.state == WaveState.MISSED, Wave.planned_at >= since)
    )
    failed, unknown = db.session.execute(
        select(
            func.sum(case((Intent.state == IntentState.FAILED, 1), else_=0)),
            func.sum(case((Intent.state == IntentState.UNKNOWN, 1), else_=0)),
        ).where(
            # by the index on state: no message may go before it was written down
            Intent.state.in_((IntentState.FAILED, IntentState.UNKNOWN)),
            Intent.not_before >= since,
            Intent.queued_at >= since,
        )
    ).one()
    paid_unsettled = db.session.scalar(
        select(func.count())
        .select_from(OpenBill)
        .where(OpenBill.state == OpenBillState.PAID, OpenBill.paid_at < now - SOON_SETTLED)
    )
    refused = db.session.scalar(
        select(func.count()).select_from(RefusedBill).where(RefusedBills.tabs[0].condition(now))
    )
    untold = db.session.scalar(
        select(func.count())
        .select_from(VoucherReport)
        .where(VoucherReport.state == ReportState.FAILED)
    )
    found = [
        (paid_unsettled, "{} 桌已用手机付款，收银台还没有结账", "bad", ""),
        (refused, "{} 张离线补传的账单没有入账", "bad", "refused-bills"),
        (untold, "{} 次票券核销没能通知商城", "bad", "malls"),
        (missed, "近 7 天错过 {} 批发券", "bad", "campaigns"),
        (failed, "近 7 天 {} 条消息发送失败", "warn", "messages"),
        (unknown, "近 7 天 {} 条消息结果未知", "warn", "messages"),
    ]
    told = [Alarm(text.format(n), tone, area) for n, text, tone, area in found if n]
    if days_left == 0:
        return [Alarm("营销包年未开通或已到期，活动不再发券", "bad", ""), *told]
    if days_left <= 30:
        return [Alarm(f"营销包年还剩 {days_left} 天，请联系运营者续期", "warn", ""), *told]
    return told


def first_run() -> list[Step]:
    """绑定公众号 → 商家信息 → 方案 (S0)."""
    merchant_id = tenancy.merchant_id()
    account = exists().where(
        WechatApp.kind == AppKind.OFFICIAL_ACCOUNT,
        (WechatApp.merchant_id == merchant_id) | WechatApp.merchant_id.is_(None),
    )
    described = exists().where(
        Merchant.id == merchant_id, Merchant.phone != "", Merchant.address != ""
    )
    planned = exists().where(
        Campaign.merchant_id == merchant_id,
        Campaign.kind == CampaignKind.CLASS_MARKETING,
        Campaign.edited_at.is_not(None),
    )
    bound, told, edited = db.session.execute(select(account, described, planned)).one()
    return [
        Step("绑定公众号", bool(bound)),
        Step("填写商家信息", bool(told)),
        Step("确认营销方案", bool(edited)),
    ]


def unedited_plan() -> Campaign | None:
    """The default plan that runs as it came (S0-18)."""
    return db.session.scalars(
        select(Campaign)
        .where(
            Campaign.kind == CampaignKind.CLASS_MARKETING,
            Campaign.state == CampaignState.RUNNING,
            Campaign.edited_at.is_(None),
        )
        .limit(1)
    ).one_or_none()


def _counted(
    column: Any, today: Span, before: Span, *conditions: Any, amount: Any = 1
) -> tuple[int, int]:
    sums = (func.sum(case((_in(column, span), amount), else_=0)) for span in (today, before))
    row = db.session.execute(select(*sums).where(column >= before.start, *conditions)).one()
    return int(row[0] or 0), int(row[1] or 0)


def _by_day(column: Any, listed: Sequence[date], zone: ZoneInfo, *conditions: Any) -> list[int]:
    """Counts per day of the zone, in one statement: each day by its own stretch of the index."""
    counts = [
        select(func.count(column))
        .where(_in(column, days(day, day, zone)), *conditions)
        .scalar_subquery()
        for day in listed
    ]
    return [int(n or 0) for n in db.session.execute(select(*counts)).one()]


def _in(column: Any, span: Span) -> ColumnElement[bool]:
    within: ColumnElement[bool] = (column >= span.start) & (column < span.end)
    return within
