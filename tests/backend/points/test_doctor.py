"""体检 of exchanges: one damage per rule, each named alone."""

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.campaigns.models import ClaimLink, Grant, GrantState
from backend.database import db
from backend.points import exchange_lapse
from backend.points.models import PointsEntry
from backend.reports import doctor
from tests.backend.points.test_exchange import Mall
from tests.backend.reports.world import World, damage
from tests.builders import reread
from tests.conftest import StillClock

DAMAGES = {
    "exchange.paid": ["update claim_link set points=points+1 where id={waiting}"],
    "exchange.given_back": ["update points_entry set reverses_id={paid} where id={back}"],
    "exchange.coupon": ["update coupon_grant set cycle='other' where cycle='{taken}'"],
}


@pytest.fixture
def world(app: Flask, clock: StillClock) -> World:
    """One coupon taken at once, a code that lapsed, a code that waits."""
    mall = Mall(clock, stock=5)
    mall.level("银卡")
    mall.take()
    mall.take_at_till()
    exchange_lapse.give_back_all(clock.move_to("2026-12-01 08:00"))
    mall.take_at_till()
    with tenancy.acting_for(mall.shop.merchant_id):
        links = {link.state: link for link in db.session.scalars(select(ClaimLink))}
        entries = {row.cause: row.id for row in db.session.scalars(select(PointsEntry))}
        [at_once] = db.session.scalars(select(Grant.cycle).where(Grant.link_id.is_(None)))
    waiting, lapsed = links[GrantState.OPEN], links[GrantState.LAPSED]
    ids = {
        "waiting": waiting.id,
        "paid": entries[waiting.made_for],
        "back": entries[f"{lapsed.made_for}-back"],
        "taken": at_once,
    }
    return World(mall.shop, ids)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_named_and_no_other(world: World, name: str) -> None:
    assert doctor.check() == []
    damage(world, *DAMAGES[name])
    reread()
    assert {finding.name for finding in doctor.check()} == {name}
