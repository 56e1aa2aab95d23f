"""Who may be written to, when, and by which roads in which order."""

from datetime import datetime, time, timedelta

import pytest

from backend.calendar import SHANGHAI
from backend.messaging.channels.channel import Reach
from backend.messaging.models import Channel, Purpose
from backend.messaging.policy import decide, quiet_until
from backend.messaging.settings import ExpiringReminder, MessageSettings

NOON = datetime(2026, 11, 23, 12, tzinfo=SHANGHAI)
ALL = frozenset({Channel.SUBSCRIBE, Channel.TEMPLATE, Channel.CUSTOM})
NEWS, NOTICE = Purpose.CAMPAIGN_NEWS, Purpose.COUPON_REDEEMED
WIDE_OPEN = Reach(subscribed=True, channels=ALL, consents=1, interacted_at=NOON)


def at(clock_time: str, day: int = 23) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day} {clock_time}").replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("clock_time", "until"),
    [
        ("21:29", None),
        ("21:30", at("08:30", 24)),
        ("23:59", at("08:30", 24)),
        ("00:00", at("08:30")),
        ("08:29", at("08:30")),
        ("08:30", None),
        ("12:00", None),
    ],
)
def test_quiet_hours_span_midnight(clock_time: str, until: datetime | None) -> None:
    quiet = (time(21, 30), time(8, 30))
    assert quiet_until(quiet, zone=SHANGHAI, now=at(clock_time)) == until


@pytest.mark.parametrize(
    ("clock_time", "until"),
    [("12:59", None), ("13:00", at("14:00")), ("13:59", at("14:00")), ("14:00", None)],
)
def test_quiet_hours_may_lie_within_a_day(clock_time: str, until: datetime | None) -> None:
    quiet = (time(13), time(14))
    assert quiet_until(quiet, zone=SHANGHAI, now=at(clock_time)) == until


def test_equal_ends_mean_no_quiet_hours() -> None:
    assert quiet_until((time(0), time(0)), zone=SHANGHAI, now=NOON) is None


def test_a_notice_takes_every_open_road_in_the_default_order() -> None:
    verdict = decide(NOTICE, MessageSettings(), WIDE_OPEN, zone=SHANGHAI, now=NOON)
    assert verdict.channels == (Channel.SUBSCRIBE, Channel.TEMPLATE, Channel.CUSTOM)


def test_marketing_never_takes_the_template_road() -> None:
    verdict = decide(NEWS, MessageSettings(), WIDE_OPEN, zone=SHANGHAI, now=NOON)
    assert verdict.channels == (Channel.SUBSCRIBE, Channel.CUSTOM)


@pytest.mark.parametrize(
    ("reach", "channels"),
    [
        (Reach(subscribed=True, channels=ALL), (Channel.TEMPLATE,)),
        (
            Reach(subscribed=True, channels=frozenset({Channel.SUBSCRIBE}), consents=2),
            (Channel.SUBSCRIBE,),
        ),
        (Reach(subscribed=True, channels=frozenset()), ()),
        (
            Reach(subscribed=True, channels=ALL, interacted_at=NOON - timedelta(hours=47)),
            (Channel.TEMPLATE, Channel.CUSTOM),
        ),
        (
            Reach(subscribed=True, channels=ALL, interacted_at=NOON - timedelta(hours=48)),
            (Channel.TEMPLATE,),
        ),
        (
            Reach(subscribed=True, channels=ALL, followed_at=NOON - timedelta(seconds=59)),
            (Channel.TEMPLATE, Channel.CUSTOM),
        ),
        (
            Reach(subscribed=True, channels=ALL, followed_at=NOON - timedelta(seconds=60)),
            (Channel.TEMPLATE,),
        ),
    ],
)
def test_a_road_without_address_consent_or_window_is_closed(
    reach: Reach, channels: tuple[Channel, ...]
) -> None:
    assert decide(NOTICE, MessageSettings(), reach, zone=SHANGHAI, now=NOON).channels == channels


@pytest.mark.parametrize(
    ("purpose", "reach", "reason"),
    [
        (NEWS, {"opted_out": True}, "顾客已退订营销消息"),
        (NOTICE, {"opted_out": True}, ""),
        (NEWS, {"marketing_this_week": 3}, "本周营销消息已达上限"),
        (NEWS, {"marketing_this_week": 2}, ""),
        (NOTICE, {"marketing_this_week": 99}, ""),
        (NEWS, {"subscribed": False}, "营销包年已到期"),
        (Purpose.COUPON_EXPIRING, {"subscribed": False}, "营销包年已到期"),
        (Purpose.COUPONS_WAITING, {"subscribed": False}, "营销包年已到期"),
        (Purpose.COUPON_RECEIVED, {"subscribed": False}, "营销包年已到期"),
        (NOTICE, {"subscribed": False}, ""),
        (Purpose.VERIFICATION_CODE, {"subscribed": False}, ""),
    ],
)
def test_what_is_refused_is_refused_for_a_reason(
    purpose: Purpose, reach: dict[str, int], reason: str
) -> None:
    facts = {"subscribed": True, "consents": 1, "interacted_at": NOON, **reach}
    person = Reach(channels=ALL, **facts)  # type: ignore[arg-type]
    assert decide(purpose, MessageSettings(), person, zone=SHANGHAI, now=NOON).reason == reason


def test_only_marketing_waits_for_the_morning() -> None:
    night = at("22:00")
    news = decide(NEWS, MessageSettings(), WIDE_OPEN, zone=SHANGHAI, now=night)
    assert (news.hold_until, news.channels) == (at("08:30", 24), ())
    notice = decide(NOTICE, MessageSettings(), WIDE_OPEN, zone=SHANGHAI, now=night)
    assert notice.hold_until is None
    assert notice.channels


def test_rules_are_read_as_stored_and_missing_ones_have_their_defaults() -> None:
    stored = {
        "quiet": ["22:00", "07:00"],
        "weekly_cap": 1,
        "order": {"coupon_redeemed": ["custom"]},
        "expiring": {"days": 5, "on": True},
    }
    rules = MessageSettings.stored(stored)
    assert rules.quiet_hours == (time(22), time(7))
    assert (rules.weekly_cap, rules.expiring) == (1, ExpiringReminder(on=True, days=5))
    assert decide(NOTICE, rules, WIDE_OPEN, zone=SHANGHAI, now=NOON).channels == (Channel.CUSTOM,)
    assert MessageSettings.stored({}) == MessageSettings()
