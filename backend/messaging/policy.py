"""消息规则: may we write to them, and by which channels in order. Pure: facts in, verdict out.

A notice is about what the person did or holds: no quiet hours, no cap (spec/06). Whether a
channel is open to somebody, the channel says.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from backend.calendar import instant, local
from backend.messaging.channels import CHANNELS
from backend.messaging.channels.channel import Reach
from backend.messaging.models import MARKETING, Channel, Purpose
from backend.messaging.settings import MessageSettings

NEEDS_SUBSCRIPTION = frozenset(
    {
        Purpose.CAMPAIGN_NEWS,
        Purpose.COUPON_RECEIVED,
        Purpose.COUPONS_WAITING,
        Purpose.COUPON_EXPIRING,
    }
)
"""What campaigns say: outside 营销包年 they neither grant nor send (spec/01)."""

NO_CHANNEL = "没有可用的消息渠道"


@dataclass(frozen=True)
class Verdict:
    """``channels`` to try in order; ``hold_until`` when it must wait; ``reason`` when refused."""

    channels: tuple[Channel, ...] = ()
    hold_until: datetime | None = None
    reason: str = ""


def decide(
    purpose: Purpose, rules: MessageSettings, reach: Reach, *, zone: ZoneInfo, now: datetime
) -> Verdict:
    """Which roads are open for this message."""
    if purpose in NEEDS_SUBSCRIPTION and not reach.subscribed:
        return Verdict(reason="营销包年已到期")
    if purpose in MARKETING:
        if reach.opted_out:
            return Verdict(reason="顾客已退订营销消息")
        if reach.marketing_this_week >= rules.weekly_cap:
            return Verdict(reason="本周营销消息已达上限")
        if wait := quiet_until(rules.quiet_hours, zone=zone, now=now):
            return Verdict(hold_until=wait)
    order = rules.order.get(purpose, tuple(CHANNELS))
    channels = tuple(channel for channel in order if _is_open(channel, purpose, reach, now))
    return Verdict(channels, reason="" if channels else NO_CHANNEL)


def quiet_until(quiet: tuple[time, time], *, zone: ZoneInfo, now: datetime) -> datetime | None:
    """免打扰: the end of the quiet hours we are in, or None. 21:30–08:30 spans midnight."""
    begins, ends = quiet
    here = local(now, zone)
    clock_time, day = here.time(), here.date()
    if begins <= ends:
        return instant(day, ends, zone) if begins <= clock_time < ends else None
    if clock_time >= begins:
        return instant(day + timedelta(days=1), ends, zone)
    return instant(day, ends, zone) if clock_time < ends else None


def _is_open(channel: Channel, purpose: Purpose, reach: Reach, now: datetime) -> bool:
    return channel in reach.channels and CHANNELS[channel].is_open(purpose, reach, now)
