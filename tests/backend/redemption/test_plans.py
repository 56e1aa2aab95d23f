"""What a person holds is found through the index of open coupons, not by walking all coupons."""

import pytest
from flask import Flask
from sqlalchemy import text

from backend import clock, tenancy
from backend.database import db
from backend.redemption import facts
from tests.builders import a_member, a_shop
from tests.miniprogram_api.statements import counting


def test_a_members_open_coupons_are_found_by_their_index(app: Flask) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("reads SQLite's plan")
    shop = a_shop()
    member = a_member(shop)
    with tenancy.acting_for(shop.merchant_id), counting(db.engine) as statements:
        facts.held_by([member], at=clock.now())
    (statement,) = statements
    plan = db.session.execute(
        text("explain query plan " + statement.replace("?", "1").replace(":", ""))
    )
    assert any("ix_coupon_open" in str(row) for row in plan), statement
