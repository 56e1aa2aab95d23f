"""会员等级与实体卡 from the desk to the phone and the till (S2-37…39, S2-48)."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.members.models import MemberCard, MemberLevel
from scripts.wechat_platform.server import Platform
from tests.admin.desk import Visitor, at_desk
from tests.builders import Shop, a_shop, reread
from tests.conftest import StillClock
from tests.journeys.customers import Customer, enters
from tests.miniprogram_api.pos.till import TillClient, a_bill, a_dish, till_of


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    shop = a_shop()
    wechat.account(shop.mini, "miniprogram", f"secret-{shop.mini}")
    return shop


@pytest.fixture
def desk(app: Flask, shop: Shop) -> Visitor:
    """银卡 from 1,000 元 or 3 times, 9.5折; 金卡 from 1,000 元 recharged."""
    desk = at_desk(app, shop)
    silver = {"name": "银卡", "discount": "9.5", "amount_fen": "1000", "times": "3"}
    gold = {"name": "金卡", "discount": "8.8", "recharge_fen": "1000", "rights": "专属停车位"}
    for level in (silver, gold):
        assert desk.send("/admin/levels/new/", **level).status_code == 302
    return desk


@pytest.fixture
def me(http: FlaskClient, wechat: Platform, shop: Shop, desk: Visitor) -> Customer:
    return enters(http, wechat, shop, wechat.person())


@pytest.fixture
def till(http: FlaskClient, shop: Shop) -> TillClient:
    return till_of(http, shop)


def pays(till: TillClient, me: Customer, bill: str, yuan: int) -> str:
    """The level after a bill in cash."""
    content = a_bill(a_dish(yuan=yuan), member_id=me.member_id)
    answer = till.post(f"/bills/{bill}/settle", content)
    assert answer.status_code == 201, answer.json
    return str(answer.get_json()["level"])


def reads(me: Customer) -> dict[str, Any]:
    told: dict[str, Any] = me.get("/api/v1/me").get_json()
    return told


def test_S2_38_a_new_member_has_the_first_level_and_reads_what_is_missing(me: Customer) -> None:
    told = reads(me)
    assert (told["level"], told["rights"]["discount_bp"]) == ("普通会员", 10000)
    assert told["next_level"] == {
        "level": "银卡", "match": "any", "amount_fen": 100000, "times": 3, "recharge_fen": None,
    }  # fmt: skip


def test_S2_39_bills_add_up_to_the_next_level_and_a_refund_takes_it(
    me: Customer, till: TillClient
) -> None:
    assert pays(till, me, "B1", 600) == "普通会员"
    assert reads(me)["next_level"]["amount_fen"] == 40000
    assert pays(till, me, "B2", 400) == "银卡"
    assert reads(me)["rights"] == {"discount_bp": 9500, "text": ""}
    back = till.post("/bills/B2/refund", {"refund": "T1", "reason": "退菜"}).get_json()
    assert (back["level"], reads(me)["level"]) == ("普通会员", "普通会员")


def test_S2_37_a_recharge_lifts_over_a_step_and_a_level_by_hand_holds(
    me: Customer, till: TillClient, desk: Visitor, shop: Shop
) -> None:
    with tenancy.acting_for(shop.merchant_id):
        silver = db.session.scalars(select(MemberLevel.id).where(MemberLevel.name == "银卡")).one()
    desk.send("/admin/members/level/", id=me.member_id, level=silver, reason="老顾客")
    assert reads(me)["level"] == "银卡"
    pays(till, me, "B1", 10)
    till.post("/bills/B1/refund", {"refund": "T1", "reason": "退菜"})
    assert reads(me)["level"] == "银卡"
    body = {"recharge": "R1", "member_id": me.member_id, "principal_fen": 100000}
    assert till.post("/recharges", body).get_json()["level"] == "金卡"
    assert reads(me)["rights"] == {"discount_bp": 8800, "text": "专属停车位"}
    assert reads(me)["next_level"] is None
    assert desk.read("/admin/level-changes/").count("升级</span>") == 2


def test_S2_48_a_card_speaks_for_its_member_as_the_desk_has_set_it(
    me: Customer, till: TillClient, desk: Visitor, shop: Shop, clock: StillClock
) -> None:
    def scanned() -> str:
        answer = till.post("/members/identify", {"card": "C001"}).get_json()
        return str(answer.get("message", "") or answer["member"]["id"])

    assert scanned() == "该实体卡不存在"
    desk.send("/admin/cards/new/", number="C001", member=me.member_id)
    assert scanned() == str(me.member_id)
    reread()
    with tenancy.acting_for(shop.merchant_id):
        card = db.session.scalars(select(MemberCard.id)).one()
    desk.send("/admin/cards/state/", id=card, to="freeze")
    assert scanned() == "该实体卡已冻结"
    desk.send("/admin/cards/state/", id=card, to="unfreeze")
    assert scanned() == str(me.member_id)
    desk.send("/admin/cards/state/", id=card, to="destroy")
    assert scanned() == "该实体卡已销毁"
