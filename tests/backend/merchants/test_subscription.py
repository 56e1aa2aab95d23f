"""营销包年: inclusive days, renewals without a gap."""

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db, table_of, transaction
from backend.merchants.models import Merchant, Subscription
from backend.merchants.subscription import (
    days_left,
    included,
    is_subscribed,
    leaves_out,
    subscribed,
)
from tests.builders import Shop, a_shop


@pytest.fixture
def shop(app: Flask) -> Shop:
    shop = a_shop(subscribed=False)
    _opens(shop, date(2026, 1, 1), date(2026, 12, 31))
    return shop


def _opens(shop: Shop, first: date, last: date, *kinds: str) -> None:
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.add(Subscription(starts_on=first, ends_on=last, kinds=list(kinds)))


@pytest.mark.parametrize(
    ("day", "active", "left"),
    [
        (date(2025, 12, 31), False, 0),
        (date(2026, 1, 1), True, 365),
        (date(2026, 12, 1), True, 31),
        (date(2026, 12, 31), True, 1),
        (date(2027, 1, 1), False, 0),
    ],
)
def test_both_of_its_days_count(shop: Shop, day: date, active: bool, left: int) -> None:
    with tenancy.acting_for(shop.merchant_id):
        assert is_subscribed(shop.merchant_id, on=day) is active
        assert days_left(shop.merchant_id, on=day) == left


def test_a_renewal_counts_only_when_it_follows_without_a_gap(shop: Shop) -> None:
    _opens(shop, date(2027, 1, 1), date(2027, 1, 10))
    _opens(shop, date(2027, 1, 12), date(2027, 12, 31))
    with tenancy.acting_for(shop.merchant_id):
        assert days_left(shop.merchant_id, on=date(2026, 12, 31)) == 11
        assert not is_subscribed(shop.merchant_id, on=date(2027, 1, 11))


def test_one_statement_asks_it_of_every_merchant(shop: Shop) -> None:
    other = a_shop(subscribed=False)
    merchant = table_of(Merchant)
    asked = select(merchant.c.id).where(subscribed(merchant.c.id, on=date(2026, 6, 1)))
    with tenancy.across_merchants("a test asks of all"):
        found = db.session.scalars(asked).all()
    assert found == [shop.merchant_id]
    assert other.merchant_id not in found


@pytest.mark.parametrize(
    ("packages", "kinds", "may", "is_left_out"),
    [
        ([], [], False, False),
        ([()], None, True, False),
        ([("periodic",)], ["periodic"], True, False),
        ([("class_marketing",)], ["class_marketing"], False, True),
        ([("class_marketing",), ("periodic",)], ["class_marketing", "periodic"], True, False),
        ([("class_marketing",), ()], None, True, False),
    ],
)
def test_a_package_is_for_the_kinds_that_it_includes(
    app: Flask,
    packages: list[tuple[str, ...]],
    kinds: list[str] | None,
    may: bool,
    is_left_out: bool,
) -> None:
    """S0-16, S3-38: several at once add up; one without kinds is for all."""
    shop, day = a_shop(subscribed=False), date(2026, 6, 1)
    for package in packages:
        _opens(shop, date(2026, 1, 1), date(2026, 12, 31), *package)
    assert included(shop.merchant_id, on=day) == kinds
    assert is_subscribed(shop.merchant_id, on=day, kind="periodic") is may
    assert leaves_out(shop.merchant_id, on=day, kind="periodic") is is_left_out
