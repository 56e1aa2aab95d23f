"""发券周期: against plain date arithmetic (S3-20…S3-23, S0-08, T-01…T-05, T-07)."""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backend.calendar import SHANGHAI, day_of, local
from backend.campaigns.cadence import (
    ClaimWindow,
    Timetable,
    claim_until,
    class_slots,
    cycles,
    due,
    due_slot,
    next_dates,
    next_slot,
)

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)

DAYS_2024_TO_2034 = st.dates(min_value=date(2024, 1, 1), max_value=date(2034, 12, 31))
ZONES = st.sampled_from([SHANGHAI, ZoneInfo("UTC"), ZoneInfo("Pacific/Kiritimati")])
STARTS = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001
    max_value=datetime(2034, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
MONTH_DAYS = st.lists(
    st.one_of(st.integers(min_value=1, max_value=31), st.just("last")), min_size=1, max_size=6
)
WEEK_DAYS = st.lists(st.integers(min_value=1, max_value=7), min_size=1, max_size=7)
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def timetable(every: str, days: list[int | str] | None = None, time: str = "10:00") -> Timetable:
    return Timetable.model_validate({"every": every, "days": days or [], "at": time})


def keys(plan: Timetable, first_started_at: str, after: str, until: str) -> list[str]:
    found = cycles(
        plan,
        first_started_at=at(first_started_at),
        after=at(after),
        until=at(until),
        zone=SHANGHAI,
    )
    return [cycle.key for cycle in found]


def test_a_cycle_is_named_by_its_planned_time_and_caught_up_until_its_day_ends() -> None:
    [cycle] = cycles(
        timetable("day"),
        first_started_at=at("2026-11-01"),
        after=at("2026-11-23"),
        until=at("2026-11-24"),
        zone=SHANGHAI,
    )
    assert cycle.key == "2026-11-23@10:00"
    assert cycle.planned_at == at("2026-11-23 10:00")
    assert cycle.catch_up_until == at("2026-11-24")


@pytest.mark.parametrize(
    ("every", "days", "first_started_at", "first"),
    [
        ("day", [], "2026-11-23 09:59:59", "2026-11-24@10:00"),
        ("day", [], "2026-11-23 10:00:00", "2026-11-24@10:00"),
        ("day", [], "2026-11-23 10:00:01", "2026-11-24@10:00"),
        ("day", [], "2026-11-23 23:59:59", "2026-11-24@10:00"),
        ("day", [], "2026-11-24 00:00:00", "2026-11-25@10:00"),
        ("week", [4], "2026-11-23 00:00", "2026-12-03@10:00"),  # Thursday is still ahead: R-07
        ("week", [4], "2026-11-29 23:59:59", "2026-12-03@10:00"),
        ("week", [1], "2026-11-29 23:59:59", "2026-11-30@10:00"),
        ("week", [1], "2026-11-30 00:00:00", "2026-12-07@10:00"),
        ("week", [5], "2026-12-31 12:00", "2027-01-08@10:00"),  # ISO week 53
        ("month", [8, 18], "2026-11-01 00:00", "2026-12-08@10:00"),
        ("month", [18, 8], "2026-12-31 23:59:59", "2027-01-08@10:00"),
        ("month", ["last"], "2028-01-31 09:00", "2028-02-29@10:00"),
        ("month", [31], "2026-01-01 09:00", "2026-02-28@10:00"),
    ],
)
def test_the_first_cycle_lies_in_the_next_period(
    every: str, days: list[int | str], first_started_at: str, first: str
) -> None:
    assert (
        keys(timetable(every, days), first_started_at, first_started_at, "2030-01-01")[0] == first
    )


def test_days_that_a_month_lacks_fall_on_its_last_day_once() -> None:
    plan = timetable("month", [29, 30, 31, "last"])
    assert keys(plan, "2025-12-01", "2026-02-01", "2026-04-01") == [
        "2026-02-28@10:00",
        "2026-03-29@10:00",
        "2026-03-30@10:00",
        "2026-03-31@10:00",
    ]


@given(STARTS, MONTH_DAYS, TIMES, ZONES)
def test_months_follow_plain_date_arithmetic(
    started: datetime, days: list[int | str], time_of_day: time, zone: ZoneInfo
) -> None:
    plan = Timetable.model_validate({"every": "month", "days": days, "at": time_of_day})
    found = cycles(
        plan,
        first_started_at=started,
        after=started,
        until=started + timedelta(days=800),
        zone=zone,
    )

    here = local(started, zone)
    expected: list[datetime] = []
    for month in range(here.year * 12 + here.month, here.year * 12 + here.month + 30):
        year, month_of_year = month // 12, month % 12 + 1
        last = calendar.monthrange(year, month_of_year)[1]
        expected += [
            datetime.combine(date(year, month_of_year, day), time_of_day, tzinfo=zone)
            for day in sorted({last if d == "last" else min(int(d), last) for d in days})
        ]
    expected = [planned for planned in expected if planned < started + timedelta(days=800)]
    assert [cycle.planned_at for cycle in found] == expected


@given(STARTS, WEEK_DAYS, TIMES, ZONES)
def test_weeks_follow_the_iso_calendar(
    started: datetime, days: list[int], time_of_day: time, zone: ZoneInfo
) -> None:
    plan = Timetable.model_validate({"every": "week", "days": days, "at": time_of_day})
    found = cycles(
        plan,
        first_started_at=started,
        after=started,
        until=started + timedelta(weeks=60),
        zone=zone,
    )

    first_week = day_of(started, zone).isocalendar()[:2]
    for cycle in found:
        here = local(cycle.planned_at, zone)
        assert here.isoweekday() in days
        assert here.isocalendar()[:2] > first_week
        assert here.time() == time_of_day
    assert len({cycle.key for cycle in found}) == len(found)
    assert 58 * len(set(days)) <= len(found) <= 60 * len(set(days))


@given(STARTS, DAYS_2024_TO_2034, TIMES)
def test_asking_in_pieces_finds_the_same_cycles(
    started: datetime, cut: date, time_of_day: time
) -> None:
    plan = Timetable.model_validate({"every": "week", "days": [2, 6], "at": time_of_day})
    middle = datetime.combine(cut, time_of_day, tzinfo=SHANGHAI)
    begin, end = middle - timedelta(days=40), middle + timedelta(days=40)

    def between(after: datetime, until: datetime) -> list[str]:
        found = cycles(plan, first_started_at=started, after=after, until=until, zone=SHANGHAI)
        return [cycle.key for cycle in found]

    assert between(begin, middle) + between(middle, end) == between(begin, end)


@pytest.mark.parametrize(
    ("moment", "key"),
    [
        ("2026-11-23 09:59:59.999999", None),
        ("2026-11-23 10:00", "2026-11-23@10:00"),
        ("2026-11-23 23:59:59.999999", "2026-11-23@10:00"),
        ("2026-11-24 00:00", None),
    ],
)
def test_a_cycle_is_due_from_its_time_to_the_end_of_its_day(moment: str, key: str | None) -> None:
    plan = timetable("week", [1])
    cycle = due(plan, first_started_at=at("2026-11-18"), zone=SHANGHAI, at=at(moment))
    assert (cycle and cycle.key) == key


def test_nothing_is_due_in_the_period_of_the_first_start() -> None:
    plan = timetable("week", [4])
    started, moment = at("2026-11-23 08:00"), at("2026-11-26 10:00")
    assert due(plan, first_started_at=started, zone=SHANGHAI, at=moment) is None
    assert due(plan, first_started_at=started, zone=SHANGHAI, at=moment + timedelta(weeks=1))


def test_the_form_shows_the_next_five_dates() -> None:
    plan = timetable("month", [8, 18])
    planned = [
        at(f"{day} 10:00")
        for day in ("2026-12-08", "2026-12-18", "2027-01-08", "2027-01-18", "2027-02-08")
    ]
    now = at("2026-11-03 12:00")
    assert next_dates(plan, first_started_at=None, zone=SHANGHAI, now=now) == planned
    running = next_dates(
        plan, first_started_at=at("2026-01-01"), zone=SHANGHAI, n=2, now=at("2026-12-08 10:00")
    )
    assert running == planned[1:3]


@pytest.mark.parametrize(
    ("first_started_at", "first"),
    [
        ("2026-11-23 08:59:59", "2026-11-23@09:00"),
        ("2026-11-23 09:00:00", "2026-11-23@09:00"),
        ("2026-11-23 09:00:01", "2026-11-23@16:00"),
        ("2026-11-23 16:00:00.000001", "2026-11-24@09:00"),
    ],
)
def test_class_marketing_runs_in_the_slots_from_its_start_on(
    first_started_at: str, first: str
) -> None:
    found = class_slots(
        first_started_at=at(first_started_at),
        after=at("2026-11-20"),
        until=at("2026-11-26"),
        zone=SHANGHAI,
    )
    assert found[0].key == first
    assert [cycle.key for cycle in found[-2:]] == ["2026-11-25@09:00", "2026-11-25@16:00"]


@pytest.mark.parametrize(
    ("moment", "key"),
    [
        ("08:59:59.999999", None),
        ("09:00", "2026-11-23@09:00"),
        ("11:59:59.999999", "2026-11-23@09:00"),
        ("12:00", None),
        ("15:59:59.999999", None),
        ("16:00", "2026-11-23@16:00"),
        ("19:59:59.999999", "2026-11-23@16:00"),
        ("20:00", None),
    ],
)
def test_a_slot_may_be_late_until_noon_or_eight_and_never_early(
    moment: str, key: str | None
) -> None:
    slot = due_slot(first_started_at=None, zone=SHANGHAI, at=at(f"2026-11-23 {moment}"))
    assert (slot and slot.key) == key


def test_a_slot_before_the_first_start_is_not_caught_up() -> None:
    moment, nine = at("2026-11-23 10:00"), at("2026-11-23 09:00")
    assert due_slot(first_started_at=nine + SECOND, zone=SHANGHAI, at=moment) is None
    assert due_slot(first_started_at=nine, zone=SHANGHAI, at=moment) is not None


@pytest.mark.parametrize(
    ("now", "key"),
    [
        ("2026-11-23 08:59", "2026-11-23@09:00"),
        ("2026-11-23 09:00", "2026-11-23@16:00"),
        ("2026-11-23 16:00", "2026-11-24@09:00"),
    ],
)
def test_the_plan_page_names_the_next_wave(now: str, key: str) -> None:
    assert next_slot(zone=SHANGHAI, now=at(now)).key == key


@pytest.mark.parametrize(
    ("window", "until"),
    [
        ({"kind": "same_day"}, "2026-11-11"),
        ({"kind": "days", "days": 1}, "2026-11-11"),
        ({"kind": "days", "days": 2}, "2026-11-12"),
        ({"kind": "days", "days": 30}, "2026-12-10"),
        ({"kind": "anytime"}, None),
    ],
)
@pytest.mark.parametrize("issued_at", ["2026-11-10", "2026-11-10 10:00", "2026-11-10 23:59:59"])
def test_a_claim_window_counts_natural_days_with_the_day_of_issue(
    window: dict[str, object], until: str | None, issued_at: str
) -> None:
    closes = claim_until(at(issued_at), ClaimWindow.model_validate(window), zone=SHANGHAI)
    assert closes == (at(until) if until else None)


def test_the_last_microsecond_before_midnight_is_still_today() -> None:
    window = ClaimWindow.model_validate({"kind": "same_day"})
    midnight = at("2026-11-11")
    assert claim_until(midnight - TICK, window, zone=SHANGHAI) == midnight
    assert claim_until(midnight, window, zone=SHANGHAI) == midnight + timedelta(days=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": "year", "days": [], "at": "10:00"},
        {"every": "day", "days": [1], "at": "10:00"},
        {"every": "week", "days": [], "at": "10:00"},
        {"every": "week", "days": [8], "at": "10:00"},
        {"every": "week", "days": ["last"], "at": "10:00"},
        {"every": "week", "days": ["1"], "at": "10:00"},
        {"every": "month", "days": [0], "at": "10:00"},
        {"every": "month", "days": [32], "at": "10:00"},
        {"every": "month", "days": [8], "at": "24:00"},
        {"every": "month", "days": [8], "at": "9:00"},
        {"every": "month", "days": [8], "at": 600},
        {"every": "month", "days": [8], "at": "10:00", "on": True},
    ],
)
def test_a_timetable_that_cannot_be_kept_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Timetable.model_validate(wrong)


@pytest.mark.parametrize(
    "wrong", [{"kind": "days"}, {"kind": "same_day", "days": 2}, {"kind": "days", "days": 0}, {}]
)
def test_a_claim_window_that_says_too_little_or_too_much_is_refused(
    wrong: dict[str, object],
) -> None:
    with pytest.raises(ValidationError):
        ClaimWindow.model_validate(wrong)


def test_a_timetable_is_written_as_it_was_read() -> None:
    written = {"every": "month", "days": [8, "last"], "at": "10:00"}
    assert Timetable.model_validate(written).model_dump(mode="json") == written
