"""外部服务: one caller's slow world is nobody else's.

Whoever asks a service outside does it within ``asking``. Of a web process only a few threads at a
time may wait there (a bulkhead); who lets others wait again and again is left alone for a while
(``breaker``); all that one request asks is over by its one deadline. Machine time.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from enum import StrEnum

from urllib3.util import Timeout

from backend import breaker, deployment
from backend.breaker import Line

CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 8.0
"""For a connection, and between two parts of an answer."""

REQUEST_SECONDS = 8.0
"""What all calls of one web request may take together: token, call and second try."""

CALL_SECONDS = 11.0
"""What one call of a worker may take, its token and its second try included."""

SLOW_SECONDS = 2.0
"""A failure that took so long let somebody wait; a quick one harms nobody and opens nothing."""

MOST_SLOW, MOST_SLOW_IN_ALL = 3, 10
"""Slow failures in a row, of one app and of a whole service, before it is left alone."""


class Service(StrEnum):
    """``WECHAT_PAY`` is another host with other troubles."""

    WECHAT = "wechat"
    WECHAT_PAY = "wechat_pay"


class NotAsked(Exception):
    """Nothing was sent: no seat is free, the service lets everybody wait, or time is up."""


def begin_request() -> None:
    """What is asked from here on belongs to one web request, with one deadline."""
    _request_ends.set(time.monotonic() + REQUEST_SECONDS)


def end_request() -> None:
    """The request is answered."""
    _request_ends.set(None)


@contextmanager
def asking(service: Service, whom: str) -> Iterator[None]:
    """Around all that one call needs. ``whom``: the app or account in whose name it is made."""
    with ExitStack() as held:
        request_ends = _request_ends.get()
        if request_ends is not None:
            held.enter_context(_seat(service))
        now = time.monotonic()
        ends = min(now + CALL_SECONDS, request_ends or now + CALL_SECONDS)
        reset = _call_ends.set(ends)
        held.callback(_call_ends.reset, reset)
        seconds_left()
        held.enter_context(
            _watched(Line(service, MOST_SLOW_IN_ALL), Line(f"{service}:{whom}", MOST_SLOW))
        )
        yield


def seconds_left() -> float:
    """How long the call under way may still take; ``NotAsked`` when its time is up."""
    left = _left()
    if left <= 0:
        raise NotAsked("its time is up")
    return left


class Patience(Timeout):
    """A timeout for ``requests`` that is read when the call is made: what is left by then."""

    def clone(self) -> Timeout:
        left = max(_left(), _LEAST_SECONDS)
        return Timeout(left, min(CONNECT_SECONDS, left), min(ANSWER_SECONDS, left))


def forget() -> None:
    """As in a new process."""
    breaker.forget()
    with _lock:
        _seats.clear()


def _left() -> float:
    ends = _call_ends.get()
    return CALL_SECONDS if ends is None else ends - time.monotonic()


@contextmanager
def _watched(*lines: Line) -> Iterator[None]:
    against = breaker.admit(lines, try_seconds=max(breaker.LEFT_ALONE_SECONDS, CALL_SECONDS))
    if against is None:
        raise NotAsked("it lets everybody wait")
    began = time.monotonic()
    try:
        yield
    except NotAsked:
        raise
    except Exception:
        if time.monotonic() - began >= SLOW_SECONDS:
            breaker.kept_waiting(lines)
        elif against:
            breaker.answered(lines)
        raise
    if against:
        breaker.answered(lines)


@contextmanager
def _seat(service: Service) -> Iterator[None]:
    with _lock:
        seats = _seats.setdefault(service, threading.BoundedSemaphore(_most_waiting(service)))
    if not seats.acquire(blocking=False):
        raise NotAsked("too many wait for it already")
    try:
        yield
    finally:
        seats.release()


def _most_waiting(service: Service) -> int:
    """Of eight threads three for WeChat and two for its till: three serve whatever happens."""
    share = {Service.WECHAT: 3 / 8, Service.WECHAT_PAY: 2 / 8}[service]
    return max(1, int(deployment.web_threads() * share))


_LEAST_SECONDS = 0.05
_request_ends: ContextVar[float | None] = ContextVar("request_ends", default=None)
_call_ends: ContextVar[float | None] = ContextVar("call_ends", default=None)
_lock = threading.Lock()
_seats: dict[Service, threading.BoundedSemaphore] = {}
