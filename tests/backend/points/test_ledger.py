"""积分账: entries once per cause, lots first in first out, never below zero (D-17, V-01…V-08)."""

from collections.abc import Iterator

import pytest
from flask import Flask

from backend import tenancy
from backend.points import ledger
from backend.points.errors import PointsInsufficient
from backend.reports import doctor
from tests.backend.points.books import entries_of, lots_of, points_of, set_expiry
from tests.builders import Shop, a_member, a_shop
from tests.conftest import StillClock


@pytest.fixture
def shop(app: Flask) -> Iterator[Shop]:
    shop = a_shop()
    with tenancy.acting_for(shop.merchant_id):
        yield shop
    assert [str(finding) for finding in doctor.check()] == []


@pytest.fixture
def member(shop: Shop) -> int:
    return a_member(shop)


def test_what_is_earned_and_spent_is_a_chain_of_entries(
    shop: Shop, member: int, clock: StillClock
) -> None:
    ledger.earn(member, 284, cause="bill-1-earn", now=clock.at)
    ledger.spend(member, 100, cause="bill-2-points", now=clock.at)
    assert entries_of(shop, member) == [("earn", 284, 284), ("spend", -100, 184)]
    assert points_of(shop, member) == 184


def test_the_same_cause_again_has_no_effect(shop: Shop, member: int, clock: StillClock) -> None:
    first = ledger.earn(member, 284, cause="bill-1-earn", now=clock.at)
    assert ledger.earn(member, 284, cause="bill-1-earn", now=clock.at) == first
    spent = ledger.spend(member, 84, cause="bill-2-points", now=clock.at)
    assert ledger.spend(member, 84, cause="bill-2-points", now=clock.at) == spent
    undone = ledger.reverse("bill-2-points", cause="refund-2", now=clock.at)
    assert ledger.reverse("bill-2-points", cause="refund-2", now=clock.at) == undone
    assert points_of(shop, member) == 284


def test_too_few_points_say_how_many_are_missing(
    shop: Shop, member: int, clock: StillClock
) -> None:
    ledger.earn(member, 30, cause="bill-1-earn", now=clock.at)
    with pytest.raises(PointsInsufficient) as refused:
        ledger.spend(member, 100, cause="bill-2-points", now=clock.at)
    assert (refused.value.code, refused.value.message) == (
        "POINTS_INSUFFICIENT",
        "积分不足，还差70积分",
    )
    with pytest.raises(PointsInsufficient):
        ledger.adjust(member, -31, cause="m", reason="错账", actor="till", now=clock.at)
    assert entries_of(shop, member) == [("earn", 30, 30)]


def test_nothing_earned_leaves_no_entry(shop: Shop, member: int, clock: StillClock) -> None:
    assert ledger.earn(member, 0, cause="bill-1-earn", now=clock.at) is None
    assert ledger.reverse("bill-1-earn", cause="refund-1", now=clock.at) is None
    assert entries_of(shop, member) == []


def test_the_oldest_points_go_first_and_come_back_as_old_as_they_were(
    shop: Shop, member: int, clock: StillClock
) -> None:
    ledger.earn(member, 50, cause="a", now=clock.at)
    ledger.earn(member, 30, cause="b", now=clock.move_to("2026-11-24 08:00"))
    ledger.spend(member, 60, cause="c", now=clock.at)
    assert lots_of(shop, member) == [(50, 0), (30, 20)]
    ledger.reverse("c", points=15, cause="d", now=clock.at)
    assert lots_of(shop, member) == [(50, 5), (30, 30)]
    ledger.reverse("c", cause="e", now=clock.at)
    assert lots_of(shop, member) == [(50, 50), (30, 30)]
    ledger.reverse("c", cause="f", now=clock.at)
    assert points_of(shop, member) == 80


def test_what_was_earned_is_taken_back_from_its_own_lot_and_no_other(
    shop: Shop, member: int, clock: StillClock
) -> None:
    ledger.earn(member, 50, cause="a", now=clock.at)
    ledger.earn(member, 30, cause="b", now=clock.at)
    ledger.reverse("b", points=10, cause="c", now=clock.at)
    assert lots_of(shop, member) == [(50, 50), (30, 20)]
    ledger.spend(member, 65, cause="d", now=clock.at)
    ledger.reverse("a", cause="e", now=clock.at)
    assert entries_of(shop, member)[-1] == ("reverse", 0, 5), "nothing of other earnings (R-25)"
    ledger.reverse("b", cause="f", now=clock.at)
    assert entries_of(shop, member)[-1] == ("reverse", -5, 0)


def test_points_that_are_over_expire_before_anything_else(
    shop: Shop, member: int, clock: StillClock
) -> None:
    set_expiry(shop, "year_end")
    ledger.earn(member, 50, cause="a", now=clock.at)
    set_expiry(shop, 1)
    ledger.earn(member, 30, cause="b", now=clock.at)
    clock.move_to("2026-12-23 23:59")
    assert ledger.expire_due(clock.at) == 0
    clock.move_to("2026-12-24 00:00")
    with pytest.raises(PointsInsufficient) as refused:
        ledger.spend(member, 51, cause="c", now=clock.at)
    assert refused.value.message == "积分不足，还差1积分"
    assert ledger.expire_due(clock.at) == 1
    assert ledger.expire_due(clock.at) == 0
    assert entries_of(shop, member)[-1] == ("expire", -30, 50)
    clock.move_to("2028-01-01 00:00")
    ledger.expire_due(clock.at)
    assert entries_of(shop, member)[-1] == ("expire", -50, 0)


def test_many_members_expire_in_batches_of_lots(shop: Shop, clock: StillClock) -> None:
    set_expiry(shop, 1)
    members = [a_member(shop) for _ in range(5)]
    for at, member in enumerate(members):
        ledger.earn(member, at + 1, cause=f"a-{member}", now=clock.at)
        ledger.earn(member, 10, cause=f"b-{member}", now=clock.at)
    clock.move_to("2027-01-01 00:00")
    left = []
    while found := ledger.expire_due(clock.at, most=3):
        left.append(found)
    assert sum(left) == 5 and max(left) <= 3
    assert [points_of(shop, member) for member in members] == [0] * 5


def test_points_spent_and_given_back_after_their_end_expire_again(
    shop: Shop, member: int, clock: StillClock
) -> None:
    set_expiry(shop, 1)
    ledger.earn(member, 50, cause="a", now=clock.at)
    ledger.spend(member, 50, cause="b", now=clock.at)
    clock.move_to("2027-01-01 00:00")
    ledger.reverse("b", cause="c", now=clock.at)
    ledger.expire_due(clock.at)
    assert [kind for kind, _, _ in entries_of(shop, member)] == [
        "earn",
        "spend",
        "reverse",
        "expire",
    ]
    assert points_of(shop, member) == 0


def test_figures_of_an_earlier_system_become_opening_entries(shop: Shop, clock: StillClock) -> None:
    more, less, same = (a_member(shop) for _ in range(3))
    for member in (less, same):
        ledger.earn(member, 100, cause=f"a-{member}", now=clock.at)
    figures = {more: 120, less: 40, same: 100}
    ledger.set_to(figures, reason="期初", actor="command", now=clock.at)
    ledger.set_to(figures, reason="期初", actor="command", now=clock.at)
    assert entries_of(shop, more) == [("adjust", 120, 120)]
    assert entries_of(shop, less) == [("earn", 100, 100), ("adjust", -60, 40)]
    assert entries_of(shop, same) == [("earn", 100, 100)]
