"""到期提醒 (S0-26 … S0-29, R-04, R-05): whom, when, once."""

from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from pydantic import JsonValue
from sqlalchemy import select, update

from backend import clock as business_clock
from backend import tenancy
from backend.calendar import SHANGHAI
from backend.campaigns import grants, lifecycle, reminders, waves
from backend.campaigns.models import Campaign
from backend.coupons import states
from backend.coupons.models import Coupon
from backend.database import db, transaction
from backend.members.models import Identity, Member
from backend.merchants.models import Merchant, Subscription
from backend.messaging.models import Intent, Purpose, ReminderRun
from tests.backend.campaigns.plans import a_class_plan, a_periodic, gives
from tests.builders import Shop, a_member, a_shop, a_store, a_template, reread
from tests.conftest import StillClock

RECEIVED, LAST_DAY = "2026-11-23 09:00", "2026-12-22"
SEVEN_BEFORE = "2026-12-15 09:00"


def received(shop: Shop, clock: StillClock, at: str = RECEIVED) -> None:
    """The wave of 09:00 gives everybody of the plan their coupons."""
    clock.move_to(at)
    waves.open_due(clock.at)
    with tenancy.acting_for(shop.merchant_id):
        for _, wave_id in waves.unfinished():
            waves.run(wave_id, at=clock.at)


@pytest.fixture
def shop(app: Flask) -> Shop:
    return a_shop()


@pytest.fixture
def guest(shop: Shop, clock: StillClock) -> int:
    """A follower who received one coupon at 09:00 of the 23rd, good until December 22nd."""
    a_template(shop, "t30", title="满100减10", days=30)
    a_class_plan(shop, parts={"new": {"coupons": gives("t30")}})
    member_id = a_member(shop, follows=True)
    received(shop, clock)
    return member_id


def reminded(shop: Shop) -> list[Intent]:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return list(
            db.session.scalars(
                select(Intent).where(Intent.purpose == Purpose.COUPON_EXPIRING).order_by(Intent.id)
            )
        )


def at(clock: StillClock, words: str) -> int:
    return reminders.run(clock.move_to(words))


def change(
    shop: Shop, model: type[Member | Identity | Coupon | Merchant], **values: object
) -> None:
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.execute(update(model).values(**values))


def test_seven_days_before_the_last_day_the_follower_is_reminded_what_until_when_and_where(
    shop: Shop, guest: int, clock: StillClock
) -> None:
    assert at(clock, "2026-12-14 16:00") == 0
    assert at(clock, SEVEN_BEFORE) == 1
    (intent,) = reminded(shop)
    assert intent.member_id == guest
    assert intent.facts == {"title": "满100减10", "count": 1, "valid_to": LAST_DAY}
    assert intent.not_before == clock.at


def test_one_batch_is_reminded_of_once(shop: Shop, guest: int, clock: StillClock) -> None:
    told = [
        at(clock, f"2026-12-{day} {slot}") for day in (15, 16, 22) for slot in ("09:00", "16:00")
    ]
    assert told == [1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("2026-12-15 08:59", 0),
        ("2026-12-15 09:00", 1),
        ("2026-12-15 11:59", 1),
        ("2026-12-15 12:00", 0),
        ("2026-12-15 15:59", 0),
        ("2026-12-15 16:00", 1),
        ("2026-12-15 19:59", 1),
        ("2026-12-15 20:00", 0),
        ("2026-12-22 16:00", 1),
        ("2026-12-23 09:00", 0),
    ],
)
def test_reminders_keep_the_slots_and_their_catch_up(
    shop: Shop, guest: int, clock: StillClock, words: str, told: int
) -> None:
    assert at(clock, words) == told


def test_a_slot_is_worked_off_once(shop: Shop, guest: int, clock: StillClock) -> None:
    change(shop, Identity, interacted_at=datetime(2026, 12, 14, tzinfo=SHANGHAI))
    assert at(clock, SEVEN_BEFORE) == 0
    change(shop, Identity, interacted_at=None)
    assert at(clock, "2026-12-15 09:05") == 0
    assert at(clock, "2026-12-15 16:00") == 1


@pytest.mark.parametrize(
    ("model", "values", "told"),
    [
        (Member, {"follows": False}, 0),
        (Member, {"blacklisted": True}, 0),
        (Member, {"last_consumed_at": datetime(2026, 11, 23, 12, tzinfo=SHANGHAI)}, 0),
        (Member, {"last_consumed_at": datetime(2026, 11, 22, 12, tzinfo=SHANGHAI)}, 1),
        (Identity, {"interacted_at": datetime(2026, 12, 8, 9, 1, tzinfo=SHANGHAI)}, 0),
        (Identity, {"interacted_at": datetime(2026, 12, 8, 9, 0, tzinfo=SHANGHAI)}, 1),
        (Coupon, {"state": "locked"}, 0),
        (Coupon, {"state": "gifting"}, 0),
        (Coupon, {"valid_from": datetime(2026, 12, 16, tzinfo=SHANGHAI)}, 0),
    ],
)
def test_who_has_been_seen_or_cannot_use_it_is_not_reminded(
    shop: Shop,
    guest: int,
    clock: StillClock,
    model: type[Member | Identity | Coupon],
    values: dict[str, object],
    told: int,
) -> None:
    change(shop, model, **values)
    assert at(clock, SEVEN_BEFORE) == told


def test_the_quiet_days_are_a_setting(shop: Shop, guest: int, clock: StillClock) -> None:
    change(shop, Identity, interacted_at=datetime(2026, 12, 12, 9, tzinfo=SHANGHAI))
    change(shop, Merchant, reminder_quiet_days=3)
    assert at(clock, SEVEN_BEFORE) == 1


def test_a_redeemed_coupon_needs_no_reminder(shop: Shop, guest: int, clock: StillClock) -> None:
    with transaction(), tenancy.acting_for(shop.merchant_id):
        coupon_id = db.session.scalars(select(Coupon.id)).one()
        now = clock.at + timedelta(hours=1)
        assert states.redeem(
            coupon_id, holder_id=guest, judged_at=now, actor="t", cause="t", now=now
        )
    assert at(clock, SEVEN_BEFORE) == 0


def test_who_was_granted_this_week_is_left_alone_until_monday(
    shop: Shop, clock: StillClock
) -> None:
    a_template(shop, "t7", days=7)
    a_class_plan(shop, parts={"new": {"coupons": gives("t7")}})
    a_member(shop, follows=True)
    received(shop, clock, "2026-11-25 09:00")
    assert at(clock, "2026-11-25 09:00") == 0
    assert at(clock, "2026-11-29 16:00") == 0
    assert at(clock, "2026-11-30 09:00") == 1


def test_who_takes_part_in_an_online_activity_this_week_is_left_alone(
    shop: Shop, guest: int, clock: StillClock
) -> None:
    a_periodic(shop, "weekly")
    with transaction(), tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(
            select(Campaign.online_activity).where(Campaign.code == "weekly")
        ).one()
    received(shop, clock, "2026-12-14 10:00")
    with tenancy.acting_for(shop.merchant_id):
        assert grants.claim_open(guest, now=business_clock.now())
    assert at(clock, SEVEN_BEFORE) == 0
    assert at(clock, "2026-12-21 09:00") == 1


def test_outside_the_subscription_nobody_is_reminded(
    shop: Shop, guest: int, clock: StillClock
) -> None:
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.execute(update(Subscription).values(ends_on=date(2026, 12, 14)))
    assert at(clock, SEVEN_BEFORE) == 0


def test_a_batch_of_many_coupons_is_one_message_about_the_first_to_expire(
    shop: Shop, clock: StillClock
) -> None:
    a_store(shop, "s02", "南山店")
    a_template(shop, "long", title="后到期", days=30)
    a_template(shop, "short", title="先到期", days=29, stores=["s01", "s02"])
    coupons: list[JsonValue] = [*gives("long", quantity=2), *gives("short")]
    a_class_plan(shop, parts={"new": {"coupons": coupons}})
    people = [a_member(shop, follows=True) for _ in range(3)]
    received(shop, clock)
    assert at(clock, SEVEN_BEFORE) == 3
    intents = reminded(shop)
    assert [intent.member_id for intent in intents] == people
    assert intents[0].facts == {
        "title": "先到期",
        "count": 3,
        "valid_to": "2026-12-21",
        "store": "皇岗店、南山店",
    }


def test_a_person_joined_from_two_members_is_reminded_once(
    shop: Shop, guest: int, clock: StillClock
) -> None:
    survivor = a_member(shop, follows=True)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.execute(
            update(Member).where(Member.id == guest).values(alias_of_id=survivor, follows=False)
        )
    assert at(clock, SEVEN_BEFORE) == 1
    assert [intent.member_id for intent in reminded(shop)] == [survivor]


def test_it_goes_on_with_the_members_after_those_that_are_done(
    shop: Shop, clock: StillClock
) -> None:
    a_template(shop, "t30", days=30)
    a_class_plan(shop, parts={"new": {"coupons": gives("t30")}})
    done, waiting, _late = (a_member(shop, follows=True) for _ in range(3))
    received(shop, clock)
    clock.move_to(SEVEN_BEFORE)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.add(
            ReminderRun(
                cycle="2026-12-15@09:00", cursor_id=done, last_id=waiting, opened_at=clock.at
            )
        )
    assert reminders.run(clock.at) == 1
    assert [intent.member_id for intent in reminded(shop)] == [waiting]
    with tenancy.acting_for(shop.merchant_id):
        run = db.session.scalars(select(ReminderRun)).one()
    assert (run.cursor_id, run.told, run.finished_at) == (waiting, 1, clock.at)
    assert reminders.due(clock.at) == []


@pytest.mark.parametrize(
    ("rules", "words", "told"),
    [
        ({}, "2026-12-22 09:00", 0),
        ({"expiring": {"on": False, "days": 3}}, "2026-12-22 09:00", 0),
        ({"expiring": {"on": True, "days": 3}}, "2026-12-18 16:00", 0),
        ({"expiring": {"on": True, "days": 3}}, "2026-12-19 09:00", 1),
        ({"expiring": {"on": True, "days": 10}}, "2026-12-12 09:00", 1),
    ],
)
def test_other_coupons_have_a_switch_and_days_of_their_own(
    shop: Shop, clock: StillClock, rules: dict[str, JsonValue], words: str, told: int
) -> None:
    with transaction():
        db.session.execute(update(Merchant).values(message_rules=rules))
    a_template(shop, "p30", title="周周送", days=30)
    clock.move_to("2026-11-22 08:00")
    campaign_id = a_periodic(shop, coupons=gives("p30"))
    guest = a_member(shop)
    received(shop, clock, "2026-11-23 10:00")
    with tenancy.acting_for(shop.merchant_id):
        assert grants.claim_open(guest, now=clock.at)
        lifecycle.pause(campaign_id, now=clock.at)
    assert at(clock, words) == told
