"""商家设置: read once in a transaction, fresh in the next one and after whoever wrote them."""

from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import create_engine, select, update

from backend import tenancy
from backend.campaigns import queries
from backend.database import db, end_read, transaction
from backend.merchants.house import house
from backend.merchants.models import Merchant, Subscription
from backend.merchants.subscription import is_subscribed
from backend.sales.discount_rules import discount_rules
from tests.builders import Shop, a_shop
from tests.miniprogram_api.statements import counting

DAY = date(2026, 11, 23)


@pytest.fixture
def shop(app: Flask) -> Shop:
    return a_shop()


def _name_it(shop: Shop, name: str) -> None:
    """Somebody else changes the merchant meanwhile, on a connection of their own."""
    other = create_engine(db.engine.url)
    with other.begin() as connection:
        connection.execute(update(Merchant).where(Merchant.id == shop.merchant_id), {"name": name})
    other.dispose()


def test_settings_and_package_are_read_once_in_a_transaction(shop: Shop) -> None:
    with transaction(), tenancy.acting_for(shop.merchant_id), counting(db.engine) as seen:
        for _ in range(3):
            discount_rules()
            queries.calendar()
            assert is_subscribed(shop.merchant_id, on=DAY)
            assert is_subscribed(shop.merchant_id, on=DAY, kind="consumption_gift")
    assert len(seen) == 2


@pytest.mark.parametrize("end", [lambda: db.session.rollback(), end_read])
def test_the_next_read_sees_what_somebody_else_has_set(shop: Shop, end: Callable[[], None]) -> None:
    with tenancy.acting_for(shop.merchant_id):
        before = house().name
        _name_it(shop, "新店名")
        assert house().name == before
        end()
        assert house().name == "新店名"


def test_the_next_transaction_sees_what_somebody_else_has_set(shop: Shop) -> None:
    with tenancy.acting_for(shop.merchant_id):
        with transaction():
            house()
        _name_it(shop, "新店名")
        with transaction():
            assert house().name == "新店名"


def test_who_writes_settings_reads_them_as_written_and_as_before_when_undone(shop: Shop) -> None:
    with tenancy.acting_for(shop.merchant_id):
        with pytest.raises(RuntimeError), transaction():
            assert not house().rolling_week
            merchant = db.session.scalars(select(Merchant)).one()
            merchant.rolling_week = True
            db.session.flush()
            assert house().rolling_week
            raise RuntimeError
        with transaction():
            assert not house().rolling_week


def test_who_ends_a_package_reads_it_as_ended(shop: Shop) -> None:
    with transaction(), tenancy.acting_for(shop.merchant_id):
        assert is_subscribed(shop.merchant_id, on=DAY)
        db.session.delete(db.session.scalars(select(Subscription)).one())
        db.session.flush()
        assert not is_subscribed(shop.merchant_id, on=DAY)


def test_merchants_of_one_transaction_have_their_own(shop: Shop) -> None:
    other = a_shop()
    with transaction():
        with tenancy.acting_for(shop.merchant_id):
            ours = house().name
        with tenancy.acting_for(other.merchant_id):
            assert house().name != ours
