"""收银事件: what happened at this store, by polling or as server-sent events.

A stream holds a thread of the web server, therefore it ends by itself and there are only so many;
a till that finds no place polls. Between two looks nothing of the database is held.
"""

import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Response, current_app, request
from pydantic import ConfigDict

from backend import clock, requesting, tenancy
from backend.calendar import local
from backend.database import end_read
from backend.errors import Busy, FieldError, ParamError
from backend.merchants.queries import Place
from backend.open_bills import till_events
from backend.open_bills.till_events import Event
from miniprogram_api.contract import Answer, route
from miniprogram_api.pos.blueprint import blueprint
from miniprogram_api.pos.signature import current_till

LOOK_SECONDS, HEARTBEAT_SECONDS, STREAM_SECONDS = 1.0, 15.0, 50.0
MOST_WAIT_SECONDS = 25
RECENTLY = timedelta(minutes=5)
"""How old a redemption may be that turns up between two looks."""


class EventAnswer(Answer):
    """One event: ``id`` is the store's own count; what else it says depends on its kind."""

    model_config = ConfigDict(frozen=True, extra="allow")
    id: int
    kind: str
    bill: str | None
    at: datetime


class EventsAnswer(Answer):
    """``next`` is the ``after`` of the next call."""

    events: list[EventAnswer]
    next: int


class Places:
    """How many of a process's threads may wait for events at once."""

    def __init__(self) -> None:
        self._lock, self._taken = threading.Lock(), 0

    def take(self, most: int) -> bool:
        with self._lock:
            if self._taken >= most:
                return False
            self._taken += 1
            return True

    def give_back(self) -> None:
        with self._lock:
            self._taken -= 1


_places = Places()


@route(blueprint, "GET", "/events", answer=EventsAnswer, query=("after", "wait"))
def events() -> EventsAnswer | Response:
    """收银事件 after ``after``; asked for ``text/event-stream`` they come as they happen"""
    here = current_till().place
    if request.accept_mimetypes.best == "text/event-stream":
        return _streamed(here)
    after, wait = _number("after"), min(_number("wait") or 0, MOST_WAIT_SECONDS)
    found = till_events.events_after(here.store_id, after, now=clock.now())
    if not found and wait and _places.take(_most()):
        try:
            found = _waited(here, after, seconds=wait)
        finally:
            _places.give_back()
    last = found[-1].seq if found else after
    return EventsAnswer(
        events=[_answer(event, here) for event in found],
        next=till_events.newest(here.store_id) if last is None else last,
    )


def _waited(here: Place, after: int | None, *, seconds: float) -> list[Event]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        end_read()
        time.sleep(min(LOOK_SECONDS, max(0.0, end - time.monotonic())))
        found = till_events.events_after(here.store_id, after, since=RECENTLY, now=clock.now())
        if found:
            return found
    return []


def _streamed(here: Place) -> Response:
    after = _resumed()
    if not _places.take(_most()):
        raise Busy()
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    stream = _stream(app, current_till().merchant_id, here, after, requesting.request_id())
    response = Response(stream, mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(_places.give_back)
    end_read()
    return response


def _stream(
    app: Flask, merchant_id: int, here: Place, after: int | None, request_id: str
) -> Iterator[str]:
    """Looks once a second, each time with a session of its own; ``retry`` says when to come back
    once it is over."""
    end = time.monotonic() + STREAM_SECONDS
    since, last_said = till_events.LOOKS_BACK, time.monotonic()
    yield "retry: 1000\n\n"
    while time.monotonic() < end:
        with app.app_context(), tenancy.acting_for(merchant_id):
            requesting.begin(request_id)
            found = till_events.events_after(here.store_id, after, since=since, now=clock.now())
            if after is None and not found:
                after = till_events.newest(here.store_id)
        since = RECENTLY
        for event in found:
            after, last_said = event.seq, time.monotonic()
            yield _as_text(event, here)
        if time.monotonic() - last_said > HEARTBEAT_SECONDS:
            last_said = time.monotonic()
            yield ": 在线\n\n"
        time.sleep(LOOK_SECONDS)


def _as_text(event: Event, here: Place) -> str:
    told = _answer(event, here).model_dump(mode="json")
    return f"id: {event.seq}\nevent: {event.kind}\ndata: {json.dumps(told, ensure_ascii=False)}\n\n"


def _answer(event: Event, here: Place) -> EventAnswer:
    told: dict[str, Any] = {"bill": None, **event.content}
    at = local(event.at, here.zone).replace(microsecond=0)
    return EventAnswer(id=event.seq, kind=event.kind, at=at, **told)


def _most() -> int:
    """Half of the threads stay free for everything else."""
    return max(1, int(current_app.config["SETTINGS"].web_threads) // 2)


def _resumed() -> int | None:
    said = request.headers.get("Last-Event-ID", "")
    return int(said) if _is_number(said) else _number("after")


def _number(name: str) -> int | None:
    said = request.args.get(name)
    if not said:
        return None
    if not _is_number(said):
        raise ParamError(errors=[FieldError(field=name, message="应为非负整数")])
    return int(said)


def _is_number(said: str) -> bool:
    return said.isascii() and said.isdigit() and len(said) < 18
