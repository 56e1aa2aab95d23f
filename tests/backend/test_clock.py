"""The business clock: runs on from its anchor, never backwards, stands still when held."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from backend import clock
from backend.clock import ClockCannotGoBack, ClockIsTheMachines, set_clock, start_at
from backend.commands.clock import instant, next_time


@pytest.fixture(autouse=True)
def anchor_of_the_deployment(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests read the stored anchor, not a test's still clock."""
    monkeypatch.setattr(clock, "_source", None)
    monkeypatch.setattr(clock._cache, "expires", 0.0)
    monkeypatch.setattr(clock._cache, "anchor", None)


LATER = datetime(2030, 1, 1, 1, 0, tzinfo=UTC)


def test_without_an_anchor_it_is_the_machines_time() -> None:
    assert abs(clock.now() - clock.machine_now()) < timedelta(seconds=1)


def test_it_runs_on_from_where_it_was_set() -> None:
    set_clock(LATER)
    first = clock.now()
    assert timedelta(0) <= first - LATER < timedelta(seconds=5)
    assert clock.now() > first


def test_held_it_stands_still_until_set_again() -> None:
    set_clock(LATER, hold=True)
    assert clock.now() == clock.now() == LATER
    set_clock(LATER + timedelta(hours=1))
    assert clock.now() > LATER + timedelta(hours=1)


def test_backwards_is_refused() -> None:
    set_clock(LATER, hold=True)
    with pytest.raises(ClockCannotGoBack):
        set_clock(LATER - timedelta(seconds=1))
    assert clock.now() == LATER


def test_backwards_is_refused_the_first_time_too() -> None:
    with pytest.raises(ClockCannotGoBack):
        set_clock(clock.machine_now() - timedelta(minutes=1))
    assert clock.now() - clock.machine_now() < timedelta(seconds=1)


def test_a_start_may_lie_in_the_past_only_where_nothing_is_recorded() -> None:
    past = clock.machine_now() - timedelta(days=60)
    start_at(past)
    assert abs(clock.now() - clock.machine_now()) < timedelta(seconds=5)
    start_at(past, nothing_recorded=True)
    assert abs(clock.now() - past) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("now", "text", "then"),
    [
        ("2026-11-28 22:40", "09:00", "2026-11-29 09:00"),
        ("2026-11-28 08:59", "09:00", "2026-11-28 09:00"),
        ("2026-11-30 09:00", "09:00", "2026-12-01 09:00"),
    ],
)
def test_a_time_of_the_day_is_the_next_one(now: str, text: str, then: str) -> None:
    assert next_time(text, now=instant(now)) == instant(then)


def test_what_is_no_time_of_the_day_is_read_as_an_instant() -> None:
    assert next_time("2026-11-28 09:00", now=LATER) is None
    assert next_time("24:00", now=LATER) is None


def test_a_start_does_not_go_back_behind_what_is_recorded() -> None:
    set_clock(LATER, hold=True)
    start_at(LATER - timedelta(days=1))
    assert clock.now() == LATER
    start_at(LATER + timedelta(days=1))
    assert clock.now() >= LATER + timedelta(days=1)


def test_in_production_it_cannot_be_set(app: Flask) -> None:
    app.config["PRODUCTION"] = True
    try:
        with pytest.raises(ClockIsTheMachines):
            set_clock(LATER)
    finally:
        app.config["PRODUCTION"] = False
