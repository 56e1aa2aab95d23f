"""会员消费送优惠券 at the desk: rules by what is really paid, told back in words (S2-51…56)."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from backend import tenancy
from backend.campaigns.models import Campaign
from backend.database import db
from tests.admin.desk import Visitor, at_desk
from tests.builders import Shop, a_shop, a_template, reread
from tests.journeys.forms import as_shown

NEW = "/admin/campaigns/new/?kind=consumption_gift"
FORM = {
    "name": "消费送券", "several": "highest", "window": "days", "window_days": "7",
    "rule-paid": ["200", "100", "100"], "rule-template": ["t2", "t1", "t2"],
    "rule-quantity": ["1", "1", "2"],
}  # fmt: skip


@pytest.fixture
def shop(app: Flask) -> Shop:
    shop = a_shop()
    for code, title in (("t1", "8折券"), ("t2", "立减券")):
        a_template(shop, code, title=title)
    return shop


@pytest.fixture
def visitor(app: Flask, shop: Shop) -> Visitor:
    return at_desk(app, shop)


def post(visitor: Visitor, **changes: object) -> TestResponse:
    visitor.read(NEW)
    return visitor.send(NEW, **(FORM | changes))


def saved(shop: Shop) -> Campaign:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalars(select(Campaign)).one()


def test_rows_of_one_amount_are_one_rule_and_the_form_shows_them_again(
    shop: Shop, visitor: Visitor
) -> None:
    """S2-53."""
    assert post(visitor).status_code == 302
    settings: Any = saved(shop).settings
    one, two = ({"template": code, "quantity": 1} for code in ("t1", "t2"))
    assert settings == {
        "rules": [
            {"paid_fen": 10000, "coupons": [one, {"template": "t2", "quantity": 2}]},
            {"paid_fen": 20000, "coupons": [two]},
        ],
        "all": False,
        "claim_window": {"kind": "days", "days": 7},
    }
    edit = f"/admin/campaigns/edit/?id={saved(shop).id}"
    assert visitor.send(edit, **as_shown(visitor.read(edit))).status_code == 302
    assert saved(shop).settings == settings


def test_a_started_campaign_is_executing_in_the_list_and_on_its_page(
    shop: Shop, visitor: Visitor
) -> None:
    """S2-56."""
    assert post(visitor, then="start").status_code == 302
    assert "消费送券" in visitor.read("/admin/campaigns/?tab=running")
    assert "执行中" in visitor.read("/admin/campaigns/")
    page = visitor.read(f"/admin/campaigns/details/?id={saved(shop).id}")
    for words in ("执行中", "实付满 100 元", "送 8折券 ×1、立减券 ×2", "消费后 7 天内可领取"):
        assert words in page
    assert "发券批次" not in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rule-paid": [], "rule-template": [], "rule-quantity": []}, "请至少添加一条赠送规则"),
        ({"rule-paid": ["x", "1", "1"]}, "第 1 行规则：消费金额应大于 0"),
        ({"rule-paid": ["1", "0", "1"]}, "第 2 行规则：消费金额应大于 0"),
        ({"rule-quantity": ["1", "1", "一"]}, "第 3 行规则：张数应为整数"),
        ({"rule-quantity": ["1", "99", "99"]}, "第 1 条规则：一次最多可发100张优惠券"),
        ({"window_days": ""}, "天数"),
    ],
)
def test_what_cannot_be_is_said_in_words_and_not_saved(
    shop: Shop, visitor: Visitor, changes: dict[str, object], words: str
) -> None:
    answer = post(visitor, then="start", **changes)
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(select(Campaign)).all() == []


def test_what_was_typed_stands_on_the_refused_form(visitor: Visitor) -> None:
    refused = post(visitor, **{"rule-paid": ["x", "12.5", ""]})
    shown = MultiDict(as_shown(refused.get_data(as_text=True)))
    assert shown.getlist("rule-paid")[:2] == ["x", "12.5"]
