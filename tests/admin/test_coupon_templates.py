"""券模板 at the desk: the form by kind, its card, versions, switching off."""

import pytest
from flask import Flask
from sqlalchemy import select

from admin.template_form import TemplateForm
from backend import tenancy
from backend.coupons.models import CouponTemplate, TemplateRevision
from backend.database import db
from backend.merchants.models import AuditEntry
from tests.admin.desk import at_desk
from tests.builders import Shop, a_shop, a_template, reread

KINDS = {
    "cash": ({"value": "10"}, {"value_fen": 1000}),
    "every_full": (
        {"threshold": "300", "reduce": "100"}, {"threshold_fen": 30000, "reduce_fen": 10000},
    ),
    "discount": ({"rate": "8.8", "most": "50"}, {"rate_bp": 8800, "max_fen": 5000}),
    "gift": ({"dishes": "D001 D002", "quantity": "2"}, {"dishes": ["D001", "D002"], "quantity": 2}),
    "deduction": ({"dishes": "D001", "value": "38.5"}, {"dishes": ["D001"], "value_fen": 3850}),
    "group_buy": (
        {"dishes": "D001 D002", "price": "99"}, {"dishes": ["D001", "D002"], "price_fen": 9900},
    ),
    "general": ({"text": "赠送果盘"}, {"text": "赠送果盘"}),
}  # fmt: skip
BASE = {"title": "午市券", "validity": "relative", "days": "30", "after_days": "0", "where": "all",
        "max_per_bill": "1", "with_level": "y", "with_points": "y"}  # fmt: skip


def saved_template(shop: Shop) -> tuple[CouponTemplate, TemplateRevision]:
    with tenancy.acting_for(shop.merchant_id):
        template = db.session.scalars(select(CouponTemplate)).one()
        revision = tenancy.find(TemplateRevision, template.revision_id or 0)
        assert revision is not None
        return template, revision


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_made_opened_and_saved_again_unchanged(app: Flask, kind: str) -> None:
    shop = a_shop()
    visitor = at_desk(app, shop)
    visitor.read("/admin/templates/new/")
    fields, rule = KINDS[kind]
    assert visitor.send("/admin/templates/new/", kind=kind, **BASE, **fields).status_code == 302
    template, revision = saved_template(shop)
    assert (template.kind, revision.rule, revision.validity) == (
        kind, rule, {"days": 30, "after_days": 0},
    )  # fmt: skip
    path = f"/admin/templates/edit/?id={template.id}"
    text = visitor.read(path)
    for name, value in fields.items():
        assert f'name="{name}"' in text and value in text
    assert visitor.send(path, kind=kind, **BASE, **fields).status_code == 302
    assert saved_template(shop)[1].number == 1


def test_a_template_without_its_amount_says_which_field(app: Flask) -> None:
    visitor = at_desk(app, a_shop())
    visitor.read("/admin/templates/new/")
    answer = visitor.send("/admin/templates/new/", kind="cash", **BASE)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "面额：必填" in text and "午市券" in text


def test_three_decimals_are_refused_not_rounded(app: Flask) -> None:
    visitor = at_desk(app, a_shop())
    visitor.read("/admin/templates/new/")
    answer = visitor.send("/admin/templates/new/", kind="cash", **BASE, value="12.345")
    assert answer.status_code == 422
    assert "最多两位小数" in answer.get_data(as_text=True)
    assert 'value="12.345"' in answer.get_data(as_text=True)


def test_editing_makes_a_new_version_and_the_log_keeps_both(app: Flask) -> None:
    shop = a_shop()
    visitor = at_desk(app, shop)
    visitor.read("/admin/templates/new/")
    visitor.send("/admin/templates/new/", kind="cash", **BASE, value="10", stock="100")
    template, _ = saved_template(shop)
    path = f"/admin/templates/edit/?id={template.id}"
    visitor.send(path, kind="cash", **BASE, value="20", stock="")
    template, revision = saved_template(shop)
    assert (revision.number, revision.rule, template.stock) == (2, {"value_fen": 2000}, None)
    reread()
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "template.save"))
    befores = [(e.before or {}).get("rule") for e in entries]
    assert befores == [None, {"value_fen": 1000}]


def test_the_card_beside_the_form_follows_what_is_typed(app: Flask) -> None:
    visitor = at_desk(app, a_shop())
    visitor.read("/admin/templates/new/")
    fields = {"kind": "every_full", "threshold": "300", "reduce": "100"}
    card = visitor.send("/admin/templates/preview", **BASE, **fields).get_data(as_text=True)
    assert "¥100" in card and "每满300减100" in card and "30 天有效" in card and "满减券" in card


def test_only_the_fields_of_the_kind_are_marked_for_it(app: Flask) -> None:
    """Trap 1: no field is missing from the form."""
    text = at_desk(app, a_shop()).read("/admin/templates/new/")
    for name in TemplateForm()._fields:
        assert f'name="{name}"' in text or name in {"stores", "sure"}, name
    assert 'data-when="kind=every_full"' in text and 'data-when="kind=gift"' in text


def test_a_stopped_template_is_not_offered_to_campaigns(app: Flask) -> None:
    shop = a_shop()
    template = a_template(shop, "t1", title="老券")
    visitor = at_desk(app, shop)
    assert "老券" in visitor.read("/admin/campaigns/new/?kind=periodic")
    visitor.send("/admin/templates/archive/", id=template, archived="1")
    assert "老券" not in visitor.read("/admin/campaigns/new/?kind=periodic")


def test_a_discount_below_one_tenth_is_asked_again(app: Flask) -> None:
    """Field case C: 0.85 typed for 8.5."""
    shop = a_shop()
    visitor = at_desk(app, shop)
    assert 'name="sure"' not in visitor.read("/admin/templates/new/")
    answer = visitor.send("/admin/templates/new/", kind="discount", **BASE, rate="0.85")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "低于1折，顾客只付 8.5%" in text and 'name="sure"' in text
    sure = visitor.send("/admin/templates/new/", kind="discount", **BASE, rate="0.85", sure="y")
    assert sure.status_code == 302
    assert saved_template(shop)[1].rule["rate_bp"] == 850
