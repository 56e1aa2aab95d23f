"""How many statements a settlement takes at the door, signature included (scale): a plain member's
bill, one with a coupon and points, and what a gift adds."""

from flask import Flask
from flask.testing import FlaskClient

from backend.database import db
from tests.backend.campaigns.plans import a_campaign, gives
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import Shop, a_member, a_shop, a_template
from tests.miniprogram_api.pos.till import TillClient, a_bill, a_dish, till_of
from tests.miniprogram_api.statements import counting

PLAIN, WITH_COUPON_AND_POINTS, GIFT = 17, 24, 3


def _plain(till: TillClient, shop: Shop, number: str) -> int:
    bill = a_bill(a_dish("D1", 100), member_id=a_member(shop), cash_fen=10000)
    return _statements(till, number, bill)


def _with_coupon(till: TillClient, shop: Shop, number: str, template: int) -> int:
    member = a_member(shop)
    coupon = number_of(a_coupon(shop, member, template))
    bill = a_bill(a_dish("D1", 100), member_id=member, coupon=coupon, cash_fen=9000)
    return _statements(till, number, bill)


def _statements(till: TillClient, number: str, bill: dict[str, object]) -> int:
    with counting(db.engine) as seen:
        assert till.post(f"/bills/{number}/settle", bill).status_code == 201
    asked = [each for each in seen if "FROM merchant \nWHERE" in each]
    assert len(asked) == 1, "the merchant's settings are asked for once"
    return len(seen)


def test_a_settlement_takes_few_statements_and_a_gift_adds_few(
    app: Flask, http: FlaskClient
) -> None:
    shop = a_shop()
    till, template = till_of(http, shop), a_template(shop)
    _plain(till, shop, "first")
    assert _plain(till, shop, "B1") <= PLAIN
    a_campaign(shop, "points", "consumption_points", {"per_fen": 100, "points": 1})
    without = _with_coupon(till, shop, "B2", template)
    assert without <= WITH_COUPON_AND_POINTS
    a_template(shop, "gift10")
    rules = [{"paid_fen": 5000, "coupons": gives("gift10")}]
    said = {"rules": rules, "claim_window": {"kind": "days", "days": 7}}
    a_campaign(shop, "gift", "consumption_gift", said)  # type: ignore[arg-type]
    _with_coupon(till, shop, "offered", template)
    assert _with_coupon(till, shop, "B3", template) - without <= GIFT
