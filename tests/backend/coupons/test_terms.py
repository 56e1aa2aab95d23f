"""使用规则: scope, hours, validity and company of a coupon."""

from datetime import date, datetime

import pytest
from pydantic import BaseModel, ValidationError

from backend.calendar import SHANGHAI
from backend.coupons.terms import (
    Combine,
    FixedValidity,
    RelativeValidity,
    Scope,
    UseHours,
    Validity,
    parse_validity,
)

WEEKDAYS = [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("dishes", "categories", "covered"),
    [
        ([], [], True),
        (["D001"], [], True),
        (["D002"], [], False),
        ([], ["hot"], True),
        (["D002"], ["hot"], True),
        (["D002"], ["cold"], False),
    ],
)
def test_a_scope_covers_dishes_or_categories(
    dishes: list[str], categories: list[str], covered: bool
) -> None:
    scope = Scope.model_validate({"dishes": dishes, "categories": categories})
    assert scope.covers(dish="D001", category="hot") is covered


def test_a_line_without_a_category_is_covered_by_its_dish_alone() -> None:
    assert not Scope(categories=("hot",)).covers(dish="D001", category=None)


@pytest.mark.parametrize(
    ("weekdays", "hours", "at", "allowed"),
    [
        ([], [], "2026-11-28 23:59", True),
        (WEEKDAYS, [], "2026-11-27 23:59", True),
        (WEEKDAYS, [], "2026-11-28 00:00", False),
        ([], ["11:00-14:00"], "2026-11-23 10:59", False),
        ([], ["11:00-14:00"], "2026-11-23 11:00", True),
        ([], ["11:00-14:00"], "2026-11-23 13:59", True),
        ([], ["11:00-14:00"], "2026-11-23 14:00", False),
        ([], ["11:00-14:00", "17:00-20:00"], "2026-11-23 17:00", True),
        (WEEKDAYS, ["11:00-14:00"], "2026-11-28 12:00", False),
        ([5], ["22:00-02:00"], "2026-11-27 21:59", False),
        ([5], ["22:00-02:00"], "2026-11-27 22:00", True),
        ([5], ["22:00-02:00"], "2026-11-28 01:59", True),
        ([5], ["22:00-02:00"], "2026-11-28 02:00", False),
        ([5], ["22:00-02:00"], "2026-11-27 01:00", False),
        ([7], ["22:00-02:00"], "2026-11-30 01:00", True),
        ([1], ["18:00-24:00"], "2026-11-23 23:59", True),
        ([1], ["18:00-24:00"], "2026-11-24 00:00", False),
        ([1], ["18:00-00:00"], "2026-11-23 23:59", True),
        ([1], ["18:00-00:00"], "2026-11-24 00:00", False),
        ([1], ["00:00-24:00"], "2026-11-23 00:00", True),
    ],
)
def test_hours_are_half_open_and_belong_to_the_day_they_begin_on(
    weekdays: list[int], hours: list[str], at: str, allowed: bool
) -> None:
    use = UseHours.model_validate({"weekdays": weekdays, "hours": hours})
    instant = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI)
    assert use.allow(instant, SHANGHAI) is allowed


@pytest.mark.parametrize(
    ("weekdays", "hours", "words"),
    [
        (WEEKDAYS, ["11:00-14:00"], "周一至周五 11:00-14:00"),
        ([6, 7], [], "周六、周日"),
        ([5, 1, 3, 3], [], "周一、周三、周五"),
        ([1, 2, 3, 7], ["11:00-14:00", "17:00-20:00"], "周一至周三、周日 11:00-14:00、17:00-20:00"),
        ([1, 2, 3, 4, 5, 6, 7], ["11:00-14:00"], "11:00-14:00"),
        ([], [], ""),
    ],
)
def test_hours_are_read_out(weekdays: list[int], hours: list[str], words: str) -> None:
    assert UseHours.model_validate({"weekdays": weekdays, "hours": hours}).words == words


@pytest.mark.parametrize(
    "wrong",
    [
        {"weekdays": [0]},
        {"weekdays": [8]},
        {"weekdays": ["1"]},
        {"weekdays": [True]},
        {"hours": ["11-14"]},
        {"hours": ["9:00-14:00"]},
        {"hours": ["11:00-24:01"]},
        {"hours": ["24:00-02:00"]},
        {"hours": ["11:00-11:00"]},
        {"hours": ["11:00-14:60"]},
    ],
)
def test_hours_that_cannot_be_read_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        UseHours.model_validate(wrong)


class HasValidity(BaseModel):
    validity: Validity


def test_validity_is_fixed_or_relative() -> None:
    fixed = {"from": "2026-01-01", "to": "2026-12-31"}
    relative = {"days": 30, "after_days": 0}
    assert parse_validity(fixed).model_dump(mode="json") == fixed
    assert parse_validity(relative).model_dump(mode="json") == relative
    assert parse_validity({"days": 7}) == RelativeValidity(days=7)
    assert parse_validity({"from": date(2026, 1, 1), "to": date(2026, 1, 1)}) == (
        FixedValidity.model_validate({"from": "2026-01-01", "to": "2026-01-01"})
    )
    assert HasValidity.model_validate({"validity": fixed}).validity == parse_validity(fixed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"from": "2026-01-02", "to": "2026-01-01"},
        {"from": "2026-01-01"},
        {"from": "20260101", "to": "20260102"},
        {"from": 0, "to": 1},
        {"from": "2026-01-01", "to": "2026-01-02", "days": 3},
        {"days": 0},
        {"days": "7"},
        {"days": 7, "after_days": -1},
        {},
    ],
)
def test_a_validity_that_cannot_be_read_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        parse_validity(wrong)


def test_a_coupon_stands_alone_among_coupons_unless_it_says_otherwise() -> None:
    assert Combine().model_dump() == {
        "level": True,
        "points": True,
        "coupons": False,
        "discounted_dishes": True,
    }
