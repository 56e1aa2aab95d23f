"""体检 of the dining room: one damage per rule, each named alone."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from backend import tenancy
from backend.database import db, transaction
from backend.open_bills import sweeping, till_events
from backend.open_bills.models import TillEvent
from backend.reports import doctor
from scripts.wechat_platform.server import Platform
from tests.backend.open_bills.dining import Dining, a_dining_room
from tests.backend.reports.world import World, damage
from tests.builders import reread
from tests.conftest import StillClock

DAMAGES = {
    "scan_payment.paid": ["update scan_payment set state='paid' where state='stray'"],
    "scan_payment.once": [
        "update scan_payment set state='paid', open_bill_id=(select id from open_bill"
        " where number='B1') where state='closed'"
    ],
    "scan_payment.live": [
        "update scan_payment set live_key=open_bill_id where state='closed'",
    ],
    "scan_payment.refunded": ["update scan_payment set refunded_fen=1 where state='closed'"],
    "open_bill.told": ["update till_event set kind='mismatch' where kind='paid'"],
    "till_event.kept": ["delete from till_event where kind='stray'"],
    "open_bill.settled": ["update open_bill set state='settled' where number='B4'"],
}


@pytest.fixture
def room(app: Flask, http: FlaskClient, wechat: Platform, clock: StillClock) -> Iterator[Dining]:
    """B1 paid; B2 withdrawn, paid too late; B3 paid for too long; B4 only open."""
    room = a_dining_room(http, wechat)
    guest = room.guest()
    room.confirm(guest, room.sheet(guest, room.token("B1")))
    late = room.sheet(guest, room.token("B2"))
    room.till.call("DELETE", "/bills/B2")
    room.confirm(guest, late)
    room.sheet(guest, room.token("B3"))
    room.token("B4")
    clock.move_to("2026-11-23 08:20")
    wechat.fail("/v3/refund/domestic/refunds", status=503, html=True)
    room.tick()
    assert room.states() == (
        ["paid", "withdrawn", "open", "open"],
        ["paid", "stray", "closed"],
    )
    assert [told["kind"] for told in room.events()] == ["paid", "stray"]
    yield room


def found() -> list[str]:
    reread()
    return [
        finding.name for finding in doctor.check() if finding.name != "reference.coupon.grant_id"
    ]


LOSSES = {
    "the newest": "delete from till_event where seq=(select given from till_numbers)",
    "one between": "delete from till_event where seq=7",
    "one whose neighbours are swept": "delete from till_event where seq=1",
    "the count": "delete from till_numbers",
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_till_event_that_is_gone_is_told_from_those_that_were_swept(
    room: Dining, clock: StillClock, loss: str
) -> None:
    """Of five numbers all but the paid one are swept; of three more one goes."""
    tell_three(room, clock())
    with tenancy.acting_for(room.shop.merchant_id), transaction():
        old = update(TillEvent).where(TillEvent.kind != till_events.PAID)
        db.session.execute(old.values(at=clock() - timedelta(days=40)))
    assert sweeping.sweep(now=clock()) == 4
    tell_three(room, clock())
    assert [each["id"] for each in room.events()] == [1, 6, 7, 8]
    assert found() == []
    damage(World(room.shop, {}), LOSSES[loss])
    assert "till_event.kept" in found()


def tell_three(room: Dining, now: datetime) -> None:
    with tenancy.acting_for(room.shop.merchant_id), transaction():
        for number in range(3):
            subject = f"{number}-{time.monotonic_ns()}"
            till_events.tell(room.shop.store_id, "identified", subject=subject, content={}, now=now)
    room.events()


def test_nothing_is_wrong_with_it(room: Dining) -> None:
    assert found() == []


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_named_and_no_other(room: Dining, name: str) -> None:
    damage(World(room.shop, {}), *DAMAGES[name])
    assert found() == [name]
