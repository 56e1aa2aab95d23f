"""积分、储值、实体卡 at the till (S2-17…25, S2-45…48), as cashier and member see them."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend import tenancy
from backend.campaigns import lifecycle, programmes
from backend.campaigns.draft import CampaignDraft
from backend.database import db
from backend.members.models import MemberLevel
from backend.merchants.models import Merchant
from backend.reports import doctor
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import StillClock
from tests.miniprogram_api.pos.till import TillClient, till_of


@pytest.fixture
def shop(app: Flask) -> Shop:
    return a_shop()


@pytest.fixture
def till(http: FlaskClient, shop: Shop) -> TillClient:
    return till_of(http, shop)


def run(shop: Shop, kind: str, clock: StillClock, **settings: Any) -> int:  # noqa: ANN401
    with tenancy.acting_for(shop.merchant_id):
        draft = CampaignDraft(code=kind, kind=kind, settings=programmes.parse(kind, settings))
        campaign = lifecycle.save(draft, now=clock.at)
        lifecycle.start(campaign.id, now=clock.at)
        return campaign.id


def sound() -> bool:
    reread()
    return [str(finding) for finding in doctor.check()] == []


def said(answer: Any) -> tuple[int, str, str]:  # noqa: ANN401
    return answer.status_code, answer.json["code"], answer.json["message"]


def test_points_are_added_and_taken_by_hand_only_where_switched_on(
    shop: Shop, till: TillClient, clock: StillClock
) -> None:
    member = a_member(shop)
    plus = {"member_id": member, "points": 50, "reason": "生日"}
    minus = {"member_id": member, "points": -60, "reason": "错账"}
    assert said(till.post("/points", plus)) == (403, "MANUAL_POINTS_OFF", "未开启手动增加积分")
    run(shop, "manual_points", clock, add=True)
    assert till.post("/points", plus).json == {"points_total": 50}
    assert till.post("/points", plus).json == {"points_total": 100}
    assert said(till.post("/points", minus))[2] == "未开启手动扣减积分"
    assert sound()


def test_points_taken_by_hand_never_fall_below_zero_and_need_a_reason(
    shop: Shop, till: TillClient, clock: StillClock
) -> None:
    member = a_member(shop)
    run(shop, "manual_points", clock, add=True, subtract=True)
    till.post("/points", {"member_id": member, "points": 50, "reason": "生日"})
    short = till.post("/points", {"member_id": member, "points": -60, "reason": "错账"})
    assert said(short) == (422, "POINTS_INSUFFICIENT", "积分不足，还差10积分")
    for wrong in ({"points": 0, "reason": "x"}, {"points": 5, "reason": " "}, {"points": 5}):
        answer = till.post("/points", {"member_id": member, **wrong})
        assert (answer.status_code, answer.json["code"]) == (400, "PARAM_ERROR")
    assert till.post("/points", {"member_id": 10**9, "points": 5, "reason": "x"}).status_code == 404
    assert sound()


def test_the_same_key_adjusts_points_once(shop: Shop, till: TillClient, clock: StillClock) -> None:
    member = a_member(shop)
    run(shop, "manual_points", clock, add=True)
    body = {"member_id": member, "points": 50, "reason": "生日"}
    for _ in range(2):
        answer = till.post("/points", body, **{"Idempotency-Key": "one"})
        assert answer.json == {"points_total": 50}


def test_a_recharge_brings_bonus_and_level_once(
    shop: Shop, till: TillClient, clock: StillClock
) -> None:
    with tenancy.acting_for(shop.merchant_id):
        merchant = db.session.get_one(Merchant, shop.merchant_id)
        merchant.recharge = {"tiers": [{"principal_fen": 50000, "bonus_fen": 5000}]}
        db.session.add(MemberLevel(position=1, name="银卡", upgrade={"recharge_fen": 50000}))
        db.session.commit()
    member = a_member(shop)
    body = {"recharge": "R1", "member_id": member, "principal_fen": 50000}
    done = {"balance_fen": 55000, "principal_fen": 50000, "bonus_fen": 5000, "level": "银卡"}
    assert till.post("/recharges", body).json == done
    assert till.post("/recharges", body).json == done
    other = till.post("/recharges", {**body, "principal_fen": 100})
    assert (other.status_code, other.json["code"]) == (409, "RECHARGE_CONFLICT")
    assert sound()


def test_registering_brings_points_once(shop: Shop, till: TillClient, clock: StillClock) -> None:
    with tenancy.acting_for(shop.merchant_id):
        db.session.get_one(Merchant, shop.merchant_id).registration = "login"
        db.session.commit()
    member = a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        from backend.members import cards

        cards.bind("C1", member_id=member, actor="test", now=clock.at)
    run(shop, "registration_points", clock, points=50)
    for _ in range(2):
        seen = till.post("/members/identify", {"card": "C1"}).json
        assert seen["member"]["points"] == 50
    assert sound()


def test_a_card_goes_through_its_states_with_the_sources_words(
    shop: Shop, till: TillClient
) -> None:
    member, other = a_member(shop), a_member(shop)

    def card(action: str, number: str = "C1", **more: Any) -> Any:  # noqa: ANN401
        return till.post("/cards", {"action": action, "card": number, **more})

    def swiped(number: str = "C1") -> Any:  # noqa: ANN401
        return till.post("/members/identify", {"card": number})

    assert said(swiped()) == (404, "CARD_NOT_FOUND", "该实体卡不存在")
    assert said(card("freeze"))[1] == "CARD_NOT_FOUND"
    assert card("bind", member_id=member).json == {"card": "C1", "state": "normal"}
    assert card("bind", member_id=member).json == {"card": "C1", "state": "normal"}
    assert said(card("bind", member_id=other))[:2] == (409, "CARD_TAKEN")
    assert swiped().json["member"]["id"] == member
    assert card("freeze").json == {"card": "C1", "state": "frozen"}
    assert said(swiped()) == (422, "CARD_FROZEN", "该实体卡已冻结")
    assert card("unfreeze").json == {"card": "C1", "state": "normal"}
    for _ in range(2):
        replaced = card("replace", new_card="C2").json
        assert replaced == {"card": "C2", "state": "normal"}
    assert said(swiped()) == (422, "CARD_DESTROYED", "该实体卡已销毁")
    assert said(card("unfreeze"))[1] == "CARD_DESTROYED"
    assert swiped("C2").json["member"]["id"] == member
    assert card("destroy", "C2").json == {"card": "C2", "state": "destroyed"}
    assert card("bind", "C3").status_code == 400
    assert sound()
