"""营销活动 at the desk: presets, conditions, the live count, the three classes, the switch."""

import re

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from admin.campaigns import conditions
from admin.campaigns.forms import FORMS
from backend import tenancy
from backend.campaigns.kinds.periodic import PRESETS
from backend.campaigns.models import Campaign, CampaignKind
from backend.database import db
from backend.merchants.models import AuditEntry
from tests.admin.desk import Visitor, at_desk, one_of_each
from tests.builders import Shop, a_member, a_shop, a_template, reread


def weekly(**more: str) -> dict[str, str]:
    """A sensible 定期送券 as the form sends it."""
    return {
        "name": "周四唤醒", "mode": "dynamic", "match": "all", "every": "week", "weekdays": "4",
        "at": "10:00", "window": "days", "window_days": "2", "given-template": "t1",
        "given-quantity": "2", "tags": "唤醒", **more,
    }  # fmt: skip


def saved_campaign(shop: Shop) -> Campaign:
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalars(select(Campaign)).one()


def post(visitor: Visitor, form: dict[str, str], preset: str = "") -> TestResponse:
    path = f"/admin/campaigns/new/?kind=periodic&preset={preset}"
    visitor.read(path)
    return visitor.send(path, **form)


def test_a_weekly_campaign_is_made_and_opened_again(app: Flask) -> None:
    shop = a_shop()
    a_template(shop, "t1")
    visitor = at_desk(app, shop)
    condition = {
        "c5-field": "consumption_count", "c5-period": "days", "c5-days": "90", "c5-op": "<",
        "c5-value": "3",
    }  # fmt: skip
    assert post(visitor, weekly(**condition)).status_code == 302
    campaign = saved_campaign(shop)
    assert campaign.state == "draft"
    assert campaign.settings["audience"]["conditions"][0]["days"] == 90  # type: ignore[index,call-overload]
    text = visitor.read(f"/admin/campaigns/edit/?id={campaign.id}")
    assert "周四唤醒" in text and 'value="90"' in text
    details = visitor.read(f"/admin/campaigns/details/?id={campaign.id}")
    assert "近 90 天消费次数 ＜ 3次" in details
    assert re.search(rf'href="/admin/campaigns/edit/\?id={campaign.id}">编辑<', details)


def test_saving_and_starting_is_one_click(app: Flask) -> None:
    shop = a_shop()
    a_template(shop, "t1")
    assert post(at_desk(app, shop), weekly(then="start")).status_code == 302
    assert saved_campaign(shop).state == "running"


def test_a_campaign_that_cannot_start_says_why_and_is_not_saved(app: Flask) -> None:
    shop = a_shop()
    answer = post(at_desk(app, shop), weekly(then="start", **{"given-template": ""}))
    assert answer.status_code == 422
    assert "没有选择优惠券" in answer.get_data(as_text=True)
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(select(Campaign)).all() == []


@pytest.mark.parametrize("preset", PRESETS)
def test_every_ready_made_starting_point_opens(app: Flask, preset: str) -> None:
    """S3-02…04."""
    shop = a_shop()
    text = at_desk(app, shop).read(f"/admin/campaigns/new/?kind=periodic&preset={preset}")
    assert f'value="{preset}"' in text and 'value="10:00"' in text


def test_the_live_count_follows_the_conditions(app: Flask) -> None:
    """S3-12: 预计可参与人数, a sample, the chips; S3-20: the next five dates."""
    shop = a_shop()
    for n in range(12):
        a_member(shop, phone=f"1390000{n:04d}", nickname=f"客{n}", consumptions=n % 3)
    visitor = at_desk(app, shop)
    visitor.read("/admin/campaigns/new/?kind=periodic")

    def count(**condition: str) -> str:
        answer = visitor.send("/admin/campaigns/forecast", **weekly(**condition))
        return answer.get_data(as_text=True)

    everybody = count()
    assert ">12 <small>" in everybody and "全部会员" in everybody and "抽样 10 人" in everybody
    assert everybody.count("10:00") == 5 and "2026-12-03 10:00" in everybody
    some = count(**{"c0-field": "class", "c0-chosen": "loyal"})
    assert ">4 <small>" in some and "客户分类：忠诚客" in some
    wrong = count(**{"c0-field": "consumption_count", "c0-op": ">=", "c0-value": "x"})
    assert "消费次数：请输入整数" in wrong


def test_people_found_exactly_are_the_fixed_audience(app: Flask) -> None:
    """S3-16, S3-18."""
    shop = a_shop()
    a_template(shop, "t1")
    chosen = a_member(shop, phone="13900000001", nickname="老熟客")
    a_member(shop, phone="13900000002", nickname="路人")
    visitor = at_desk(app, shop)
    found = visitor.read("/admin/campaigns/find?exact=13900000001 没这人")
    assert f'value="{chosen}"' in found and "老熟客" in found and "139****0001" in found
    form = weekly(mode="fixed", search="exact", member=str(chosen))
    shown = visitor.send("/admin/campaigns/forecast", **form).get_data(as_text=True)
    assert ">1 <small>" in shown and "固定名单" in shown
    assert post(visitor, form).status_code == 302
    assert saved_campaign(shop).settings["audience"] == {
        "match": "all", "conditions": [], "mode": "fixed", "phones": [], "members": [chosen],
    }  # fmt: skip


def test_the_switch_starts_and_pauses_and_the_log_says_so(app: Flask) -> None:
    """S0-21, R-22."""
    shop = a_shop()
    a_template(shop, "t1")
    visitor = at_desk(app, shop)
    post(visitor, weekly())
    campaign = saved_campaign(shop)
    assert 'data-confirm="首次启动从下一周期开始发券' in visitor.read("/admin/campaigns/")
    visitor.send("/admin/campaigns/start/", id=campaign.id)
    reread()
    assert saved_campaign(shop).state == "running"
    assert 'data-confirm="暂停后从现在起不再发券' in visitor.read("/admin/campaigns/")
    visitor.send("/admin/campaigns/pause/", id=campaign.id)
    reread()
    assert saved_campaign(shop).state == "paused"
    done = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert [a for a in done if a.startswith("campaign.")] == [
        "campaign.save", "campaign.start", "campaign.pause",
    ]  # fmt: skip


def test_the_three_classes_stand_in_three_columns(app: Flask) -> None:
    """S0-17."""
    shop = a_shop()
    a_template(shop, "t1")
    visitor = at_desk(app, shop)
    path = "/admin/campaigns/new/?kind=class_marketing"
    visitor.read(path)
    sent = visitor.send(
        path,
        **{"name": "三类客户", "new-on": "y", "new-template": "t1", "new-quantity": "1",
           "loyal-on": "y", "loyal-again": "y", "loyal-template": "t1", "loyal-quantity": "3"},
    )  # fmt: skip
    assert sent.status_code == 302
    parts = saved_campaign(shop).settings["parts"]
    assert parts == {
        "new": {"on": True, "again": False, "coupons": [{"template": "t1", "quantity": 1}]},
        "ordinary": {"on": False, "again": False, "coupons": []},
        "loyal": {"on": True, "again": True, "coupons": [{"template": "t1", "quantity": 3}]},
    }


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "consumption_count", "op": "<", "value": 3},
        {"field": "consumption_count", "op": "between", "value": [1, 5], "days": 90},
        {"field": "consumption_amount", "op": ">=", "value": 19990},
        {"field": "consumption_amount", "op": "=", "value": 0, "from": "2026-01-01",
         "to": "2026-06-30"},
        {"field": "consumption_count", "op": "in", "value": [1, 3]},
        {"field": "consumption_count", "op": ">", "value": 0, "from": "2026-01-01"},
        {"field": "days_since_consumption", "op": ">=", "value": 15},
        {"field": "registered_days", "op": "between", "value": [7, 30]},
        {"field": "registered_at", "from": "2026-01-01", "to": "2026-06-30"},
        {"field": "registered_at", "op": ">=", "value": "2026-01-01"},
        {"field": "phone_bound", "op": "=", "value": False},
        {"field": "follows", "op": "=", "value": True},
        {"field": "gender", "op": "in", "value": ["female", ""]},
        {"field": "birth_month", "op": "in", "value": [1, 12]},
        {"field": "class", "op": "in", "value": ["new", "loyal"]},
        {"field": "tag", "op": "in", "value": ["企业客户", "老带新"]},
    ],
)  # fmt: skip
def test_a_condition_survives_the_form(condition: conditions.Stored) -> None:
    (row,) = conditions.stored([condition])
    at = f"c{row.number}-"
    form = MultiDict(
        [
            (f"{at}field", row.kind.field), (f"{at}op", row.op), (f"{at}value", row.value),
            (f"{at}upper", row.upper), (f"{at}period", row.period), (f"{at}days", row.days),
            (f"{at}dates", row.dates), (f"{at}kept", row.kept),
            *((f"{at}chosen", one) for one in row.chosen),
        ]
    )  # fmt: skip
    found, wrong = conditions.read(conditions.sent(form))
    assert wrong == []
    assert found == [condition]
    assert re.search(r"[\u4e00-\u9fff]", conditions.in_words(condition))


def test_a_campaign_from_a_setup_file_is_saved_again_as_it_was(app: Flask) -> None:
    shop = a_shop()
    rows = one_of_each(shop)
    with tenancy.acting_for(shop.merchant_id):
        campaign = db.session.scalars(select(Campaign).where(Campaign.id == rows.campaigns)).one()
        periodic = FORMS[campaign.kind]
        form = periodic.form(data=periodic.begun(campaign))
        sent = MultiDict([("given-template", f"t-{shop.code}"), ("given-quantity", "1")])
        assert periodic.settings(form, campaign, sent) == campaign.settings


def test_every_kind_has_its_form() -> None:
    assert set(FORMS) == set(CampaignKind)
    assert len({(each.help, each.starts) for each in FORMS.values()}) == len(FORMS)


@pytest.mark.parametrize(
    "rubbish",
    [
        {"mode": "fixed", "search": "exact", "member": "9" * 40},
        {"mode": "nope", "every": "nope", "at": "99:99", "match": "nope"},
        {"c0-field": "registered_at", "c0-dates": "0001-01-01 至 9999-12-31"},
        {"c0-field": "consumption_count", "c0-kept": '{"field": "level"}'},
        {"c0-field": "level", "c0-kept": "[[[[["},
        {"c0-field": "tag", "c0-value": ""},
        {"c0-field": "nope"},
        {"c99999999999999999999-field": "level"},
        {"every": "month", "month_days": "32"},
        {
            "c0-field": "days_since_consumption",
            "c0-op": "between",
            "c0-value": "9",
            "c0-upper": "1",
        },
        {"c0-field": "consumption_amount", "c0-op": "~", "c0-value": "12.345"},
    ],
)
def test_rubbish_in_the_form_is_answered_in_words(app: Flask, rubbish: dict[str, str]) -> None:
    """I-14: the form never breaks, live or saved."""
    shop = a_shop()
    a_template(shop, "t1")
    visitor = at_desk(app, shop)
    assert visitor.send("/admin/campaigns/forecast", **weekly(**rubbish)).status_code == 200
    assert post(visitor, weekly(**rubbish)).status_code in (302, 422)
