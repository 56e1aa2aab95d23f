"""What the clock does by itself reads about what it writes, a chunk at a time. (scale, rules 1–3)

A live count and a chunk look at each member of theirs once; what is asked about each of them is
found by the member.
"""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import exists, select

from backend import clock as business_clock
from backend import tenancy
from backend.coupons.models import Coupon
from backend.database import db, table_of
from backend.members.models import Member
from scripts.wechat_platform.server import Platform
from tests.builders import a_shop
from tests.conftest import StillClock
from tests.plans.crowds import MAY_READ_MORE, Month, count_every_condition
from tests.plans.watching import Yardsticks, asked_within


@pytest.fixture(autouse=True)
def on_sqlite(database_url: str) -> None:
    """Where a few thousand rows are read sooner whole than by an index, plans say nothing yet."""
    if not database_url.startswith("sqlite"):
        pytest.skip("servers plan by size; the yardstick is too small for crowds")


@pytest.mark.parametrize("joined", [False, True])
def test_a_month_of_waves_reminders_messages_and_sweeps(
    app: Flask,
    http: FlaskClient,
    wechat: Platform,
    clock: StillClock,
    plans: Yardsticks,
    joined: bool,
) -> None:
    month = Month(http, wechat, clock, joined=joined)
    with asked_within(db.engine) as asked:
        month.campaigns()
        month.passes()
        count_every_condition(month)
    asked = {s: p for s, p in asked.items() if not any(re.match(m, s, re.S) for m in MAY_READ_MORE)}
    if found := plans.judge(asked, of_a_crowd=True):
        pytest.fail("\n".join(found))


def test_members_times_coupons_of_the_merchant_are_reported(app: Flask, plans: Yardsticks) -> None:
    """The planted control: right by the rule of the doors, for ever when it is asked of a crowd."""
    shop = a_shop()
    members, coupons = table_of(Member), table_of(Coupon)
    theirs = exists().where(
        coupons.c.claimed_at > business_clock.now(),
        coupons.c.merchant_id == members.c.merchant_id,
        coupons.c.member_id + 0 == members.c.id,
    )
    with tenancy.acting_for(shop.merchant_id), asked_within(db.engine) as asked:
        db.session.connection().execute(
            select(members.c.id).where(members.c.merchant_id == 1, members.c.id > 9, theirs)
        )
    assert plans.judge(asked) == []
    assert plans.judge(asked, of_a_crowd=True) != []
