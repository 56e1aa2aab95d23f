"""发券批次: opened once, worked off in chunks, nothing twice (R-18, T-07, T-09, F-01)."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.campaigns import chunks, figures, grants, lapse, lifecycle, waves
from backend.campaigns.models import Wave, WaveState
from backend.database import db
from tests.backend.campaigns.plans import (
    a_class_plan,
    a_periodic,
    coupons_of,
    gives,
    grants_of,
    template,
)
from tests.builders import Shop, a_member, a_shop, a_template
from tests.conftest import StillClock


def waves_of(shop: Shop) -> list[Wave]:
    db.session.rollback()
    db.session.expire_all()
    with tenancy.acting_for(shop.merchant_id):
        return list(db.session.scalars(select(Wave).order_by(Wave.planned_at, Wave.id)))


def run_all(shop: Shop, clock: StillClock) -> None:
    """What the tick and the workers do."""
    waves.open_due(clock.at)
    with tenancy.acting_for(shop.merchant_id):
        for merchant_id, wave_id in waves.unfinished():
            if merchant_id == shop.merchant_id:
                assert waves.run(wave_id, at=clock.at)


@pytest.mark.parametrize(
    ("at", "cycles"),
    [
        ("08:59:59", []),
        ("09:00", ["09:00"]),
        ("11:59:59", ["09:00"]),
        ("12:00", []),
        ("16:00", ["16:00"]),
        ("19:59", ["16:00"]),
        ("20:00", []),
    ],
)
def test_a_wave_is_never_early_and_not_run_after_its_catch_up(
    app: Flask, clock: StillClock, at: str, cycles: list[str]
) -> None:
    shop = a_shop()
    a_class_plan(shop)
    member = a_member(shop, follows=True)
    clock.move_to(f"2026-11-23 {at}")
    run_all(shop, clock)
    assert [g.cycle for g in grants_of(shop)] == [f"2026-11-23@{cycle}" for cycle in cycles]
    assert len(coupons_of(shop, member)) == len(cycles)


def test_a_wave_runs_once_however_often_the_tick_looks(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    a_class_plan(shop)
    for _ in range(5):
        a_member(shop, follows=True)
    clock.move_to("2026-11-23 09:00")
    for _ in range(3):
        run_all(shop, clock)
    [wave] = waves_of(shop)
    assert (wave.state, wave.matched, wave.granted, wave.told) == (WaveState.DONE, 5, 5, 5)
    assert len(coupons_of(shop)) == 5


def test_what_was_missed_is_recorded_and_not_run(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    a_class_plan(shop)
    a_member(shop, follows=True)
    clock.move_to("2026-11-25 10:00")
    run_all(shop, clock)
    assert [(w.cycle, w.state) for w in waves_of(shop)] == [
        ("2026-11-23@09:00", "missed"),
        ("2026-11-23@16:00", "missed"),
        ("2026-11-24@09:00", "missed"),
        ("2026-11-24@16:00", "missed"),
        ("2026-11-25@09:00", "done"),
    ]
    assert len(grants_of(shop)) == 1


def test_a_cycle_that_fell_due_in_a_pause_is_passed_over(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    plan = a_class_plan(shop)
    a_member(shop, follows=True)
    clock.move_to("2026-11-23 08:30")
    with tenancy.acting_for(shop.merchant_id):
        lifecycle.pause(plan, now=clock.at)
        clock.move_to("2026-11-23 09:00:01")
        lifecycle.start(plan, now=clock.at)
    run_all(shop, clock)
    assert waves_of(shop) == []
    clock.move_to("2026-11-23 16:00")
    run_all(shop, clock)
    assert [w.cycle for w in waves_of(shop)] == ["2026-11-23@16:00"]


def test_without_a_subscription_nothing_is_granted(app: Flask, clock: StillClock) -> None:
    shop = a_shop(subscribed=False)
    a_class_plan(shop)
    a_member(shop, follows=True)
    clock.move_to("2026-11-23 09:00")
    run_all(shop, clock)
    assert waves_of(shop) == []


def test_a_wave_goes_on_where_it_stopped(
    app: Flask, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "WAVE_CHUNK", 2)
    shop, other = a_shop(), a_shop()
    a_class_plan(shop)
    members = []
    for _ in range(5):
        members.append(a_member(shop, follows=True))
        a_member(other, follows=True)
    clock.move_to("2026-11-23 09:00")
    [wave_id] = waves.open_due(clock.at)
    late = a_member(shop, follows=True)
    with tenancy.acting_for(shop.merchant_id):
        assert chunks.run_chunk(wave_id, at=clock.at)
    [wave] = waves_of(shop)
    assert (wave.cursor_id, wave.granted) == (members[1], 2)
    with tenancy.acting_for(shop.merchant_id):
        assert waves.run(wave_id, at=clock.at)
        assert not chunks.run_chunk(wave_id, at=clock.at)
    assert [g.member_id for g in grants_of(shop)] == members
    assert late not in {g.member_id for g in grants_of(shop)}, "who came later waits for the next"


def test_a_pause_stops_a_wave_within_a_chunk(
    app: Flask, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "WAVE_CHUNK", 2)
    shop = a_shop()
    plan = a_class_plan(shop)
    for _ in range(4):
        a_member(shop, follows=True)
    clock.move_to("2026-11-23 09:00")
    [wave_id] = waves.open_due(clock.at)
    with tenancy.acting_for(shop.merchant_id):
        chunks.run_chunk(wave_id, at=clock.at)
        lifecycle.pause(plan, now=clock.at)
        assert not waves.run(wave_id, at=clock.at)
    assert len(grants_of(shop)) == 2
    assert waves.unfinished() == []
    clock.move_to("2026-11-23 12:00")
    waves.open_due(clock.at)
    [wave] = waves_of(shop)
    assert (wave.state, wave.granted) == (WaveState.DONE, 2)


def test_stock_serves_the_first_of_a_wave_by_id(
    app: Flask, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "WAVE_CHUNK", 2)
    shop = a_shop()
    a_template(shop, "few", stock=7)
    a_class_plan(shop, parts={"new": {"coupons": gives("few", quantity=2)}})
    members = [a_member(shop, follows=True) for _ in range(5)]
    clock.move_to("2026-11-23 09:00")
    run_all(shop, clock)
    assert [g.member_id for g in grants_of(shop)] == members[:3]
    assert template(shop, "few").issued == 6
    [wave] = waves_of(shop)
    assert (wave.matched, wave.granted, wave.excluded) == (5, 3, {"stock": 2})


@pytest.mark.parametrize(
    ("budget", "granted"), [({"budget_total": 3}, [3, 3]), ({"budget_per_day": 3}, [3, 5])]
)
def test_a_budget_holds_over_chunks_and_days(
    app: Flask,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
    budget: dict[str, int],
    granted: list[int],
) -> None:
    monkeypatch.setitem(app.config, "WAVE_CHUNK", 2)
    shop = a_shop()
    a_class_plan(shop, **budget)
    for _ in range(5):
        a_member(shop, follows=True)
    so_far = []
    for day in ("2026-11-23", "2026-11-24"):
        clock.move_to(f"{day} 09:00")
        run_all(shop, clock)
        so_far.append(len(grants_of(shop)))
    assert so_far == granted
    assert waves_of(shop)[0].excluded == {"budget": 2}


def test_lapsed_grants_give_their_stock_back(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    a_template(shop, "few", stock=2)
    a_periodic(shop, coupons=gives("few"), claim_window={"kind": "same_day"})
    a_member(shop)
    a_member(shop)
    clock.move_to("2026-11-24 10:00")
    run_all(shop, clock)
    assert template(shop, "few").issued == 2
    clock.move_to("2026-11-25 00:00")
    assert lapse.sweep(now=clock.at - timedelta(microseconds=1)) == 0
    assert lapse.sweep(now=clock.at) == 2
    assert lapse.sweep(now=clock.at) == 0
    assert {g.state for g in grants_of(shop)} == {"lapsed"}
    assert template(shop, "few").issued == 0
    clock.move_to("2026-11-25 10:00")
    run_all(shop, clock)
    assert len([g for g in grants_of(shop) if g.state == "open"]) == 2


def test_a_budget_counts_what_lapsed_too(app: Flask, clock: StillClock) -> None:
    """03: most grants in all; only stock is said to come back (02)."""
    shop = a_shop()
    a_periodic(shop, claim_window={"kind": "same_day"}, budget_total=2)
    a_member(shop)
    clock.move_to("2026-11-24 10:00")
    run_all(shop, clock)
    clock.move_to("2026-11-25 00:00")
    assert lapse.sweep(now=clock.at) == 1
    a_member(shop)
    clock.move_to("2026-11-25 10:00")
    run_all(shop, clock)
    assert [g.state for g in grants_of(shop)] == ["lapsed", "open"]
    assert waves_of(shop)[-1].excluded == {"budget": 1}


def test_a_wave_that_still_grants_after_its_window_gives_nothing_for_ever(
    app: Flask, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-18, S3-22: what lapses meanwhile is swept when the wave is done."""
    monkeypatch.setitem(app.config, "WAVE_CHUNK", 1)
    shop = a_shop()
    a_periodic(
        shop,
        timetable={"every": "day", "at": "23:59"},
        claim_window={"kind": "same_day"},
    )
    for _ in range(2):
        a_member(shop)
    clock.move_to("2026-11-24 23:59")
    [wave_id] = waves.open_due(clock.at)
    with tenancy.acting_for(shop.merchant_id):
        assert chunks.run_chunk(wave_id, at=clock.at)
    clock.move_to("2026-11-25 00:00")
    lapse.sweep(now=clock.at)
    run_all(shop, clock)
    assert {g.claim_until for g in grants_of(shop)} == {clock.at}
    assert lapse.sweep(now=clock.at) == 2


def test_a_missed_wave_that_is_run_after_all_keeps_its_window(
    app: Flask, clock: StillClock
) -> None:
    """09: ``waves run``; dated at its planned time, so its window may be over (S3-22)."""
    shop = a_shop()
    plan = a_periodic(shop, claim_window={"kind": "days", "days": 2})
    member = a_member(shop)
    clock.move_to("2026-11-27 08:00")
    run_all(shop, clock)
    lapse.sweep(now=clock.at)
    then = clock.at - timedelta(days=2) + timedelta(hours=3)
    [(_, _, cycle)] = waves.due_now(then, merchant_id=shop.merchant_id)
    with tenancy.acting_for(shop.merchant_id):
        wave_id = waves.open_one(plan, cycle, at=then)
        assert waves.run(wave_id, at=then)
        assert grants.claim_open(member, now=clock.at) == []
    [grant] = grants_of(shop)
    assert grant.claim_until is not None
    assert lapse.sweep(now=clock.at) == 1


def test_class_marketing_goes_before_periodic_in_the_same_minute(
    app: Flask, clock: StillClock
) -> None:
    shop = a_shop()
    a_template(shop, "last", stock=1)
    periodic = a_periodic(shop, coupons=gives("last"), timetable={"every": "day", "at": "09:00"})
    a_class_plan(shop, parts={"new": {"coupons": gives("last")}})
    a_member(shop, follows=True)
    clock.move_to("2026-11-24 09:00")
    opened = waves.open_due(clock.at)
    with tenancy.acting_for(shop.merchant_id):
        by_campaign = {w.campaign_id: w.id for w in waves_of(shop) if w.id in opened}
        assert not waves.run(by_campaign[periodic], at=clock.at), "it lets the other go first"
    run_all(shop, clock)
    assert [g.campaign_id for g in grants_of(shop)] != [periodic]
    assert len(grants_of(shop)) == 1


def test_what_a_wave_did_is_told_after_its_campaign_was_paused(
    app: Flask, clock: StillClock
) -> None:
    """09: a line per wave, also for those found done; a cycle that a pause passed over has none."""
    shop = a_shop()
    plan = a_periodic(shop)
    a_member(shop)
    clock.move_to("2026-11-24 10:00")
    run_all(shop, clock)
    with tenancy.acting_for(shop.merchant_id):
        lifecycle.pause(plan, now=clock.at)
    [told] = figures.preview(clock.at, merchant_id=shop.merchant_id)
    assert (told.state, told.granted) == ("done", 1)
    clock.move_to("2026-11-25 10:00")
    assert figures.preview(clock.at, merchant_id=shop.merchant_id) == []
