"""外部服务: who keeps others waiting is left alone, then tried by one."""

import time
from collections.abc import Iterator

import pytest
from flask import Flask

from backend import outside
from backend.outside import NotAsked, Service, asking

W = Service.WECHAT


class Watch:
    """The machine's clock as ``outside`` reads it."""

    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def watch(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    watch = Watch()
    monkeypatch.setattr(outside, "time", watch)
    yield watch
    outside.end_request()


def fails(watch: Watch, whom: str, *, after: float = 8.0, service: Service = W) -> None:
    with pytest.raises(TimeoutError), asking(service, whom):
        watch.at += after
        raise TimeoutError


def is_asked(whom: str, service: Service = W) -> bool:
    try:
        with asking(service, whom):
            return True
    except NotAsked:
        return False


def test_three_slow_failures_close_one_app_and_no_other(watch: Watch) -> None:
    for _ in range(outside.MOST_SLOW):
        fails(watch, "wxhung")
    assert not is_asked("wxhung")
    assert is_asked("wxother") and is_asked("wxhung", Service.WECHAT_PAY)


def test_quick_failures_close_nothing(watch: Watch) -> None:
    for _ in range(50):
        fails(watch, "wxdown", after=0.1)
    assert is_asked("wxdown")


def test_an_answer_in_between_begins_the_count_anew(watch: Watch) -> None:
    for _ in range(10):
        fails(watch, "wx1")
        fails(watch, "wx1")
        assert is_asked("wx1")


def test_after_a_while_one_tries_and_an_answer_opens_for_all(watch: Watch) -> None:
    for _ in range(outside.MOST_SLOW):
        fails(watch, "wx1")
    watch.at += outside.LEFT_ALONE_SECONDS
    with asking(W, "wx1"):
        assert not is_asked("wx1")
    assert is_asked("wx1") and is_asked("wx1")


def test_a_try_that_hangs_closes_it_again(watch: Watch) -> None:
    for _ in range(outside.MOST_SLOW):
        fails(watch, "wx1")
    watch.at += outside.LEFT_ALONE_SECONDS
    fails(watch, "wx1")
    assert not is_asked("wx1")


def test_a_service_that_hangs_for_everybody_is_closed_for_everybody(watch: Watch) -> None:
    for number in range(outside.MOST_SLOW_IN_ALL):
        fails(watch, f"wx{number}")
    assert not is_asked("wx-never-asked-before")
    assert is_asked("m1", Service.WECHAT_PAY)


def test_only_web_requests_need_a_seat(watch: Watch) -> None:
    def asked(times: int) -> int:
        if not times:
            return 0
        try:
            with asking(W, "wx1"):
                return 1 + asked(times - 1)
        except NotAsked:
            return 0

    assert asked(20) == 20
    outside.begin_request()
    assert asked(20) == outside._most_waiting(W) == 3
    assert asked(20) == 3


def test_a_request_has_one_deadline_for_all_its_calls(watch: Watch) -> None:
    outside.begin_request()
    for _ in range(3):
        with asking(W, "wx1"):
            assert outside.seconds_left() <= outside.REQUEST_SECONDS
            watch.at += 2.5
    with asking(W, "wx1"):
        assert outside.seconds_left() == pytest.approx(0.5)
        timeout = outside.Patience().clone()
        assert timeout.connect_timeout == pytest.approx(0.5)
        watch.at += 1
    assert not is_asked("wx1")
    outside.end_request()
    assert is_asked("wx1")


def test_a_worker_s_call_has_its_own_deadline(app: Flask) -> None:
    began = time.monotonic()
    with asking(W, "wx1"):
        assert outside.seconds_left() == pytest.approx(outside.CALL_SECONDS, abs=5)
    assert time.monotonic() - began < outside.CALL_SECONDS
