"""消息规则: may we write to them, and by which channels in order. Pure: facts in, verdict out.

A notice is about what the person did or holds: no quiet hours, no cap. Marketing never takes the
template road, which WeChat forbids it (spec/06).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from backend.calendar import instant, local
from backend.messaging.models import Channel, Purpose

MARKETING = frozenset({Purpose.CAMPAIGN_NEWS})
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

DEFAULT_ORDER = (Channel.SUBSCRIBE, Channel.TEMPLATE, Channel.CUSTOM)
REPLY_WINDOW = timedelta(hours=48)
WELCOME_WINDOW = timedelta(minutes=1)
"""客服消息 after the person was in touch, and after they followed."""


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
class Reach:
    """How this person can be reached now, for this purpose. ``channels``: an address is known
    there, and a template where the channel needs one; ``subscribed``: 营销包年."""

    subscribed: bool
    channels: frozenset[Channel]
    consents: int = 0
    interacted_at: datetime | None = None
    followed_at: datetime | None = None
    opted_out: bool = False
    marketing_this_week: int = 0


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
    order = [Channel(name) for name in rules.order.get(purpose, DEFAULT_ORDER)]
    channels = tuple(channel for channel in order if _open(channel, purpose, reach, now))
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


def _open(channel: Channel, purpose: Purpose, reach: Reach, now: datetime) -> bool:
    if channel not in reach.channels:
        return False
    match channel:
        case Channel.SUBSCRIBE:
            return reach.consents > 0
        case Channel.TEMPLATE:
            return purpose not in MARKETING
        case Channel.CUSTOM:
            return _within(REPLY_WINDOW, reach.interacted_at, now) or _within(
                WELCOME_WINDOW, reach.followed_at, now
            )
        case Channel.SMS:
            return False


def _within(window: timedelta, since: datetime | None, now: datetime) -> bool:
    return since is not None and now - since < window
