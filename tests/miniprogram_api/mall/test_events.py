"""商城推送: each event once for ever, in any order; the buyer found or made a member."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from backend import tenancy
from backend.coupons.models import Coupon, CouponTemplate
from backend.database import db
from backend.malls.models import MallEvent
from backend.members.models import Member
from backend.vouchers.models import MallVoucher
from tests.builders import Shop, a_member, a_shop, a_template, reread
from tests.malls import MallClient, a_link, a_mall, a_sale, voucher_of


@pytest.fixture
def shop(app: Flask) -> Shop:
    return a_shop()


@pytest.fixture
def mall(shop: Shop, http: FlaskClient) -> MallClient:
    return a_mall(shop, http)


def count(shop: Shop, model: type[Any]) -> int:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def member_of(shop: Shop, voucher: str) -> Member:
    buyer = voucher_of(shop, voucher).member_id
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalars(select(Member).where(Member.id == buyer)).one()


def test_the_same_event_answers_the_same_for_ever(shop: Shop, mall: MallClient) -> None:
    a_template(shop, "c100")
    event = a_sale("V1")
    first = mall.say(event)
    a_link(shop, "c100")
    assert mall.say(event).json == first.json == {**first.json, "state": "waiting_for_link"}
    other = mall.say(event | {"paid_fen": 1})
    assert (other.status_code, other.json["code"]) == (409, "EVENT_CONFLICT")
    assert (count(shop, MallEvent), count(shop, MallVoucher)) == (1, 1)


def test_a_voucher_sold_again_under_another_event_is_no_second_one(
    shop: Shop, mall: MallClient
) -> None:
    a_template(shop, "c100")
    a_link(shop, "c100")
    first = mall.sold("V1").json
    assert mall.sold("V1").json == first == {**first, "state": "usable"}
    assert count(shop, Coupon) == 1
    other = mall.sold("V1", product="P99")
    assert (other.status_code, other.json["code"]) == (409, "VOUCHER_CONFLICT")


def test_a_refund_that_overtakes_its_sale_makes_no_coupon(shop: Shop, mall: MallClient) -> None:
    a_template(shop, "c100")
    a_link(shop, "c100")
    bare = mall.refunded("V1")
    assert (bare.status_code, bare.json["code"]) == (404, "VOUCHER_NOT_FOUND")
    early = mall.say(a_sale("V1", type="refunded"))
    assert early.json["state"] == "revoked"
    assert mall.sold("V1").json == early.json
    assert count(shop, Coupon) == 0


def test_what_was_paid_for_is_honoured_beyond_stock_and_limits(
    shop: Shop, mall: MallClient
) -> None:
    a_template(shop, "c100", stock=1, per_member=1)
    a_link(shop, "c100")
    for n in range(3):
        assert mall.sold(f"V{n}").json["state"] == "usable"
    with tenancy.acting_for(shop.merchant_id):
        template = db.session.scalars(select(CouponTemplate)).one()
        assert (template.stock, template.issued) == (3, 3)


def test_the_buyer_is_found_by_phone_or_becomes_a_member(shop: Shop, mall: MallClient) -> None:
    known = a_member(shop, phone="13800138000")
    mall.sold("V1", buyer={"phone": "+86 138-0013-8000"})
    mall.sold("V2", buyer={"phone": "13900139000"})
    mall.sold("V3", buyer={"phone": "13900139000"})
    assert member_of(shop, "V1").id == known
    assert member_of(shop, "V2").phone == "13900139000"
    assert member_of(shop, "V2").channel == "mall"
    assert member_of(shop, "V3").id == member_of(shop, "V2").id


def test_the_buyer_is_found_by_unionid_and_by_openid(shop: Shop, mall: MallClient) -> None:
    mall.sold("V1", buyer={"unionid": "u1"})
    mall.sold("V2", buyer={"unionid": "u1", "openid": "o1"})
    mall.sold("V3", buyer={"openid": "o1"})
    ids = {member_of(shop, voucher).id for voucher in ("V1", "V2", "V3")}
    assert len(ids) == 1
    mall.sold("V4", buyer={"openid": "o4"})
    assert member_of(shop, "V4").id not in ids


def test_a_strangers_identity_goes_to_the_member_of_the_phone(shop: Shop, mall: MallClient) -> None:
    known = a_member(shop, phone="13800138000")
    mall.sold("V1", buyer={"openid": "o1", "phone": "13800138000"})
    assert member_of(shop, "V1").id == known


def test_the_malls_word_joins_no_two_members(shop: Shop, mall: MallClient) -> None:
    mall.sold("V1", buyer={"openid": "o1"})
    one, other = member_of(shop, "V1").id, a_member(shop, phone="13800138000")
    mall.sold("V2", buyer={"openid": "o1", "phone": "13800138000"})
    assert member_of(shop, "V2").id == one != other
    with tenancy.acting_for(shop.merchant_id):
        assert set(db.session.scalars(select(Member.alias_of_id))) == {None}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"product": None}, "product"),
        ({"buyer": {}}, "buyer.phone"),
        ({"buyer": {"phone": "110"}}, "buyer.phone"),
        ({"paid_fen": -1}, "paid_fen"),
        ({"paid_fen": "60"}, "paid_fen"),
        ({"sold_at": "2026-11-23T07:58:00"}, "sold_at"),
        ({"type": "changed"}, "type"),
        ({"event_id": ""}, "event_id"),
        ({"voucher": " "}, "voucher"),
    ],
    ids=str,
)
def test_a_malformed_event_names_its_field(
    shop: Shop, mall: MallClient, wrong: dict[str, Any], field: str
) -> None:
    refused = mall.say(a_sale("V1") | wrong)
    assert (refused.status_code, refused.json["code"]) == (400, "PARAM_ERROR")
    assert [error["field"] for error in refused.json["detail"]["errors"]] == [field]
    assert count(shop, MallEvent) == 0


def test_a_phone_that_is_none_does_not_refuse_what_wechat_knows(
    shop: Shop, mall: MallClient
) -> None:
    assert mall.sold("V1", buyer={"phone": "138****8000", "openid": "o1"}).status_code == 200
    assert member_of(shop, "V1").phone is None


def test_another_shops_voucher_is_not_refunded(
    shop: Shop, mall: MallClient, http: FlaskClient
) -> None:
    mall.sold("V1")
    other = a_mall(shop, http, key="m-other")
    refused = other.refunded("V1")
    assert (refused.status_code, refused.json["code"]) == (404, "VOUCHER_NOT_FOUND")
