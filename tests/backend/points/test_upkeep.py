"""积分到期: the tick expires what is over and tells 30 days before, once."""

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.messaging.models import Intent
from backend.points import ledger, upkeep
from tests.backend.points.books import points_of, set_expiry
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import StillClock


@pytest.fixture
def shop(app: Flask) -> Shop:
    shop = a_shop()
    set_expiry(shop, 3)
    return shop


def _told(shop: Shop) -> list[tuple[int, object, object]]:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        rows = db.session.scalars(select(Intent).order_by(Intent.id))
        return [(row.member_id, row.facts["points"], row.facts["remark"]) for row in rows]


def test_who_has_30_days_left_is_told_once_of_all_that_expires_that_day(
    shop: Shop, clock: StillClock
) -> None:
    member, poor = a_member(shop), a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        ledger.earn(member, 50, cause="a", now=clock.at)
        ledger.earn(member, 30, cause="b", now=clock.at)
        ledger.earn(poor, 30, cause="c", now=clock.at)
        ledger.spend(poor, 30, cause="d", now=clock.at)
        ledger.spend(member, 10, cause="e", now=clock.at)
    assert upkeep.remind_all(clock.move_to("2027-01-24 23:59")) == 0
    assert upkeep.remind_all(clock.move_to("2027-01-25 00:00")) == 1
    assert upkeep.remind_all(clock.move_to("2027-02-01 00:00")) == 0
    assert _told(shop) == [(member, 70, "70积分将于2027-02-23到期")]


def test_points_of_every_merchant_expire_at_their_midnight(shop: Shop, clock: StillClock) -> None:
    other = a_shop()
    set_expiry(other, 3)
    members = []
    for each in (shop, other):
        with tenancy.acting_for(each.merchant_id):
            members.append(a_member(each))
            ledger.earn(members[-1], 50, cause="a", now=clock.at)
    assert upkeep.expire_all(clock.move_to("2027-02-23 23:59")) == 0
    assert upkeep.expire_all(clock.move_to("2027-02-24 00:00")) == 2
    assert upkeep.expire_all(clock.at) == 0
    pairs = zip((shop, other), members, strict=True)
    assert [points_of(each, member) for each, member in pairs] == [0, 0]
