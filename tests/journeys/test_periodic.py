"""第四章 定期送券 (S3): timetables, audiences, windows, and the claim at login, by the clock."""

from datetime import timedelta

import pytest
from flask import Flask
from pydantic import JsonValue

from backend import tenancy
from backend.calendar import SHANGHAI, local
from backend.campaigns import cadence, grants, lifecycle, programmes
from backend.campaigns.errors import CampaignIncomplete
from backend.campaigns.kinds.periodic import PRESETS, Periodic
from tests.backend.campaigns.plans import (
    a_periodic,
    change_member,
    coupons_of,
    gives,
    grants_of,
)
from tests.builders import Shop, a_member, a_shop, a_template
from tests.conftest import StillClock
from tests.journeys.working import work

THURSDAYS: dict[str, JsonValue] = {"every": "week", "days": [4], "at": "10:00"}


def log_in(shop: Shop, member: int, clock: StillClock) -> int:
    """How many coupons the login brought."""
    with tenancy.acting_for(shop.merchant_id):
        return len(grants.claim_open(member, now=clock.at))


@pytest.mark.parametrize(
    ("timetable", "started", "dates"),
    [
        ({"every": "day", "at": "10:00"}, "2026-11-23 08:00", ["11-24 10:00", "11-25 10:00"]),
        (THURSDAYS, "2026-11-23 08:00", ["12-03 10:00", "12-10 10:00"]),
        (
            {"every": "month", "days": [8, 18], "at": "10:00"},
            "2026-11-01 08:00",
            ["12-08 10:00", "12-18 10:00"],
        ),
        (
            {"every": "month", "days": [30, 31, "last"], "at": "10:00"},
            "2027-01-05 08:00",
            ["02-28 10:00", "03-30 10:00"],
        ),
    ],
)
def test_S3_20_S3_21_it_begins_in_the_next_period(
    app: Flask,
    clock: StillClock,
    timetable: dict[str, JsonValue],
    started: str,
    dates: list[str],
) -> None:
    shop = a_shop()
    clock.move_to(started)
    a_periodic(shop, timetable=timetable)
    a_member(shop)
    settings = Periodic.read({"timetable": timetable, "claim_window": {"kind": "anytime"}})
    shown = cadence.next_dates(
        settings.timetable, first_started_at=None, zone=SHANGHAI, now=clock.at
    )
    assert [f"{local(at, SHANGHAI):%m-%d %H:%M}" for at in shown[:2]] == dates
    ran = []
    while len(ran) < 2:
        clock.at += timedelta(hours=1)
        before = len(grants_of(shop))
        work()
        if len(grants_of(shop)) > before:
            ran.append(f"{local(clock.at, SHANGHAI):%m-%d %H:%M}")
    assert ran == dates


def test_S3_21_pausing_and_editing_do_not_begin_anew(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    clock.move_to("2026-11-23 08:00")
    plan = a_periodic(shop, timetable=THURSDAYS)
    a_member(shop)
    clock.move_to("2026-12-01 08:00")
    with tenancy.acting_for(shop.merchant_id):
        lifecycle.pause(plan, now=clock.at)
        clock.move_to("2026-12-02 08:00")
        lifecycle.start(plan, now=clock.at)
    clock.move_to("2026-12-03 10:00")
    work()
    assert len(grants_of(shop)) == 1, "the Thursday after the first start's week, not a week later"


def test_S3_18_S3_19_a_dynamic_audience_is_judged_anew_a_fixed_one_is_not(
    app: Flask, clock: StillClock
) -> None:
    shop = a_shop()
    bound: JsonValue = {"field": "phone_bound", "op": "=", "value": True}
    first = a_member(shop, phone="13800000001")
    fixed = a_periodic(shop, "fixed", audience={"mode": "fixed", "conditions": [bound]})
    dynamic = a_periodic(shop, "dynamic", audience={"mode": "dynamic", "conditions": [bound]})
    second = a_member(shop, phone="13800000002")
    clock.move_to("2026-11-24 10:00")
    work()
    change_member(shop, first, phone=None)
    clock.move_to("2026-11-25 10:00")
    work()
    given = {
        plan: [(g.cycle[8:10], g.member_id) for g in grants_of(shop, plan)]
        for plan in (fixed, dynamic)
    }
    assert given[fixed] == [("24", first), ("25", first)]
    assert sorted(given[dynamic]) == [("24", first), ("24", second), ("25", second)]


@pytest.mark.parametrize(
    ("window", "last", "over"),
    [
        ({"kind": "same_day"}, "2026-11-24 23:59:59", "2026-11-25 00:00"),
        ({"kind": "days", "days": 2}, "2026-11-25 23:59:59", "2026-11-26 00:00"),
        ({"kind": "anytime"}, "2027-11-24 00:00", None),
    ],
)
def test_S3_22_S3_23_the_window_is_natural_days(
    app: Flask, clock: StillClock, window: dict[str, JsonValue], last: str, over: str | None
) -> None:
    shop = a_shop()
    a_periodic(shop, claim_window=window, ends_on=clock.at.date() + timedelta(days=1))
    in_time, too_late = a_member(shop), a_member(shop)
    clock.move_to("2026-11-24 10:00")
    work()
    clock.move_to(last)
    assert log_in(shop, in_time, clock) == 1
    if over:
        clock.move_to(over)
        assert log_in(shop, too_late, clock) == 0
        work()
        assert [g.state for g in grants_of(shop)] == ["claimed", "lapsed"]


def test_R18_a_late_cycle_is_dated_at_its_planned_time(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    a_periodic(shop, claim_window={"kind": "days", "days": 2})
    member = a_member(shop)
    clock.move_to("2026-11-24 23:59:59")
    work()
    [grant] = grants_of(shop)
    assert f"{local(grant.granted_at, SHANGHAI):%m-%d %H:%M}" == "11-24 10:00"
    assert grant.claim_until is not None
    assert f"{local(grant.claim_until, SHANGHAI):%m-%d %H:%M}" == "11-26 00:00"
    assert log_in(shop, member, clock) == 1


def test_R18_a_cycle_missed_by_midnight_is_not_run(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    a_periodic(shop)
    a_member(shop)
    clock.move_to("2026-11-25 00:00")
    work()
    assert grants_of(shop) == []
    clock.move_to("2026-11-25 10:00")
    work()
    assert [g.cycle for g in grants_of(shop)] == ["2026-11-25@10:00"]


def test_S3_24_a_hundred_coupons_at_once_and_not_one_more(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    a_template(shop, "many")
    a_periodic(shop, coupons=gives("many", quantity=60) + gives("many", quantity=40))
    member = a_member(shop)
    clock.move_to("2026-11-24 10:00")
    work()
    assert log_in(shop, member, clock) == 100
    with pytest.raises(CampaignIncomplete, match="100"):
        a_periodic(shop, "more", coupons=gives("many", quantity=60) + gives("many", quantity=41))


def test_S3_25_who_does_not_log_in_gets_nothing(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    a_periodic(shop)
    member = a_member(shop)
    for day in (24, 25, 26):
        clock.move_to(f"2026-11-{day} 10:00")
        work()
    assert coupons_of(shop) == []
    assert log_in(shop, member, clock) == 3, "all that waits, in one login"


@pytest.mark.parametrize("name", PRESETS)
def test_S3_02_to_04_the_presets_are_ready_to_be_filled_in(name: str) -> None:
    programmes.parse("periodic", PRESETS[name])
