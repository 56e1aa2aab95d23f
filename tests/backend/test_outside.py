"""外部服务: who keeps others waiting is left alone, then tried by one; all processes know of it."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from flask import Flask

from backend import background, breaker, outside
from backend.breaker import LEFT_ALONE_SECONDS, Line
from backend.database import db
from backend.outside import NotAsked, Service, asking

W = Service.WECHAT
NO_REDIS = "redis://127.0.0.1:1/0"


class Watch:
    """The machine's clock as ``outside`` and ``breaker`` read it, and as Redis counts it down."""

    def __init__(self, app: Flask) -> None:
        self.at = 1000.0
        self._redis = app.extensions["redis"]

    def monotonic(self) -> float:
        return self.at

    def passes(self, seconds: float) -> None:
        self.at += seconds
        for key in self._redis.scan_iter("outside:*"):
            self._redis.pexpire(key, max(0, self._redis.pttl(key) - int(seconds * 1000)))


@pytest.fixture
def watch(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    watch = Watch(app)
    monkeypatch.setattr(outside, "time", watch)
    monkeypatch.setattr(breaker, "time", watch)
    yield watch
    outside.end_request()
    app.extensions["redis_away_until"] = 0.0


@pytest.fixture
def redis_away(app: Flask, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.extensions, "redis", background.connect(NO_REDIS))


@pytest.fixture(params=["redis", "no redis"])
def either_way(request: pytest.FixtureRequest) -> None:
    if request.param == "no redis":
        request.getfixturevalue("redis_away")


def fails(watch: Watch, whom: str, *, after: float = 8.0, service: Service = W) -> None:
    with pytest.raises(TimeoutError), asking(service, whom):
        watch.passes(after)
        raise TimeoutError


def is_asked(whom: str, service: Service = W) -> bool:
    try:
        with asking(service, whom):
            return True
    except NotAsked:
        return False


@pytest.mark.usefixtures("either_way")
def test_three_slow_failures_close_one_app_and_no_other(watch: Watch) -> None:
    for _ in range(outside.MOST_SLOW):
        fails(watch, "wxhung")
    assert not is_asked("wxhung")
    assert is_asked("wxother") and is_asked("wxhung", Service.WECHAT_PAY)


@pytest.mark.usefixtures("either_way")
def test_quick_failures_close_nothing(watch: Watch) -> None:
    for _ in range(50):
        fails(watch, "wxdown", after=0.1)
    assert is_asked("wxdown")


@pytest.mark.usefixtures("either_way")
def test_an_answer_in_between_begins_the_count_anew(watch: Watch) -> None:
    for _ in range(10):
        fails(watch, "wx1")
        fails(watch, "wx1")
        assert is_asked("wx1")


@pytest.mark.usefixtures("either_way")
def test_after_a_while_one_tries_and_an_answer_opens_for_all(watch: Watch) -> None:
    for _ in range(outside.MOST_SLOW):
        fails(watch, "wx1")
    watch.passes(LEFT_ALONE_SECONDS)
    with asking(W, "wx1"):
        assert not is_asked("wx1")
    assert is_asked("wx1") and is_asked("wx1")


@pytest.mark.usefixtures("either_way")
def test_a_try_that_hangs_closes_it_again(watch: Watch) -> None:
    for _ in range(outside.MOST_SLOW):
        fails(watch, "wx1")
    watch.passes(LEFT_ALONE_SECONDS)
    fails(watch, "wx1")
    assert not is_asked("wx1")


@pytest.mark.usefixtures("either_way")
def test_a_service_that_hangs_for_everybody_is_closed_for_everybody(watch: Watch) -> None:
    for number in range(outside.MOST_SLOW_IN_ALL):
        fails(watch, f"wx{number}")
    assert not is_asked("wx-never-asked-before")
    assert is_asked("m1", Service.WECHAT_PAY)


@pytest.mark.usefixtures("either_way")
def test_an_app_left_alone_uses_up_nobody_s_try(watch: Watch) -> None:
    """The service may be tried again, this app not yet: somebody else tries."""
    for number in range(outside.MOST_SLOW_IN_ALL):
        fails(watch, f"wx{number}", after=3)
    watch.passes(LEFT_ALONE_SECONDS - 3)
    for _ in range(outside.MOST_SLOW):
        breaker.kept_waiting([Line(f"{W}:wxhung", outside.MOST_SLOW)])
    watch.passes(3)
    assert not is_asked("wxhung")
    assert is_asked("wx-another")


def in_a_process(work: Callable[[], object]) -> None:
    """As a worker's horse does it: forked for this, and gone with all that it remembered."""
    db.session.remove()
    db.engine.dispose()
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_one_process_learns_the_next_one_knows(watch: Watch) -> None:
    for _ in range(outside.MOST_SLOW):
        in_a_process(lambda: fails(watch, "wxhung"))
    assert not is_asked("wxhung")
    in_a_process(lambda: fails_to_be_asked("wxhung"))
    watch.passes(LEFT_ALONE_SECONDS)
    in_a_process(lambda: is_asked("wxhung"))
    assert is_asked("wxhung"), "one of them was answered"


@pytest.mark.usefixtures("redis_away")
def test_without_redis_the_same_processes_learn_nothing(watch: Watch) -> None:
    """The control, and what is left while Redis is away: each counts for itself."""
    for _ in range(outside.MOST_SLOW):
        in_a_process(lambda: fails(watch, "wxhung"))
    assert is_asked("wxhung")


def fails_to_be_asked(whom: str) -> None:
    assert not is_asked(whom)


def test_of_many_at_a_time_one_tries(watch: Watch, app: Flask) -> None:
    assert triers(watch, app) == 1


def test_who_looks_and_then_takes_is_not_alone(
    watch: Watch, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The naive control: two questions to Redis where the product asks one."""
    all_looked = threading.Barrier(MANY)

    def look_then_take(lines: Sequence[Line], *, try_seconds: float) -> int | None:
        alone = [f"outside:{line.name}:alone" for line in lines]
        free = not background.redis().exists(*alone)
        all_looked.wait(60)
        for key in alone:
            background.redis().set(key, 1, ex=int(try_seconds))
        return 1 if free else None

    monkeypatch.setattr(breaker, "admit", look_then_take)
    assert triers(watch, app) > 1


MANY = 8


def triers(watch: Watch, app: Flask) -> int:
    """How many of many get through at once when the time to try has come."""
    for _ in range(outside.MOST_SLOW):
        breaker.kept_waiting([Line(f"{W}:wx1", outside.MOST_SLOW)])
    watch.passes(LEFT_ALONE_SECONDS)
    ready, tried = threading.Barrier(MANY), threading.Barrier(MANY)

    def tries(_: int) -> bool:
        with app.app_context(), ExitStack() as held:
            ready.wait(60)
            try:
                held.enter_context(asking(W, "wx1"))
                return True
            except NotAsked:
                return False
            finally:
                tried.wait(60)

    with ThreadPoolExecutor(MANY) as pool:
        return sum(pool.map(tries, range(MANY)))


def test_redis_goes_while_somebody_is_left_alone_and_the_calls_go_on(
    watch: Watch, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stood there is forgotten; nobody is refused for a Redis that is away."""
    for _ in range(outside.MOST_SLOW):
        fails(watch, "wx1")
    monkeypatch.setitem(app.extensions, "redis", background.connect(NO_REDIS))
    for _ in range(outside.MOST_SLOW):
        fails(watch, "wx1")
    assert not is_asked("wx1")


def test_failures_of_long_ago_close_nothing(watch: Watch) -> None:
    fails(watch, "wx1")
    fails(watch, "wx1")
    watch.passes(breaker.REMEMBERED_SECONDS)
    fails(watch, "wx1")
    assert is_asked("wx1")


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
            watch.passes(2.5)
    with asking(W, "wx1"):
        assert outside.seconds_left() == pytest.approx(0.5)
        timeout = outside.Patience().clone()
        assert timeout.connect_timeout == pytest.approx(0.5)
        watch.passes(1)
    assert not is_asked("wx1")
    outside.end_request()
    assert is_asked("wx1")


def test_a_worker_s_call_has_its_own_deadline(app: Flask) -> None:
    with asking(W, "wx1"):
        assert 0 < outside.seconds_left() <= outside.CALL_SECONDS
