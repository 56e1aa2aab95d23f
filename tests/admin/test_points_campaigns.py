"""积分类活动 at the desk: one form per kind, effective when saved, told in Chinese (S2-17…36)."""

from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from backend import tenancy
from backend.campaigns.models import Campaign
from backend.database import db
from backend.members.models import MemberLevel
from backend.merchants.models import AuditEntry
from tests.admin.desk import Visitor, at_desk
from tests.builders import Shop, a_shop, a_template, reread
from tests.journeys.forms import as_shown

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


@pytest.fixture
def shop(app: Flask) -> Shop:
    shop = a_shop()
    with tenancy.acting_for(shop.merchant_id):
        db.session.add(MemberLevel(position=1, name="银卡"))
        db.session.commit()
    return shop


@pytest.fixture
def visitor(app: Flask, shop: Shop) -> Visitor:
    return at_desk(app, shop)


def silver(shop: Shop) -> int:
    with tenancy.acting_for(shop.merchant_id):
        found = db.session.scalar(select(MemberLevel.id).where(MemberLevel.name == "银卡"))
        assert found is not None
        return found


def saved(shop: Shop) -> tuple[str, dict[str, Any], int]:
    """State, settings and id of the one campaign."""
    reread()
    with tenancy.acting_for(shop.merchant_id):
        row = db.session.scalars(select(Campaign)).one()
        return row.state, dict(row.settings), row.id


def post(visitor: Visitor, kind: str, **form: object) -> TestResponse:
    path = f"/admin/campaigns/new/?kind={kind}"
    visitor.read(path)
    return visitor.send(path, **{"name": "积分活动", "then": "start", **form})


def test_registration_points_run_as_soon_as_they_are_saved(shop: Shop, visitor: Visitor) -> None:
    assert post(visitor, "registration_points", points="50").status_code == 302
    state, settings, number = saved(shop)
    assert (state, settings) == ("running", {"points": 50})
    details = visitor.read(f"/admin/campaigns/details/?id={number}")
    assert "注册送积分" in details and "50 积分" in details and "发券批次" not in details


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("registration_points", {"points": "50"}),
        ("consumption_points", {"per": "1", "points": "1"}),
        ("manual_points", {"add": "y"}),
    ],
)
def test_coming_again_edits_the_one_there_is(
    shop: Shop, visitor: Visitor, kind: str, form: dict[str, str]
) -> None:
    post(visitor, kind, **form)
    _, _, number = saved(shop)
    again = visitor.open(f"/admin/campaigns/new/?kind={kind}")
    assert again.status_code == 302
    assert again.headers["Location"].endswith(f"/campaigns/edit/?id={number}")
    shown = as_shown(visitor.read(f"/admin/campaigns/edit/?id={number}"))
    before = saved(shop)[1]
    assert visitor.send(f"/admin/campaigns/edit/?id={number}", **shown).status_code == 302
    assert saved(shop)[1] == before


def test_consumption_points_have_a_rule_for_all_and_one_per_level(
    shop: Shop, visitor: Visitor
) -> None:
    level = silver(shop)
    form: dict[str, object] = {
        "per": "1", "points": "1", "scope": "levels", "count_coupons": "y",
        f"level-{level}-per": "0.50", f"level-{level}-number": "1",
    }  # fmt: skip
    assert post(visitor, "consumption_points", **form).status_code == 302
    _, settings, number = saved(shop)
    assert settings == {
        "per_fen": 100,
        "points": 1,
        "levels": {"银卡": {"per_fen": 50, "points": 1}},
        "count_coupons": True,
        "count_balance": False,
    }
    details = visitor.read(f"/admin/campaigns/details/?id={number}")
    assert "每消费 0.5 元送 1 积分" in details and "不计入积分" in details


def test_a_level_whose_rule_cannot_be_read_is_named(shop: Shop, visitor: Visitor) -> None:
    form: dict[str, object] = {
        "per": "1", "points": "1", "scope": "levels",
        f"level-{silver(shop)}-per": "1", f"level-{silver(shop)}-number": "很多",
    }  # fmt: skip
    answer = post(visitor, "consumption_points", **form)
    assert answer.status_code == 422
    assert "银卡的积分应为整数" in answer.get_data(as_text=True)


def test_holidays_are_stretches_of_days_or_days_of_the_week(shop: Shop, visitor: Visitor) -> None:
    ranges = ["2027-05-01 至 2027-05-03", "2027-06-01 至 2027-06-03", ""]
    form: dict[str, object] = {"mode": "ranges", "range": ranges, "times": "2"}
    assert post(visitor, "holiday_points", **form).status_code == 302
    _, settings, number = saved(shop)
    assert settings["ranges"][1] == {"from": "2027-06-01", "to": "2027-06-03"}
    path = f"/admin/campaigns/edit/?id={number}"
    assert 'value="2027-05-01 至 2027-05-03"' in visitor.read(path)
    per_level: dict[str, object] = {
        "name": "周三会员日", "mode": "weekdays", "weekdays": "3", "scope": "levels",
        f"level-{silver(shop)}-number": "3",
    }  # fmt: skip
    assert visitor.send(path, **per_level).status_code == 302
    assert saved(shop)[1] == {"ranges": [], "weekdays": [3], "multiple": {"银卡": 3}}
    assert "每周三" in visitor.read(f"/admin/campaigns/details/?id={number}")


def test_an_eleventh_stretch_and_a_wrong_one_are_refused(shop: Shop, visitor: Visitor) -> None:
    eleven = [f"2027-01-{day:02}" for day in range(1, 12)]
    answer = post(visitor, "holiday_points", mode="ranges", range=eleven, times="2")
    assert "日期范围：最多10项" in answer.get_data(as_text=True)
    answer = post(visitor, "holiday_points", mode="ranges", range=["2027-01-01", "x"], times="2")
    assert "第 2 个日期：日期应写作" in answer.get_data(as_text=True)


def test_the_legal_holidays_are_a_click_away(shop: Shop, visitor: Visitor, clock: Any) -> None:  # noqa: ANN401
    clock.move_to("2026-09-20 10:00")
    text = visitor.read("/admin/campaigns/new/?kind=holiday_points")
    assert "国庆节 10月1日–7日" in text
    assert 'data-value="2026-10-01 至 2026-10-07"' in text


def test_what_a_cashier_may_do_is_two_switches(shop: Shop, visitor: Visitor) -> None:
    assert post(visitor, "manual_points", add="y").status_code == 302
    state, settings, number = saved(shop)
    assert (state, settings) == ("running", {"add": True, "subtract": False})
    details = visitor.read(f"/admin/campaigns/details/?id={number}")
    assert "收银台可用" in details and "收银台不可用" in details


def exchange(shop: Shop, **more: object) -> dict[str, object]:
    """积分兑换卡券 as the form sends it: 100 points, 80 for 银卡."""
    with tenancy.acting_for(shop.merchant_id):
        first = db.session.scalar(select(MemberLevel.id).where(MemberLevel.position == 0))
    return {
        "offer-template": "t1", f"offer-level-{first}": "100",
        f"offer-level-{silver(shop)}": "80", "introduction": "积分换好礼", "window": "days",
        "window_days": "7", "online_activity": "y", **more,
    }  # fmt: skip


def test_an_exchange_has_words_a_picture_and_prices_per_level(shop: Shop, visitor: Visitor) -> None:
    a_template(shop, "t1", title="代金券10元")
    form = exchange(shop, picture=(BytesIO(PNG), "a.png"))
    assert post(visitor, "points_exchange", **form).status_code == 302
    state, settings, number = saved(shop)
    assert state == "running"
    assert settings["offers"] == [{"template": "t1", "points": {"普通会员": 100, "银卡": 80}}]
    assert visitor.open(settings["picture"]).get_data() == PNG
    details = visitor.read(f"/admin/campaigns/details/?id={number}")
    assert "兑换代金券10元" in details and "普通会员 100，银卡 80" in details
    assert "接下来的发券时间" not in details
    path = f"/admin/campaigns/edit/?id={number}"
    shown = as_shown(visitor.read(path))
    assert visitor.send(path, **shown).status_code == 302
    assert saved(shop)[1] == settings
    assert visitor.send(path, **shown, **{"no-picture": "y"}).status_code == 302
    assert saved(shop)[1]["picture"] == ""


def test_the_same_price_for_all_holds_for_later_levels(shop: Shop, visitor: Visitor) -> None:
    a_template(shop, "t1")
    post(visitor, "points_exchange", **exchange(shop, **{f"offer-level-{silver(shop)}": "100"}))
    assert saved(shop)[1]["offers"] == [{"template": "t1", "points": 100}]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"offer-template": ""}, "可兑换的券：请至少添加一张可兑换的券"),
        ({"offer-template": "full"}, "第 1 张券：“满减”是满减券，只能选择代金券、折扣券、兑换券"),
        ({"picture": (BytesIO(b"GIF89a"), "a.gif")}, "活动图片：请上传 PNG 或 JPEG 图片"),
    ],
)
def test_an_exchange_says_what_is_wrong_on_its_form(
    shop: Shop, visitor: Visitor, more: dict[str, object], words: str
) -> None:
    a_template(shop, "t1")
    rule = {"threshold_fen": 30000, "reduce_fen": 10000}
    a_template(shop, "full", kind="every_full", rule=rule, title="满减")  # type: ignore[arg-type]
    answer = post(visitor, "points_exchange", **exchange(shop, **more))
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)


def test_a_price_that_is_missing_is_asked_for(shop: Shop, visitor: Visitor) -> None:
    a_template(shop, "t1")
    form = exchange(shop, **{f"offer-level-{silver(shop)}": ""})
    answer = post(visitor, "points_exchange", **form)
    assert "第 1 张券：银卡所需积分应为整数" in answer.get_data(as_text=True)


def test_only_coupons_that_may_be_exchanged_are_offered(shop: Shop, visitor: Visitor) -> None:
    a_template(shop, "t1", title="代金券10元")
    rule = {"threshold_fen": 30000, "reduce_fen": 10000}
    a_template(shop, "full", kind="every_full", rule=rule, title="满减")  # type: ignore[arg-type]
    text = visitor.read("/admin/campaigns/new/?kind=points_exchange")
    assert "代金券10元" in text and "满减" not in text


def test_saving_alone_leaves_it_a_draft_and_is_written_down(shop: Shop, visitor: Visitor) -> None:
    post(visitor, "registration_points", points="50", then="")
    assert saved(shop)[0] == "draft"
    with tenancy.across_merchants("a test reads the log"):
        actions = db.session.scalars(select(AuditEntry.action)).all()
    assert "campaign.save" in actions and "campaign.start" not in actions
