"""为什么 (没有) 发给这个人: the wave's own expression, asked about one member."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from backend.campaigns import eligibility, queries, schedule, waves
from backend.campaigns.cadence import Cycle
from backend.campaigns.crowd import IdRange, Reason, verdicts
from backend.campaigns.errors import CampaignNotFound
from backend.campaigns.models import Campaign, CampaignState, Grant, Wave, WaveState
from backend.campaigns.programmes import programme_of
from backend.campaigns.running import is_paid_for
from backend.database import db
from backend.members.models import Member
from backend.members.queries import ids_of, survivor

_MOMENT = timedelta(microseconds=1)

TEXTS = {
    Reason.HOLDS_COUPON: "手上还有没用完的票券营销券",
    Reason.GRANTED_THIS_WEEK: "本周已经发过票券营销券",
    Reason.ONLINE_ACTIVITY: "本周参与了线上活动",
    Reason.LIMIT: "已达到每人限领数量",
    Reason.CONTROL_GROUP: "属于对照组，不发券",
    Reason.STOCK: "券已发完",
    Reason.BUDGET: "活动预算已用完",
}


@dataclass(frozen=True)
class Answer:
    """Whether this member was, or would be, granted in that cycle, and why not."""

    member: int
    campaign: str
    cycle: str
    granted: bool
    reason: str | None
    text: str


def why(member_id: int, campaign_code: str, *, at: datetime) -> Answer:
    """The newest cycle planned by ``at``: from its grant where there is one, else judged anew."""
    campaign, member = queries.by_code(campaign_code), survivor(member_id)
    if campaign is None:
        raise CampaignNotFound()
    cycle, wave, judged_at = _cycle(campaign, at)
    key = cycle.key if cycle else ""
    if grant := _grant(campaign, member, key):
        reason, text = None, f"已发放{grant.quantity}张"
    else:
        reason, text = (
            _not_at_all(campaign, wave, cycle, at)
            or _judged(campaign, member, judged_at)
            or _ran_out(member, wave)
        )
    return Answer(member.id, campaign.code, key, reason is None, reason, text)


def _cycle(campaign: Campaign, at: datetime) -> tuple[Cycle | None, Wave | None, datetime]:
    """The newest cycle by ``at`` (else the next one), its wave, and the instant to judge at."""
    zone = queries.calendar().zone
    past = schedule.planned(campaign, zone=zone, after=at - waves.LOOK_BACK, until=at + _MOMENT)
    coming = schedule.planned(campaign, zone=zone, after=at, until=at + 2 * waves.LOOK_BACK)
    if not past and not coming:
        return None, None, at
    cycle = past[-1] if past else coming[0]
    wave = waves.wave_of(campaign.id, cycle.key)
    if wave is None or wave.started_at is None or wave.state == WaveState.MISSED:
        return cycle, wave, max(at, cycle.planned_at)
    return cycle, wave, wave.started_at


def _grant(campaign: Campaign, member: Member, cycle: str) -> Grant | None:
    return db.session.scalars(
        select(Grant).where(
            Grant.campaign_id == campaign.id,
            Grant.cycle == cycle,
            Grant.member_id.in_(ids_of(member.id)),
        )
    ).first()


def _not_at_all(
    campaign: Campaign, wave: Wave | None, cycle: Cycle | None, at: datetime
) -> tuple[str, str] | None:
    """Why nobody gets anything in that cycle."""
    if programme_of(campaign.kind).waves is None:
        return "not_in_waves", "这种活动不按批次发券，满足条件时当场发放"
    if cycle is None or (wave is None and campaign.state != CampaignState.RUNNING):
        return "not_running", "活动没有在运行"
    zone = queries.calendar().zone
    if not is_paid_for(campaign.kind, at=cycle.planned_at, zone=zone):
        return "not_subscribed", "营销包年不在有效期内，或不含这种活动"
    if wave is None and cycle.planned_at <= at and not waves.may_run(campaign, cycle, zone):
        return "paused", "活动当时处于暂停，该批次已略过"
    if wave is not None and wave.state == WaveState.MISSED:
        return "missed", "系统当时停机，该批次已错过"
    return None


def _judged(campaign: Campaign, member: Member, at: datetime) -> tuple[str, str] | None:
    """What the wave's expression says of this one member; None: nothing against them."""
    crowds = eligibility.crowds(
        campaign,
        calendar=queries.calendar(),
        ids=IdRange(after=member.id - 1, up_to=member.id),
        at=at,
        as_of_then=True,
    )
    connection = db.session.connection()
    row = connection.execute(verdicts(crowds)).first() if crowds else None
    if row is None:
        return _not_meant(campaign, member)
    return (row.reason, TEXTS[Reason(row.reason)]) if row.reason else None


def _ran_out(member: Member, wave: Wave | None) -> tuple[str | None, str]:
    """Somebody who should have been granted: by a wave to come, or one that had no more."""
    if wave is None or wave.state == WaveState.RUNNING:
        return None, "符合条件，将会发放"
    if member.id > wave.last_id:
        return "joined_later", "成为会员时该批次已经开始"
    for reason in (Reason.STOCK, Reason.BUDGET):
        if wave.excluded.get(reason):
            return reason.value, TEXTS[reason]
    return "changed_since", "该批次运行时不符合条件，之后情况有变化"


def _not_meant(campaign: Campaign, member: Member) -> tuple[str, str]:
    if member.blacklisted:
        return "blacklisted", "在黑名单中"
    programme = programme_of(campaign.kind)
    assert programme.waves is not None
    return programme.waves.why_not_meant(programme.settings_of(campaign), member)
