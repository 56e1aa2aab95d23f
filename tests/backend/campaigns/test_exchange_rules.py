"""积分兑换卡券: what may be saved and started, and where a mistake is named (S2-29…31)."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.campaigns import lifecycle, programmes
from backend.campaigns.draft import CampaignDraft
from backend.campaigns.errors import CampaignIncomplete, CampaignInvalid
from backend.campaigns.models import Campaign
from backend.database import db
from backend.members.models import MemberLevel
from tests.builders import Shop, a_shop, a_template, reread
from tests.conftest import StillClock


@pytest.fixture
def shop(app: Flask) -> Shop:
    shop = a_shop()
    a_template(shop, "cash", title="代金券10元")
    a_template(shop, "off", kind="discount", rule={"rate_bp": 8500}, title="85折")
    a_template(shop, "fish", kind="gift", rule={"dishes": ["D001"]}, title="送鱼")
    rule = {"threshold_fen": 30000, "reduce_fen": 10000}
    a_template(shop, "full", kind="every_full", rule=rule, title="每满300减100")
    with tenancy.acting_for(shop.merchant_id):
        db.session.add(MemberLevel(position=1, name="银卡"))
        db.session.commit()
    return shop


def saved(shop: Shop, clock: StillClock, *offers: dict[str, Any]) -> Campaign:
    with tenancy.acting_for(shop.merchant_id):
        settings = programmes.parse("points_exchange", {"offers": list(offers)})
        draft = CampaignDraft(code="x", kind="points_exchange", settings=settings)
        return lifecycle.save(draft, now=clock.at)


def wrong(shop: Shop, clock: StillClock, *offers: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(CampaignInvalid) as refused:
        saved(shop, clock, *offers)
    errors: Any = refused.value.detail["errors"]
    return [(error["field"], error["message"]) for error in errors]


def test_discount_cash_and_gift_coupons_may_be_exchanged(shop: Shop, clock: StillClock) -> None:
    offers = [{"template": code, "points": 10} for code in ("cash", "off", "fish")]
    campaign = saved(shop, clock, *offers)
    with tenancy.acting_for(shop.merchant_id):
        lifecycle.start(campaign.id, now=clock.at)
        reread()
        assert db.session.scalars(select(Campaign.state)).one() == "running"


def test_another_kind_is_refused_by_name_where_it_stands(shop: Shop, clock: StillClock) -> None:
    found = wrong(shop, clock, {"template": "cash", "points": 1}, {"template": "full", "points": 1})
    words = "“每满300减100”是满减券，只能选择代金券、折扣券、兑换券"
    assert found == [("offers.1.template", words)]


def test_an_unknown_template_is_named_where_it_stands(shop: Shop, clock: StillClock) -> None:
    found = wrong(shop, clock, {"template": "none", "points": 1})
    assert found == [("offers.0.template", "没有券模板 none")]


def test_a_mall_voucher_names_its_template_too(shop: Shop, clock: StillClock) -> None:
    with tenancy.acting_for(shop.merchant_id), pytest.raises(CampaignInvalid) as refused:
        settings = programmes.parse("mall_voucher", {"product": "P1", "template": "off"})
        draft = CampaignDraft(code="m", kind="mall_voucher", settings=settings)
        lifecycle.save(draft, now=clock.at)
    words = "“85折”是折扣券，只能选择代金券、兑换券、抵扣券"
    assert refused.value.detail["errors"] == [{"field": "template", "message": words}]


def test_levels_are_those_of_the_shop(shop: Shop, clock: StillClock) -> None:
    prices = {"银卡": 10, "钻石": 5}
    found = wrong(
        shop, clock, {"template": "cash", "points": 1}, {"template": "off", "points": prices}
    )
    assert found == [("offers.1.points", "没有会员等级钻石")]


def test_a_coupon_has_one_price(shop: Shop, clock: StillClock) -> None:
    twice = [{"template": "cash", "points": 1}, {"template": "cash", "points": 2}]
    assert wrong(shop, clock, *twice) == [("offers.1.template", "同一张券只能有一个兑换价")]


def test_without_a_coupon_it_does_not_start(shop: Shop, clock: StillClock) -> None:
    campaign = saved(shop, clock)
    with (
        tenancy.acting_for(shop.merchant_id),
        pytest.raises(CampaignIncomplete, match="请至少添加一张可兑换的券"),
    ):
        lifecycle.start(campaign.id, now=clock.at)
