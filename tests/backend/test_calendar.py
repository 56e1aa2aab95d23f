"""日历: days, weeks and months of a zone, against plain date arithmetic (T-01, T-03, T-05)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import calendar
from backend.calendar import SHANGHAI, Span

ZONES = st.sampled_from(
    [SHANGHAI]
    + [ZoneInfo(name) for name in ("UTC", "America/New_York", "Pacific/Kiritimati", "Asia/Kolkata")]
)
INSTANTS = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001
    max_value=datetime(2034, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
MILLISECOND = timedelta(milliseconds=1)


@given(INSTANTS, ZONES)
def test_every_instant_lies_in_its_day_and_week(at: datetime, zone: ZoneInfo) -> None:
    day = calendar.day_of(at, zone)
    assert calendar.start_of_day(day, zone) <= at < calendar.end_of_day(day, zone)
    assert at in calendar.week_of(at, zone)


@given(INSTANTS, ZONES)
def test_a_week_is_the_iso_week_of_its_monday(at: datetime, zone: ZoneInfo) -> None:
    week = calendar.week_of(at, zone)
    first, last = calendar.day_of(week.start, zone), calendar.last_day_before(week.end, zone)
    assert (first.isoweekday(), last.isoweekday()) == (1, 7)
    assert first.isocalendar()[:2] == last.isocalendar()[:2]
    assert calendar.day_of(at, zone).isocalendar()[:2] == first.isocalendar()[:2]


def test_new_year_2027_still_lies_in_week_53_of_2026() -> None:
    week = calendar.week_of(datetime(2027, 1, 1, 12, tzinfo=SHANGHAI), SHANGHAI)
    assert week.start == datetime(2026, 12, 28, tzinfo=SHANGHAI)
    assert week.end == datetime(2027, 1, 4, tzinfo=SHANGHAI)


def test_midnight_belongs_to_the_new_day() -> None:
    midnight = datetime(2026, 11, 23, tzinfo=SHANGHAI)
    assert calendar.day_of(midnight - MILLISECOND, SHANGHAI) == date(2026, 11, 22)
    assert calendar.day_of(midnight, SHANGHAI) == date(2026, 11, 23)
    assert calendar.end_of_day(date(2026, 11, 22), SHANGHAI) == midnight
    assert calendar.last_day_before(midnight, SHANGHAI) == date(2026, 11, 22)


def test_a_span_holds_its_start_and_not_its_end() -> None:
    span = calendar.days(date(2026, 11, 23), date(2026, 11, 24), SHANGHAI)
    assert span.start in span
    assert span.end - MILLISECOND in span
    assert span.end not in span
    assert span.start - MILLISECOND not in span
    with pytest.raises(ValueError):
        Span(span.end, span.start)


def test_a_day_on_which_clocks_change_has_its_true_length() -> None:
    new_york = ZoneInfo("America/New_York")
    spring = calendar.days(date(2026, 3, 8), date(2026, 3, 8), new_york)
    assert spring.end - spring.start == timedelta(hours=23)


@pytest.mark.parametrize(
    ("day", "length", "next_month"),
    [
        (date(2024, 2, 29), 29, date(2024, 3, 1)),
        (date(2026, 2, 1), 28, date(2026, 3, 1)),
        (date(2026, 12, 31), 31, date(2027, 1, 1)),
    ],
)
def test_months_know_their_length(day: date, length: int, next_month: date) -> None:
    assert calendar.month_days(day) == length
    assert calendar.first_of_next_month(day) == next_month


def test_an_instant_is_spelt_in_the_zone_only_for_people() -> None:
    at = calendar.instant(date(2026, 11, 23), time(9), SHANGHAI)
    assert at.tzinfo is UTC
    assert calendar.local(at, SHANGHAI).isoformat() == "2026-11-23T09:00:00+08:00"


def test_naive_times_are_refused() -> None:
    naive = datetime(2026, 11, 23, 9)  # noqa: DTZ001
    for ask in (calendar.day_of, calendar.week_of, calendar.local):
        with pytest.raises(ValueError):
            ask(naive, SHANGHAI)
    with pytest.raises(ValueError):
        Span(naive, naive)
    with pytest.raises(ValueError):
        calendar.instant(date(2026, 11, 23), time(9, tzinfo=UTC), SHANGHAI)


@pytest.mark.parametrize("text", ["20261123", "2026-11-23T00:00", "2026-W48-1", "2026-02-30", ""])
def test_a_date_is_written_in_one_way(text: str) -> None:
    assert calendar.parse_date("2026-11-23") == date(2026, 11, 23)
    with pytest.raises(ValueError):
        calendar.parse_date(text)


def test_a_time_names_its_offset() -> None:
    at = calendar.parse_instant("2026-11-23T09:00:00+08:00")
    assert at == datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert calendar.parse_instant("2026-11-23T01:00:00Z") == at
    with pytest.raises(ValueError):
        calendar.parse_instant("2026-11-23T09:00:00")


def test_twelve_months_are_calendar_months_also_over_a_leap_day() -> None:
    """999 on 2027-12-01 still count on 2028-11-30, which is 365 days later (field case C)."""
    zone = ZoneInfo("Asia/Shanghai")
    since = calendar.year_before(datetime(2028, 11, 30, 23, tzinfo=zone), zone)
    assert since == datetime(2027, 11, 30, 23, tzinfo=zone)
    leap = calendar.year_before(datetime(2028, 2, 29, 8, tzinfo=zone), zone)
    assert leap == datetime(2027, 2, 28, 8, tzinfo=zone)
