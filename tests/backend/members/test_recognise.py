"""Who stands behind a WeChat identity, and when a person is new."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from backend import clock, tenancy
from backend.database import db
from backend.members.models import Identity, Member, MemberLevel, WechatUser
from backend.members.queries import ids_of, survivor
from backend.members.recognise import Recognised, by_wechat, register_at_login
from backend.merchants.models import Merchant
from backend.merchants.settings import Registration
from tests.builders import Shop, a_member, a_shop


def _comes(
    shop: Shop, app_id: str, openid: str, unionid: str | None = None, *, days_later: int = 0
) -> Recognised:
    now = clock.now() + timedelta(days=days_later)
    with tenancy.acting_for(shop.merchant_id):
        return by_wechat(app_id, openid, unionid, channel="mini", store_id=None, now=now)


def test_a_person_seen_for_the_first_time_becomes_a_member_of_the_first_level(app: Flask) -> None:
    shop = a_shop()
    came = _comes(shop, shop.mini, "o1")
    assert came.is_new
    assert (came.member.joined_at, came.member.registered_at) == (clock.now(), None)
    with tenancy.acting_for(shop.merchant_id):
        level = db.session.scalars(select(MemberLevel)).one()
        assert came.member.level_id == level.id


def test_the_same_identity_is_the_same_member_again(app: Flask) -> None:
    shop = a_shop()
    first, again = _comes(shop, shop.mini, "o1"), _comes(shop, shop.mini, "o1")
    assert (again.member.id, again.wechat_user_id) == (first.member.id, first.wechat_user_id)
    assert not again.is_new


def test_another_app_finds_the_member_by_unionid(app: Flask) -> None:
    shop = a_shop()
    followed = _comes(shop, shop.oa, "oa-1", "u1")
    logged_in = _comes(shop, shop.mini, "mini-1", "u1")
    assert logged_in.member.id == followed.member.id
    assert not logged_in.is_new
    assert logged_in.same_person == ()


def test_two_members_who_turn_out_to_be_one_person_are_named(app: Flask) -> None:
    shop = a_shop()
    followed = _comes(shop, shop.oa, "oa-1")
    logged_in = _comes(shop, shop.mini, "mini-1", "u1")
    assert logged_in.member.id != followed.member.id
    assert _comes(shop, shop.oa, "oa-1", "u1").same_person == (logged_in.member.id,)


def test_one_openid_of_a_shared_app_is_a_member_of_each_merchant_apart(app: Flask) -> None:
    ours, theirs = a_shop(), a_shop()
    here, there = _comes(ours, "wxshared", "o1", "u1"), _comes(theirs, "wxshared", "o1", "u1")
    assert here.wechat_user_id == there.wechat_user_id
    assert here.member.id != there.member.id
    assert here.is_new and there.is_new


def test_openids_differ_by_case(app: Flask) -> None:
    shop = a_shop()
    assert _comes(shop, shop.mini, "oA").member.id != _comes(shop, shop.mini, "oa").member.id
    assert db.session.scalar(select(func.count()).select_from(WechatUser)) == 2


@pytest.mark.parametrize(
    ("chosen", "registers"), [(Registration.LOGIN, True), (Registration.PHONE, False)]
)
def test_the_first_login_registers_where_the_merchant_chose_so(
    app: Flask, chosen: Registration, registers: bool
) -> None:
    shop = a_shop()
    db.session.get_one(Merchant, shop.merchant_id).registration = chosen
    db.session.commit()
    member = _comes(shop, shop.mini, "o1").member
    with tenancy.acting_for(shop.merchant_id):
        member = survivor(member.id)
        assert register_at_login(member, now=clock.now()) is registers
        assert (member.registered_at is not None) is registers
        assert register_at_login(member, now=clock.now() + timedelta(days=1)) is False


def test_every_id_of_a_person_leads_to_the_survivor(app: Flask) -> None:
    shop = a_shop()
    alias, kept, other = a_member(shop), a_member(shop), a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        db.session.get_one(Member, alias).alias_of_id = kept
        db.session.commit()
        assert ids_of(alias) == ids_of(kept) == [kept, alias]
        assert ids_of(other) == [other]
        assert survivor(alias).id == kept
        assert db.session.scalar(select(func.count()).select_from(Identity)) == 0
