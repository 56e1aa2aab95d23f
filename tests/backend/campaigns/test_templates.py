"""券模板与库存: a promise is revised, limits change in place (S4-04, R-21)."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select

from backend import clock, tenancy
from backend.campaigns import templates
from backend.campaigns.templates import TemplateDraft
from backend.coupons import stock
from backend.coupons.errors import StockBelowIssued, TemplateInvalid
from backend.coupons.models import TemplateRevision
from backend.database import db, transaction
from tests.builders import Shop, a_shop, a_template

DRAFT = TemplateDraft(
    code="t300",
    kind="every_full",
    title="每满300减100",
    rule={"threshold_fen": 30000, "reduce_fen": 10000},
    validity={"days": 30, "after_days": 0},
    stock=100,
)


def revisions(shop: Shop) -> int:
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalar(select(func.count()).select_from(TemplateRevision)) or 0


def save(shop: Shop, draft: TemplateDraft) -> int:
    with tenancy.acting_for(shop.merchant_id):
        return templates.save(draft, now=clock.now()).id


def test_saving_the_same_again_makes_no_revision(app: Flask) -> None:
    shop = a_shop()
    first = save(shop, DRAFT)
    assert save(shop, DRAFT) == first
    assert revisions(shop) == 1


@pytest.mark.parametrize(
    ("change", "makes"),
    [
        ({"rule": {"threshold_fen": 30000, "reduce_fen": 9000}}, 2),
        ({"validity": {"from": "2026-01-01", "to": "2026-12-31"}}, 2),
        ({"title": "新名字"}, 2),
        ({"stores": ("s01",)}, 2),
        ({"weekdays": (1, 2)}, 2),
        ({"giftable": True}, 2),
        ({"stock": 50}, 1),
        ({"stock": None}, 1),
        ({"per_member": 3, "per_day": 1}, 1),
    ],
    ids=lambda value: str(value)[:24],
)
def test_only_a_changed_promise_is_a_new_revision(
    app: Flask, change: dict[str, object], makes: int
) -> None:
    shop = a_shop()
    save(shop, DRAFT)
    save(shop, replace(DRAFT, **change))  # type: ignore[arg-type]
    assert revisions(shop) == makes


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "voucher"}, "kind"),
        ({"rule": {"threshold_fen": "30000", "reduce_fen": 1}}, "rule.threshold_fen"),
        ({"validity": {"days": 0}}, "validity.days"),
        ({"hours": ("25:00",)}, "hours.hours"),
        ({"stock": -1}, "stock"),
        ({"title": ""}, "title"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(
    app: Flask, change: dict[str, object], field: str
) -> None:
    with pytest.raises(TemplateInvalid) as refused:
        save(a_shop(), replace(DRAFT, **change))  # type: ignore[arg-type]
    assert [error["field"] for error in refused.value.detail["errors"]] == [field]  # type: ignore[union-attr, index, call-overload]


def test_stock_is_taken_to_the_last_piece_and_given_back(app: Flask) -> None:
    shop = a_shop()
    template = a_template(shop, stock=10)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        assert stock.take(template, 8)
        assert not stock.take(template, 3)
        assert stock.take_some(template, 3) == 2
        assert stock.take_some(template, 3) == 0
        stock.give_back(template, 5)
        assert stock.left(template) == 5


def test_a_template_without_a_limit_counts_nothing(app: Flask) -> None:
    shop = a_shop()
    template = a_template(shop)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        assert stock.take(template, 10**6)
        assert stock.take_some(template, 7) == 7
        assert stock.left(template) is None


def test_stock_is_never_set_below_what_is_issued(app: Flask) -> None:
    shop = a_shop()
    template = save(shop, DRAFT)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        assert stock.take(template, 60)
    with pytest.raises(StockBelowIssued, match="60"):
        save(shop, replace(DRAFT, stock=59))
    save(shop, replace(DRAFT, stock=60))
    with transaction(), tenancy.acting_for(shop.merchant_id):
        assert stock.left(template) == 0
