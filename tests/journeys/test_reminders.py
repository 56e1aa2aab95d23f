"""就餐通知提醒 (S0-26…29): a follower with a coupon nobody used is reminded once, seven days before
its end; by pushes, the till, the mini-program and the clock."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from backend.messaging.models import Channel, Purpose
from scripts.wechat_platform.people import Person
from scripts.wechat_platform.server import Platform
from tests.backend.campaigns.plans import a_class_plan, a_periodic, gives
from tests.backend.messaging.post import has_template
from tests.builders import Shop, a_template
from tests.conftest import StillClock
from tests.journeys.customers import enters
from tests.journeys.shops import a_journeys_shop
from tests.journeys.working import work_and_tell
from tests.miniprogram_api.pos.till import a_bill, till_of


@pytest.fixture
def shop(wechat: Platform, http: FlaskClient) -> Shop:
    """A running plan whose new customers get a coupon for 30 days, and a reminder's template."""
    shop = a_journeys_shop(wechat)
    a_template(shop, "t30", title="满100减10", days=30)
    a_class_plan(shop, parts={"new": {"on": True, "coupons": gives("t30")}})
    has_template(shop, Channel.TEMPLATE, purpose=Purpose.COUPON_EXPIRING)
    return shop


def reminded(wechat: Platform, person: Person) -> list[object]:
    """Titles of the coupons that this person was reminded of."""
    sent = wechat.delivered(person)
    return [m.data.get("thing1") for m in sent if m.channel.value == "template"]


def reminded_at(wechat: Platform, person: Person, clock: StillClock, days: list[str]) -> list[str]:
    """In which slots of these days a reminder came."""
    found = []
    for day in days:
        for slot in ("09:00", "16:00"):
            clock.move_to(f"{day} {slot}")
            before = len(reminded(wechat, person))
            work_and_tell()
            if len(reminded(wechat, person)) > before:
                found.append(f"{day[5:]} {slot}")
    return found


DECEMBER = [f"2026-12-{day}" for day in range(13, 24)]


def test_S0_26_S0_27_a_follower_is_reminded_once_seven_days_before_the_end(
    wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    """Got on 23 November for 30 days: the last day is 22 December."""
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    assert reminded_at(wechat, anna, clock, DECEMBER) == ["12-15 09:00"]
    assert reminded(wechat, anna) == ["满100减10"]


def test_S0_26_who_came_or_wrote_lately_is_left_in_peace(
    http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    came, wrote, quiet = (wechat.person() for _ in range(3))
    for person in (came, wrote, quiet):
        wechat.follow(person, shop.oa)
    work_and_tell()
    clock.move_to("2026-12-10 12:00")
    guest = enters(http, wechat, shop, came)
    bill = a_bill(member_id=guest.member_id, settled_at=clock.at.isoformat())
    assert till_of(http, shop).post("/bills/B1/settle", bill).status_code == 201
    wechat.say(wrote, shop.oa, "你好")
    clock.move_to("2026-12-15 09:00")
    work_and_tell()
    assert [len(reminded(wechat, person)) for person in (came, wrote, quiet)] == [0, 0, 1]
    clock.move_to("2026-12-17 16:00")
    work_and_tell()
    assert [len(reminded(wechat, person)) for person in (came, wrote, quiet)] == [0, 1, 1]


def test_S0_28_never_early_and_within_five_minutes(
    wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    clock.move_to("2026-12-15 08:59:59")
    work_and_tell()
    assert reminded(wechat, anna) == []
    clock.move_to("2026-12-15 09:00")
    clock.at += timedelta(minutes=5)
    work_and_tell()
    assert reminded(wechat, anna) == ["满100减10"]


def test_S0_29_nobody_who_was_granted_coupons_this_week(
    http: FlaskClient, wechat: Platform, clock: StillClock
) -> None:
    """Got on Monday for 8 days: due from that very day, but not in the week of the grant."""
    shop = a_journeys_shop(wechat)
    a_template(shop, "t8", title="八天券", days=8)
    a_class_plan(shop, parts={"new": {"on": True, "coupons": gives("t8")}})
    has_template(shop, Channel.TEMPLATE, purpose=Purpose.COUPON_EXPIRING)
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    week = [f"2026-11-{day}" for day in range(23, 31)]
    assert reminded_at(wechat, anna, clock, week) == ["11-30 09:00"]


def test_S0_29_nobody_who_takes_part_in_an_online_activity_this_week(
    http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    work_and_tell()
    clock.move_to("2026-12-13 12:00")
    a_periodic(shop, timetable={"every": "day", "at": "08:30"})
    clock.move_to("2026-12-14 08:30")
    work_and_tell()
    assert len(enters(http, wechat, shop, anna).answer["claimed"]) == 1
    days = [f"2026-12-{day}" for day in range(14, 23)]
    assert reminded_at(wechat, anna, clock, days) == ["12-21 09:00"]
