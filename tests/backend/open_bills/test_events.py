"""收银事件: in one order for ever, none missed, told by polling and by streams."""

import threading
import time
from typing import Any

import pytest
from sqlalchemy import insert, select

from backend import clock, tenancy
from backend.database import db, table_of
from backend.open_bills import till_events
from backend.open_bills.models import TillEvent
from miniprogram_api.pos import events as view
from tests.backend.open_bills.dining import Dining, a_dining_room
from tests.backend.open_bills.test_putting import said
from tests.backend.redemption.coupons import a_coupon, a_verifier
from tests.builders import a_member, a_template, reread
from tests.conftest import StillClock

events_table = table_of(TillEvent)


def row(room: Dining, subject: str, event_id: int) -> dict[str, Any]:
    return {
        "id": event_id,
        "merchant_id": room.shop.merchant_id,
        "store_id": room.shop.store_id,
        "kind": "paid",
        "subject": subject,
        "content": {"bill": subject},
        "at": clock.now(),
    }


def test_an_event_that_is_stored_late_under_a_lower_id_is_still_told(room: Dining) -> None:
    """Two connections: the first has the lower id and commits last. By id it would be passed
    over. SQLite has one writer at a time; there the later row is given the lower id."""
    first, second = db.engine.connect(), db.engine.connect()
    one_writer = db.engine.dialect.name == "sqlite"
    try:
        if not one_writer:
            first.execute(insert(events_table), row(room, "early", 900001))
        second.execute(insert(events_table), row(room, "late", 900002))
        second.commit()
        (seen,) = room.events()
        assert (seen["id"], seen["bill"]) == (1, "late")
        if one_writer:
            first.execute(insert(events_table), row(room, "early", 900001))
        first.commit()
    finally:
        first.close()
        second.close()
    reread()
    with tenancy.acting_for(room.shop.merchant_id):
        newer = select(TillEvent.subject).where(TillEvent.id > 900002)
        assert db.session.scalars(newer).all() == []
    assert [(each["id"], each["bill"]) for each in room.events(after=1)] == [(2, "early")]
    assert [each["bill"] for each in room.events()] == ["late", "early"]


def test_a_verifiers_redemption_is_an_event_of_that_store_once(
    room: Dining, clock: StillClock
) -> None:
    from backend.merchants.queries import place
    from backend.redemption.redeem import Redeemer, redeem
    from backend.redemption.verifiers import verifier
    from tests.backend.redemption.coupons import number_of

    member = a_member(room.shop)
    a_verifier(room.shop, member)
    coupon = a_coupon(room.shop, member, a_template(room.shop, title="老客券"))
    other = a_coupon(room.shop, member, a_template(room.shop))
    with tenancy.acting_for(room.shop.merchant_id):
        bound = verifier(member)
        by = bound.redeemer
        redeem(number_of(coupon), here=place("s01"), by=by, now=clock.at)
        redeem(number_of(other), here=place("s01"), by=Redeemer("till k"), now=clock.at)
    for _ in range(2):
        (told,) = room.events()
        assert (told["kind"], told["bill"], told["title"]) == ("redeemed", None, "老客券")
        assert (told["number"], told["by"]) == (number_of(coupon), "小王")
    clock.move_to("2026-11-25 08:00")
    assert room.events() == []
    assert [each["kind"] for each in room.events(after=0)] == ["redeemed"]


def test_next_goes_on_where_the_till_was(room: Dining) -> None:
    def asked(query: str = "") -> Any:  # noqa: ANN401
        return room.till.send("GET", f"/pos/v1/events{query}", b"").get_json()

    assert asked() == {"events": [], "next": 0}
    with tenancy.acting_for(room.shop.merchant_id):
        for n in range(101):
            till_events.tell(
                room.shop.store_id, "paid", subject=str(n), content={"bill": "B"}, now=clock.now()
            )
        db.session.commit()
    first = asked("?after=0")
    assert (len(first["events"]), first["next"]) == (100, 100)
    assert asked("?after=100")["next"] == 101
    assert asked("?after=101") == {"events": [], "next": 101}
    for wrong in ("?after=-1", "?after=x", "?wait=1.5"):
        assert said(room.till.send("GET", f"/pos/v1/events{wrong}", b"")) == (400, "PARAM_ERROR")


def test_another_stores_events_are_not_told(room: Dining) -> None:
    other = a_dining_room(room.http, room.wechat)
    guest = room.guest()
    room.confirm(guest, room.sheet(guest, room.token("B1")))
    assert (len(room.events()), other.events()) == (1, [])


def test_a_till_may_wait_for_the_next_event(room: Dining) -> None:
    guest = room.guest()
    sheet = room.sheet(guest, room.token("B1"))
    paying = threading.Timer(0.5, lambda: room.wechat.pay(guest.person, sheet))
    began = time.monotonic()
    paying.start()
    told = room.till.send("GET", "/pos/v1/events?after=0&wait=25", b"").get_json()
    paying.join()
    assert [each["kind"] for each in told["events"]] == ["paid"]
    assert time.monotonic() - began < 20, "it did not wait to the end"
    assert view._places.take(1), "the place was given back"
    view._places.give_back()


def test_there_are_only_so_many_streams_and_each_gives_its_place_back(room: Dining) -> None:
    most = max(1, room.http.application.config["SETTINGS"].web_threads // 2)

    def stream() -> Any:  # noqa: ANN401
        return room.till.send("GET", "/pos/v1/events", b"", Accept="text/event-stream")

    opened = [stream() for _ in range(most)]
    assert {each.status_code for each in opened} == {200}
    refused = stream()
    assert (said(refused), refused.headers["Retry-After"]) == ((503, "BUSY"), "2")
    assert room.till.send("GET", "/pos/v1/events?wait=20", b"").status_code == 200
    next(opened[0].iter_encoded())
    for each in opened:
        each.close()
    again = stream()
    assert again.status_code == 200
    again.close()


def test_a_stream_ends_by_itself_and_says_that_it_lives(
    room: Dining, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(view, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(view, "STREAM_SECONDS", 0.4)
    answer = room.till.send("GET", "/pos/v1/events", b"", Accept="text/event-stream")
    parts = [part.decode() for part in answer.iter_encoded()]
    assert parts[0] == "retry: 1000\n\n"
    assert parts[1:] and set(parts[1:]) == {": 在线\n\n"}


def test_after_a_restore_a_till_that_has_seen_higher_numbers_is_told_the_last_day(
    room: Dining,
) -> None:
    with db.engine.connect() as connection:
        connection.execute(insert(events_table), row(room, "B9", 900003))
        connection.commit()
    reread()
    assert [each["bill"] for each in room.events(after=70)] == ["B9"]
    assert room.events(after=1) == []
