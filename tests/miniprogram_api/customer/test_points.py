"""GET /api/v1/points and what /me says of the next level."""

import pytest
from flask.testing import FlaskClient

from backend import tenancy
from backend.database import db
from backend.members.models import MemberLevel
from backend.points import ledger
from scripts.wechat_platform.server import Platform
from tests.builders import Shop, a_shop
from tests.conftest import StillClock
from tests.journeys.customers import Customer, enters


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    shop = a_shop()
    for app_id, kind in ((shop.oa, "official_account"), (shop.mini, "miniprogram")):
        wechat.account(app_id, kind, f"secret-{app_id}", union_group="g1")
    return shop


@pytest.fixture
def customer(http: FlaskClient, wechat: Platform, shop: Shop) -> Customer:
    return enters(http, wechat, shop, wechat.person("小明"))


def test_points_are_told_newest_first_page_by_page(
    shop: Shop, customer: Customer, clock: StillClock
) -> None:
    with tenancy.acting_for(shop.merchant_id):
        ledger.earn(customer.member_id, 284, cause="bill-1-earn", now=clock.at)
        ledger.spend(customer.member_id, 84, cause="bill-2-points", now=clock.at)
    first = customer.get("/api/v1/points?limit=1").json
    at = "2026-11-23T08:00:00+08:00"
    spent = {"points": -84, "cause": "使用积分", "kind": "spend", "at": at}
    assert (first["total"], first["items"]) == (200, [spent])
    rest = customer.get(f"/api/v1/points?limit=1&cursor={first['next_cursor']}").json
    assert [each["points"] for each in rest["items"]] == [284]
    assert rest["next_cursor"] is None
    assert customer.get("/api/v1/points?cursor=x").status_code == 400


def test_me_says_what_is_missing_for_the_next_level(shop: Shop, customer: Customer) -> None:
    assert customer.get("/api/v1/me").json["next_level"] is None
    with tenancy.acting_for(shop.merchant_id):
        upgrade = {"amount_fen": 100000, "times": 10}
        db.session.add(MemberLevel(position=1, name="银卡", upgrade=upgrade))
        db.session.commit()
    assert customer.get("/api/v1/me").json["next_level"] == {
        "level": "银卡",
        "match": "any",
        "amount_fen": 100000,
        "times": 10,
        "recharge_fen": None,
    }
