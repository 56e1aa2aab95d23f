"""关注发券: once in a lifetime, straight into the card pack (S0-22, R-19)."""

import pytest
from flask import Flask
from sqlalchemy import select

from backend import clock, tenancy
from backend.calendar import SHANGHAI, local
from backend.campaigns import grants, lifecycle
from backend.campaigns.grants import Given
from backend.campaigns.models import GrantState
from backend.database import db
from backend.messaging.models import Intent, Purpose
from tests.backend.campaigns.plans import (
    a_class_plan,
    change_member,
    coupons_of,
    gives,
    grants_of,
    template,
)
from tests.builders import Shop, a_member, a_shop, a_template
from tests.conftest import StillClock


def follow(shop: Shop, member_id: int) -> Given | None:
    with tenancy.acting_for(shop.merchant_id):
        return grants.give_on_follow(member_id, now=clock.now())


def test_a_follower_gets_the_new_customer_coupons_at_once(app: Flask) -> None:
    shop = a_shop()
    a_template(shop, "ten", days=7, title="十元券")
    a_class_plan(shop, parts={"new": {"coupons": gives("ten", quantity=2)}})
    member = a_member(shop, follows=True)
    given = follow(shop, member)
    assert given is not None
    assert given.titles == ["十元券×2"]
    pieces = coupons_of(shop, member)
    assert [c.id for c in pieces] == given.coupon_ids
    assert [c.piece for c in pieces] == [1, 2]
    assert all(c.state == "usable" and c.claimed_at == clock.now() for c in pieces)
    assert f"{local(pieces[0].valid_until, SHANGHAI):%Y-%m-%d %H:%M}" == "2026-11-30 00:00"
    [grant] = grants_of(shop)
    assert (grant.cycle, grant.state, grant.quantity) == ("follow", GrantState.CLAIMED, 2)
    with tenancy.acting_for(shop.merchant_id):
        [intent] = db.session.scalars(select(Intent))
    assert (intent.purpose, intent.facts["valid_to"]) == (Purpose.COUPON_RECEIVED, "2026-11-29")


def test_following_again_gives_nothing_more(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    a_class_plan(shop)
    member = a_member(shop, follows=True)
    assert follow(shop, member)
    clock.move_to("2027-05-01 10:00")
    assert follow(shop, member) is None
    assert len(coupons_of(shop, member)) == 1


def test_another_merchants_follow_gift_is_another_matter(app: Flask) -> None:
    ours, theirs = a_shop(), a_shop()
    a_class_plan(ours)
    a_class_plan(theirs)
    assert follow(ours, a_member(ours, follows=True))
    assert follow(theirs, a_member(theirs, follows=True))
    assert len(coupons_of(ours)) == len(coupons_of(theirs)) == 1


def test_a_joined_person_does_not_get_it_twice(app: Flask) -> None:
    shop = a_shop()
    a_class_plan(shop)
    first, second = a_member(shop, follows=True), a_member(shop, follows=True)
    assert follow(shop, first)
    change_member(shop, first, alias_of_id=second)
    assert follow(shop, second) is None


@pytest.mark.parametrize(
    "why", ["paused", "new part off", "not subscribed", "over", "black-listed"]
)
def test_nothing_is_given_when(app: Flask, clock: StillClock, why: str) -> None:
    shop = a_shop(subscribed=why != "not subscribed")
    a_template(shop, "ten")
    days = {"ends_on": clock.at.date()} if why == "over" else {}
    parts = {
        "new": {"on": why != "new part off", "coupons": gives("ten")},
        "ordinary": {"coupons": gives("ten")},
    }
    plan = a_class_plan(shop, parts=parts, **days)  # type: ignore[arg-type]
    member = a_member(shop, follows=True)
    if why == "paused":
        with tenancy.acting_for(shop.merchant_id):
            lifecycle.pause(plan, now=clock.at)
    if why == "black-listed":
        change_member(shop, member, blacklisted=True)
    if why == "over":
        clock.move_to("2026-11-24 00:00")
    assert follow(shop, member) is None
    assert coupons_of(shop) == []


def test_a_push_that_found_no_stock_leaves_the_gift_to_the_waves(app: Flask) -> None:
    shop = a_shop()
    a_template(shop, "ten", stock=1)
    a_class_plan(shop, parts={"new": {"coupons": gives("ten")}})
    assert follow(shop, a_member(shop, follows=True))
    late = a_member(shop, follows=True)
    assert follow(shop, late) is None
    assert template(shop, "ten").issued == 1


@pytest.mark.parametrize("budget", [{"budget_total": 1}, {"budget_per_day": 1}])
def test_the_budget_holds(app: Flask, budget: dict[str, int]) -> None:
    shop = a_shop()
    a_class_plan(shop, **budget)
    assert follow(shop, a_member(shop, follows=True))
    assert follow(shop, a_member(shop, follows=True)) is None
