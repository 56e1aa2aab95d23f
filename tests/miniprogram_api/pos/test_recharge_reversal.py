"""撤销充值 (field case C): 5000 typed for 500 goes back whole, once, while it is still there."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.members.models import Member, MemberLevel
from backend.merchants.models import Merchant
from backend.messaging.models import Intent
from backend.reports import doctor
from backend.wallet import ledger
from backend.wallet.models import WalletEntry
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import StillClock
from tests.miniprogram_api.pos.till import TillClient, till_of

WHY = {"reversal": "V1", "reason": "多输一个0", "operator": "小王"}


@pytest.fixture
def shop(app: Flask) -> Shop:
    shop = a_shop()
    with tenancy.across_merchants("a test sets a merchant's rule"):
        merchant = db.session.get_one(Merchant, shop.merchant_id)
        merchant.recharge = {"tiers": [{"principal_fen": 50000, "bonus_fen": 5000}]}
        db.session.commit()
    return shop


@pytest.fixture
def till(http: FlaskClient, shop: Shop) -> TillClient:
    return till_of(http, shop)


def figures(shop: Shop, member: int) -> tuple[int, int, int]:
    """本金, 赠金, 累计充值; nothing is wrong."""
    reread()
    assert [str(finding) for finding in doctor.check()] == []
    with tenancy.acting_for(shop.merchant_id):
        row = db.session.get_one(Member, member)
        return row.principal_fen, row.bonus_fen, row.recharged_fen


@pytest.mark.parametrize("period", ["all", "12_months"])
def test_all_that_a_recharge_brought_goes_back_once(
    shop: Shop, till: TillClient, clock: StillClock, period: str
) -> None:
    member = a_member(shop, phone="13800000001")
    with tenancy.acting_for(shop.merchant_id):
        db.session.add(MemberLevel(position=1, name="金卡", upgrade={"recharge_fen": 100000}))
        db.session.commit()
    with tenancy.across_merchants("a test sets a merchant's rule"):
        db.session.get_one(Merchant, shop.merchant_id).levels_period = period
        db.session.commit()
    till.post("/recharges", {"recharge": "R0", "member_id": member, "principal_fen": 3000})
    brought = till.post(
        "/recharges", {"recharge": "R1", "member_id": member, "principal_fen": 200000}
    )
    assert (brought.json["balance_fen"], brought.json["level"]) == (208000, "金卡")
    for _ in range(2):
        answer = till.post("/recharges/R1/reverse", WHY)
        assert answer.status_code == 200, answer.json
        assert answer.json == {
            "balance_fen": 3000,
            "principal_fen": 200000,
            "bonus_fen": 5000,
            "level": "普通会员",
        }
    assert figures(shop, member) == (3000, 0, 3000)
    with tenancy.acting_for(shop.merchant_id):
        entry = db.session.scalars(select(WalletEntry).order_by(WalletEntry.id.desc())).first()
        assert entry is not None
        assert (entry.kind, entry.reason) == ("reverse", "多输一个0")
        assert entry.actor.endswith("小王")
        told = [
            facts["title"]
            for facts in db.session.scalars(
                select(Intent.facts).where(Intent.purpose == "balance_changed")
            )
        ]
        assert told.count("撤销充值") == 1


def test_what_was_spent_of_it_is_refused_with_what_is_left(
    shop: Shop, till: TillClient, clock: StillClock
) -> None:
    member = a_member(shop, phone="13800000001")
    till.post("/recharges", {"recharge": "R1", "member_id": member, "principal_fen": 50000})
    with tenancy.acting_for(shop.merchant_id):
        ledger.pay(member, 12000, cause="bill-1-balance", now=clock.at)
    refused = till.post("/recharges/R1/reverse", WHY)
    assert (refused.status_code, refused.json["code"]) == (422, "BALANCE_INSUFFICIENT")
    assert refused.json["detail"]["left_fen"] == 43000
    assert "430" in refused.json["message"]
    assert figures(shop, member) == (38000, 5000, 50000)


def test_another_number_another_recharge_and_none_are_refused(shop: Shop, till: TillClient) -> None:
    member = a_member(shop, phone="13800000001")
    for number in ("R1", "R2"):
        till.post("/recharges", {"recharge": number, "member_id": member, "principal_fen": 1000})
    till.post("/recharges/R1/reverse", WHY)
    again = till.post("/recharges/R1/reverse", {**WHY, "reversal": "V2"})
    assert (again.status_code, again.json["code"]) == (409, "RECHARGE_REVERSED")
    other = till.post("/recharges/R2/reverse", WHY)
    assert (other.status_code, other.json["code"]) == (409, "REVERSAL_CONFLICT")
    none = till.post("/recharges/R3/reverse", {**WHY, "reversal": "V3"})
    assert (none.status_code, none.json["code"]) == (404, "RECHARGE_NOT_FOUND")
    assert till.post("/recharges/R2/reverse", {"reversal": "V4"}).status_code == 400
    assert figures(shop, member) == (1000, 0, 1000)
