"""消息规则: may we write to them, and by which channels in order. Pure: facts in, verdict out.

A notice is about what the person did or holds: no quiet hours, no cap (spec/06). Whether a
channel is open to somebody, the channel says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from backend.calendar import instant, local
from backend.messaging.channels import CHANNELS
from backend.messaging.channels.channel import Reach
from backend.messaging.models import MARKETING, Channel, Purpose

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
class Expiring:
    """到期提醒 for coupons other than 票券营销's: a switch, and how many days before."""

    on: bool = False
    days: int = 3


@dataclass(frozen=True)
class Rules:
    """消息设置 of a merchant."""

    order: Mapping[str, Sequence[str]] = field(default_factory=dict)
    quiet: tuple[time, time] = (time(21, 30), time(8, 30))
    weekly_cap: int = 3
    expiring: Expiring = Expiring()

    @classmethod
    def read(cls, stored: Mapping[str, object]) -> "Rules":
        """As the merchant's ``message_rules`` hold them; what is missing has its default."""
        quiet = stored.get("quiet")
        order = stored.get("order")
        cap = stored.get("weekly_cap")
        expiring = stored.get("expiring")
        return cls(
            order=order if isinstance(order, dict) else {},
            quiet=(time.fromisoformat(str(quiet[0])), time.fromisoformat(str(quiet[1])))
            if isinstance(quiet, list | tuple) and len(quiet) == 2
            else cls.quiet,
            weekly_cap=cap if isinstance(cap, int) else cls.weekly_cap,
            expiring=Expiring(bool(expiring.get("on")), int(expiring.get("days", Expiring.days)))
            if isinstance(expiring, dict)
            else cls.expiring,
        )


@dataclass(frozen=True)
class Verdict:
    """``channels`` to try in order; ``hold_until`` when it must wait; ``reason`` when refused."""

    channels: tuple[Channel, ...] = ()
    hold_until: datetime | None = None
    reason: str = ""


def decide(
    purpose: Purpose, rules: Rules, reach: Reach, *, zone: ZoneInfo, now: datetime
) -> Verdict:
    """Which roads are open for this message."""
    if purpose in NEEDS_SUBSCRIPTION and not reach.subscribed:
        return Verdict(reason="营销包年已到期")
    if purpose in MARKETING:
        if reach.opted_out:
            return Verdict(reason="顾客已退订营销消息")
        if reach.marketing_this_week >= rules.weekly_cap:
            return Verdict(reason="本周营销消息已达上限")
        if wait := quiet_until(rules.quiet, zone=zone, now=now):
            return Verdict(hold_until=wait)
    order = [Channel(name) for name in rules.order.get(purpose, CHANNELS)]
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
