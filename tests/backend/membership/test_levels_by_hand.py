"""A level given by hand holds; two members who are joined keep the higher level (S2-37…39)."""

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.members.errors import LevelNotFound
from backend.members.models import LevelChange, Member, MemberLevel
from backend.membership import join, levels
from backend.messaging.models import Intent
from tests.backend.members.test_levels import level_of, pays, refunded, setting
from tests.builders import Shop, a_member, a_shop
from tests.conftest import StillClock


@pytest.fixture
def shop(app: Flask) -> Shop:
    shop = a_shop()
    with tenancy.acting_for(shop.merchant_id):
        for position, (name, fen) in enumerate((("银卡", 1000_00), ("金卡", 3000_00)), start=1):
            db.session.add(MemberLevel(position=position, name=name, upgrade={"amount_fen": fen}))
        db.session.commit()
    return shop


def given(shop: Shop, member: int, name: str, clock: StillClock) -> bool:
    """Give the level by hand; whether something was written."""
    with tenancy.acting_for(shop.merchant_id):
        level = db.session.scalars(select(MemberLevel).where(MemberLevel.name == name)).one()
        move = levels.give(member, level.id, reason="老顾客", actor="boss", now=clock.at)
        return move is not None


def joined(shop: Shop, one: int, other: int, clock: StillClock) -> int:
    with tenancy.acting_for(shop.merchant_id):
        return join.join(one, other, now=clock.at)


def test_a_level_given_by_hand_is_not_taken_by_a_refund(shop: Shop, clock: StillClock) -> None:
    member = a_member(shop)
    assert given(shop, member, "银卡", clock)
    assert not given(shop, member, "银卡", clock)
    assert pays(shop, member, 1, 3000, clock) == ["金卡"]
    assert refunded(shop, member, 1, clock) == "银卡"
    with tenancy.acting_for(shop.merchant_id):
        first = db.session.scalars(select(LevelChange).order_by(LevelChange.id)).first()
        assert first is not None
        assert (first.reason, first.actor) == ("老顾客", "boss")
        titles = [i.facts["title"] for i in db.session.scalars(select(Intent).order_by(Intent.id))]
        assert titles == ["会员升级", "会员升级", "会员等级变动"]


def test_a_reached_level_that_is_given_too_is_kept_without_a_message(
    shop: Shop, clock: StillClock
) -> None:
    member = a_member(shop)
    assert pays(shop, member, 1, 3000, clock) == ["银卡", "金卡"]
    assert given(shop, member, "金卡", clock)
    assert refunded(shop, member, 1, clock) == "金卡"
    with tenancy.acting_for(shop.merchant_id):
        assert len(db.session.scalars(select(Intent)).all()) == 1


def test_another_merchants_level_cannot_be_given(shop: Shop, clock: StillClock) -> None:
    member, other = a_member(shop), a_shop()
    with tenancy.acting_for(other.merchant_id):
        foreign = db.session.scalars(select(MemberLevel.id)).one()
    with tenancy.acting_for(shop.merchant_id), pytest.raises(LevelNotFound):
        levels.give(member, foreign, reason="x", actor="boss", now=clock.at)


def test_the_figures_of_two_joined_members_are_judged_together(
    shop: Shop, clock: StillClock
) -> None:
    old, young = a_member(shop), a_member(shop)
    pays(shop, old, 1, 600, clock)
    pays(shop, young, 2, 600, clock)
    assert (level_of(shop, old), level_of(shop, young)) == ("普通会员", "普通会员")
    assert joined(shop, old, young, clock) == old
    assert level_of(shop, old) == "银卡"
    with tenancy.acting_for(shop.merchant_id):
        told = db.session.scalars(select(Intent)).one()
        assert (told.member_id, told.facts["level"]) == (old, "银卡")
    assert refunded(shop, old, 2, clock) == "普通会员"


def test_the_level_of_either_is_kept_and_what_was_given_stays_given(
    shop: Shop, clock: StillClock
) -> None:
    old, young = a_member(shop), a_member(shop)
    given(shop, young, "银卡", clock)
    pays(shop, young, 1, 3000, clock)
    joined(shop, old, young, clock)
    assert level_of(shop, old) == "金卡"
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalar(select(Member.consumption_fen).where(Member.id == old)) == 3000_00
        assert len(db.session.scalars(select(Intent)).all()) == 2
    assert refunded(shop, old, 1, clock) == "银卡"


def test_a_kept_level_does_not_fall_by_joining(shop: Shop, clock: StillClock) -> None:
    setting(shop, levels_period="12_months")
    old, young = a_member(shop), a_member(shop)
    pays(shop, young, 1, 3000, clock)
    clock.move_to("2028-01-01 08:00")
    joined(shop, old, young, clock)
    assert level_of(shop, old) == "金卡"
