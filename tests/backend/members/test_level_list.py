"""The merchant's levels: order, names, what can be deleted (S2-37, S2-38)."""

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.members import level_list, levels
from backend.members.errors import LastLevel, LevelHasMembers, LevelInUse, LevelNameTaken
from backend.members.level_list import Terms, not_rising
from backend.members.levels import Figures, Level
from backend.members.models import MemberLevel
from tests.builders import Shop, a_member, a_shop
from tests.conftest import StillClock


@pytest.fixture
def shop(app: Flask) -> Shop:
    shop = a_shop()
    with tenancy.acting_for(shop.merchant_id):
        level_list.save(None, Terms("银卡", 9500, Figures(amount_fen=1000_00), "专属停车位"))
        level_list.save(None, Terms("金卡", 8800, Figures(times=30)))
    return shop


def names(shop: Shop) -> list[tuple[int, str]]:
    with tenancy.acting_for(shop.merchant_id):
        rows = db.session.scalars(select(MemberLevel).order_by(MemberLevel.position))
        return [(row.position, row.name) for row in rows]


def id_of(shop: Shop, name: str) -> int:
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalars(select(MemberLevel.id).where(MemberLevel.name == name)).one()


def test_a_new_level_stands_above_the_others_and_keeps_what_it_asks_for(shop: Shop) -> None:
    assert names(shop) == [(0, "普通会员"), (1, "银卡"), (2, "金卡")]
    with tenancy.acting_for(shop.merchant_id):
        silver = db.session.scalars(select(MemberLevel).where(MemberLevel.name == "银卡")).one()
        assert (silver.upgrade, silver.rights) == ({"amount_fen": 100000}, "专属停车位")
        assert levels.all_levels()[2].upgrade == Figures(times=30)
        with pytest.raises(LevelNameTaken):
            level_list.save(silver.id, Terms("金卡"))


def test_levels_change_places_and_stay_at_the_ends(shop: Shop) -> None:
    with tenancy.acting_for(shop.merchant_id):
        level_list.move(id_of(shop, "金卡"), steps=-1)
        level_list.move(id_of(shop, "普通会员"), steps=-1)
        level_list.move(id_of(shop, "银卡"), steps=1)
    assert names(shop) == [(0, "普通会员"), (1, "金卡"), (2, "银卡")]


def test_only_a_level_that_nobody_has_or_had_is_deleted(shop: Shop, clock: StillClock) -> None:
    member, silver, first = a_member(shop), id_of(shop, "银卡"), id_of(shop, "普通会员")
    with tenancy.acting_for(shop.merchant_id):
        with pytest.raises(LevelHasMembers) as refusal:
            level_list.delete(first)
        assert refusal.value.message == "还有 1 位会员是普通会员，不能删除"
        levels.give(member, silver, reason="x", actor="boss", now=clock.at)
        with pytest.raises(LevelInUse, match="等级变更记录"):
            level_list.delete(first)
        assert level_list.delete(id_of(shop, "金卡")) == "金卡"
    assert names(shop) == [(0, "普通会员"), (1, "银卡")]
    empty = a_shop()
    with tenancy.acting_for(empty.merchant_id), pytest.raises(LastLevel):
        level_list.delete(id_of(empty, "普通会员"))


def test_a_level_that_asks_for_no_more_than_the_one_below_is_named() -> None:
    rising = [
        Level(1, 0, "普通"),
        Level(2, 1, "银卡", Figures(1000)),
        Level(3, 2, "金卡", Figures(3000)),
    ]
    assert not_rising(rising) == []
    flat = [*rising, Level(4, 3, "黑卡", Figures(3000, 10))]
    assert not_rising(flat) == ["黑卡"]
