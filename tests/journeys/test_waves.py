"""第四章 启动后 (S0-04…08, 22…25): one guest from the follow to the loyal customer, by pushes, the
till, the mini-program and the clock; and who is passed over this week."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from scripts.wechat_platform.server import Platform
from tests.backend.campaigns.plans import a_periodic
from tests.builders import Shop
from tests.conftest import StillClock
from tests.journeys.customers import Customer, enters
from tests.journeys.shops import a_journeys_shop, open_package
from tests.journeys.working import work, work_and_tell
from tests.miniprogram_api.pos.till import a_bill, till_of

YEAR = "{from: 2026-11-01, to: 2027-10-31}"
SLOTS = ("09:00", "16:00")


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    return a_journeys_shop(wechat)


def titles(guest: Customer) -> list[str]:
    return [coupon["title"] for coupon in guest.coupons()]


def eats(
    guest: Customer, shop: Shop, clock: StillClock, bill: str, cash_fen: int, coupon: str | None
) -> Mapping[str, object]:
    """A bill of ¥100 on the guest's name: a coupon perhaps, the rest in cash."""
    asked = a_bill(
        settled_at=clock.at.isoformat(),
        member_id=guest.member_id,
        cash_fen=cash_fen,
        coupon=coupon,
    )
    settled = till_of(guest.http, shop).post(f"/bills/{bill}/settle", asked)
    assert settled.status_code == 201, settled.get_data(as_text=True)
    told: Mapping[str, object] = settled.get_json()
    return told


def granted_at(guest: Customer, clock: StillClock, days: list[str]) -> list[str]:
    """At which of these days' waves coupons came into the card pack."""
    known = {coupon["number"] for coupon in guest.coupons("all")}
    for day in days:
        for slot in SLOTS:
            clock.move_to(f"{day} {slot}")
            work()
    came = [c["claimed_at"] for c in guest.coupons("all") if c["number"] not in known]
    return sorted(f"{at[5:10]} {at[11:16]}" for at in came)


def test_S0_04_S0_05_S0_06_S0_07_S0_22_S0_23_S0_24_from_follow_to_loyal(
    app: Flask, http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock, tmp_path: Path
) -> None:
    open_package(app, tmp_path, shop, YEAR)
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    assert "您已获得：新客代金券10元" in str(wechat.chat(anna, shop.oa)[-1].data), "at once"
    work_and_tell()
    guest = enters(http, wechat, shop, anna)
    assert (guest.answer["member"]["class"], titles(guest)) == ("new", ["新客代金券10元"])

    (first,) = guest.numbers()
    assert eats(guest, shop, clock, "B1", 9000, first)["class"] == "ordinary"
    this_week = [f"2026-11-{day}" for day in range(23, 30)]
    assert granted_at(guest, clock, this_week) == [], "本周已经有发券"
    assert granted_at(guest, clock, ["2026-11-30"]) == ["11-30 09:00"]
    assert titles(guest) == ["每满100减15"]

    (second,) = guest.numbers()
    assert eats(guest, shop, clock, "B2", 8500, second)["class"] == "loyal"
    assert granted_at(guest, clock, ["2026-12-06", "2026-12-07"]) == ["12-07 09:00"]
    assert titles(guest) == ["每满100减20"]


def test_S0_08_two_waves_a_day_serve_whoever_holds_none(
    app: Flask, http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock, tmp_path: Path
) -> None:
    """She followed before the plan ran; holding the coupon she is passed over, for its 15 days."""
    anna = wechat.person()
    wechat.follow(anna, shop.oa)
    work_and_tell()
    guest = enters(http, wechat, shop, anna)
    eats(guest, shop, clock, "B1", 10000, None)
    clock.move_to("2026-11-23 12:00")
    open_package(app, tmp_path, shop, YEAR)
    assert titles(guest) == []
    clock.move_to("2026-11-23 15:59")
    work()
    assert titles(guest) == [], "never early"
    days = [f"2026-11-{day}" for day in range(23, 31)]
    days += [f"2026-12-{day:02}" for day in range(1, 10)]
    assert granted_at(guest, clock, days) == ["11-23 16:00", "12-08 09:00"]


def test_S0_25_who_takes_part_in_an_online_activity_is_passed_over_this_week(
    app: Flask, http: FlaskClient, wechat: Platform, shop: Shop, clock: StillClock, tmp_path: Path
) -> None:
    clock.move_to("2026-11-22 12:00")
    guests = []
    for _ in range(2):
        person = wechat.person()
        wechat.follow(person, shop.oa)
        work_and_tell()
        guests.append(enters(http, wechat, shop, person))
    busy, free = guests
    a_periodic(shop, timetable={"every": "day", "at": "08:30"})
    open_package(app, tmp_path, shop, YEAR)
    clock.move_to("2026-11-23 08:30")
    work()
    assert len(enters(http, wechat, shop, busy.person).answer["claimed"]) == 1, "领取"
    days = [f"2026-11-{day}" for day in range(23, 31)]
    clock.move_to("2026-11-23 08:40")
    assert granted_at(busy, clock, days) == ["11-30 09:00"]
    assert [c["claimed_at"][5:16] for c in free.coupons("all")] == ["11-23T09:00"]
    assert "新客代金券10元" in titles(busy)
