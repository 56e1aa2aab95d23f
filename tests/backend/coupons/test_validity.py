"""使用期: counted from the claim, half-open to the instant (S3-37, T-01, T-08)."""

from datetime import datetime, timedelta

import pytest

from backend.calendar import SHANGHAI
from backend.coupons.terms import FixedValidity, RelativeValidity
from backend.coupons.validity import Age, age, use_window

TICK = timedelta(microseconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("days", "after_days", "claimed_at", "start", "end"),
    [
        (7, 0, "2026-11-10 15:00", "2026-11-10", "2026-11-17"),
        (7, 1, "2026-11-10 15:00", "2026-11-11", "2026-11-18"),
        (1, 0, "2026-11-10 23:59:59.999", "2026-11-10", "2026-11-11"),
        (1, 0, "2026-11-11 00:00", "2026-11-11", "2026-11-12"),
        (30, 0, "2026-11-23 09:01:12", "2026-11-23", "2026-12-23"),
        (1, 3, "2028-02-26 08:00", "2028-02-29", "2028-03-01"),
    ],
)
def test_relative_validity_counts_natural_days_from_the_claim(
    days: int, after_days: int, claimed_at: str, start: str, end: str
) -> None:
    validity = RelativeValidity(days=days, after_days=after_days)
    window = use_window(validity, claimed_at=at(claimed_at), zone=SHANGHAI)
    assert (window.start, window.end) == (at(start), at(end))


def test_fixed_validity_holds_its_dates_whenever_it_was_claimed() -> None:
    validity = FixedValidity.model_validate({"from": "2026-01-01", "to": "2026-01-31"})
    for claimed_at in ("2025-12-01 10:00", "2026-01-15 10:00"):
        window = use_window(validity, claimed_at=at(claimed_at), zone=SHANGHAI)
        assert (window.start, window.end) == (at("2026-01-01"), at("2026-02-01"))


def test_expiry_is_true_at_the_instant() -> None:
    start, end = at("2026-11-11"), at("2026-11-18")
    ages = [
        age(moment, valid_from=start, valid_until=end)
        for moment in (start - TICK, start, end - TICK, end)
    ]
    assert ages == [Age.NOT_STARTED, Age.IN_WINDOW, Age.IN_WINDOW, Age.EXPIRED]
