"""围栏 on the session's database, a server's too: as after ``pg_restore`` or ``mariadb``."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete

from backend import clock, installation, tenancy
from backend.card_pack import queries as card_pack
from backend.coupons.errors import CouponNotFound
from backend.coupons.models import Coupon
from backend.database import changed, db, table_of, transaction
from backend.malls import report
from backend.reports import doctor
from backend.safekeeping import row_ids
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import a_member, a_shop, a_template, reread
from tests.malls import a_link, a_mall, listening, reports_of, voucher_of
from tests.miniprogram_api.pos.till import till_of


def _fenced(app: Flask) -> dict[str, int]:
    answer = app.test_cli_runner().invoke(args=["restore", "--fence"])
    assert answer.exit_code == 0, answer.output
    reread()
    said: dict[str, int] = json.loads(
        next(line for line in answer.output.splitlines() if line.startswith("{"))
    )
    return said


def test_what_a_mall_may_have_been_told_is_held_until_staff_send_it_again(
    app: Flask, http: FlaskClient
) -> None:
    installation.greet()
    shop = a_shop()
    a_template(shop, "c100")
    a_link(shop, "c100")
    with listening(f"x-m-{shop.code}") as ear:
        mall = a_mall(shop, http, callback=ear.url)
        mall.sold("V1")
        assert till_of(http, shop).post("/coupons/redeem", {"scan": "V1"}).status_code == 201

        assert _fenced(app)["reports"] == 1

        report.send_due()
        assert ear.told == []
        (held,) = reports_of(shop)
        assert (held.state, held.last_error) == ("failed", report.HELD)
        with transaction(), tenancy.acting_for(shop.merchant_id):
            report.send_again(held.id)
        report.send_due()
        assert ear.types() == ["redeemed"]
        mall.sold("V2")
    assert voucher_of(shop, "V2").id > row_ids.JUMP
    assert installation.why_not_living() == ""
    assert doctor.check() == []


def test_the_number_of_a_coupon_that_was_lost_names_no_new_one(app: Flask) -> None:
    """What was given after the backup is gone; it stands on somebody's phone all the same."""
    installation.greet()
    shop = a_shop()
    template = a_template(shop, "free")
    member = a_member(shop)
    lost = a_coupon(shop, member, template)
    coupons = table_of(Coupon)
    with transaction(), tenancy.across_merchants("a test loses a coupon"):
        changed(delete(coupons).where(coupons.c.id == lost))

    _fenced(app)

    with tenancy.acting_for(shop.merchant_id):
        assert a_coupon(shop, member, template) > lost + row_ids.JUMP // 2
        with pytest.raises(CouponNotFound):
            card_pack.coupon_of([member], number_of(lost), now=clock.now())


def test_every_table_jumps_those_without_rows_too(app: Flask) -> None:
    installation.greet()
    _fenced(app)
    before = _next_ids()
    _fenced(app)
    after = _next_ids()
    assert len(after) > 60
    assert {name for name in after if after[name] - before[name] < row_ids.JUMP} == set()


def _next_ids() -> dict[str, int]:
    asked = {
        "sqlite": "select name, seq from sqlite_sequence"
        " where name not in ('installation', 'clock_anchor', 'audit_book')",
        "postgresql": "select sequencename, last_value from pg_sequences",
    }.get(
        db.engine.dialect.name,
        "select table_name, auto_increment from information_schema.tables"
        " where table_schema = database() and auto_increment is not null",
    )
    with db.engine.connect() as connection:
        return {name: int(given) for name, given in connection.exec_driver_sql(asked)}
