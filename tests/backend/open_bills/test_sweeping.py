"""清理: what nobody needs any more goes; what a bill still needs stays."""

from datetime import timedelta

from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.open_bills import sweeping
from backend.open_bills.models import TillEvent
from backend.reports import doctor
from backend.sales.models import Quote
from tests.backend.open_bills.dining import Dining
from tests.backend.open_bills.test_late_money import CASH
from tests.builders import reread
from tests.conftest import StillClock


def kept(room: Dining) -> tuple[set[str], list[tuple[int | None, str]]]:
    reread()
    with tenancy.acting_for(room.shop.merchant_id):
        quotes = set(db.session.scalars(select(Quote.code)))
        events = db.session.execute(select(TillEvent.seq, TillEvent.kind).order_by(TillEvent.id))
        return quotes, [(row.seq, row.kind) for row in events]


def test_old_quotes_go_but_not_those_of_bills_that_are_paid_and_not_settled(
    room: Dining, clock: StillClock
) -> None:
    guest = room.guest()
    for bill in ("B1", "B2"):
        room.confirm(guest, room.sheet(guest, room.token(bill)))
    guest.get(f"/api/v1/bills/{room.token('B3')}")
    paid, settled = (each["quote_id"] for each in room.events())
    assert room.settle_as_told(room.events()[1]).status_code == 201
    everything, _ = kept(room)
    now = clock()
    assert sweeping.sweep(now=now + timedelta(days=30)) == 0
    assert kept(room)[0] == everything and settled in everything
    sweeping.sweep(now=now + timedelta(days=61))
    assert kept(room)[0] == {paid}


def test_old_events_go_but_how_a_bill_was_paid_and_no_number_is_given_twice(
    room: Dining, clock: StillClock
) -> None:
    guest = room.guest()
    room.confirm(guest, room.sheet(guest, room.token("B1")))
    for bill in ("B2", "B3"):
        sheet = room.sheet(guest, room.token(bill))
        room.settle(bill, tenders=CASH)
        room.confirm(guest, sheet)
    for _ in range(2):
        room.tick()
    room.events()
    numbered = kept(room)[1]
    assert [seq for seq, _ in numbered] == list(range(1, len(numbered) + 1))
    sweeping.sweep(now=clock() + timedelta(days=31))
    assert kept(room)[1] == [numbered[0]] and numbered[0][1] == "paid"
    assert [finding for finding in doctor.check() if finding.subject == "store"] == []
    room.token("B4")
    room.confirm(guest, room.sheet(guest, room.token("B4")))
    assert room.events(numbered[-1][0])[0]["id"] == len(numbered) + 1
