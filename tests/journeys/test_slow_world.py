"""慢的外部世界: WeChat hangs, and only those who need it notice (fault of trust 3).

Eight threads stand for the eight of a web process. Nothing here is timed against a busy machine:
what must be answered is answered while the hanging calls still hang.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from backend import outside
from scripts.wechat_platform.server import Platform
from tests.builders import Shop, a_member, a_shop
from tests.journeys.customers import enters
from tests.miniprogram_api.pos.till import a_bill, till_of
from tests.patience import until

LOGIN = "/sns/jscode2session"
THREADS, LOGINS, PATIENCE = 8, 30, 60.0


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    shop = a_shop()
    for app_id, kind in ((shop.oa, "official_account"), (shop.mini, "miniprogram")):
        wechat.account(app_id, kind, f"secret-{app_id}")
    return shop


class Hung:
    """A path of WeChat never answers; ``ends`` lets all go that hang."""

    def __init__(self, wechat: Platform, path: str = LOGIN) -> None:
        self._world = wechat.world.faults
        self.stopping = threading.Event()
        self._before, self._world._stopping = self._world._stopping, self.stopping
        wechat.fail(path, hang=PATIENCE, times=10_000)

    def ends(self) -> None:
        self.stopping.set()
        self._world.forget()
        self._world._stopping = self._before


@pytest.fixture
def hung(wechat: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hung]:
    """No deadline ends what hangs before the test does."""
    for name in ("REQUEST_SECONDS", "ANSWER_SECONDS", "CALL_SECONDS"):
        monkeypatch.setattr(outside, name, PATIENCE)
    hung = Hung(wechat)
    yield hung
    hung.ends()


@contextmanager
def a_web_process(hung: Hung) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            yield pool
        finally:
            hung.ends()
            pool.shutdown(cancel_futures=True)


def logins(app: Flask, shop: Shop, pool: ThreadPoolExecutor) -> list[Future[TestResponse]]:
    def log_in(n: int) -> TestResponse:
        body = {"app_id": shop.mini, "code": f"code-{n}"}
        return app.test_client().post("/api/v1/login", json=body)

    return [pool.submit(log_in, n) for n in range(LOGINS)]


def till_traffic(app: Flask, shop: Shop, pool: ThreadPoolExecutor) -> list[Future[TestResponse]]:
    def identify() -> TestResponse:
        return till_of(app.test_client(), shop).post("/members/identify", {"phone": "13800138000"})

    def settle() -> TestResponse:
        return till_of(app.test_client(), shop).post("/bills/B1/settle", a_bill())

    return [pool.submit(identify), pool.submit(settle)]


def test_thirty_logins_hang_and_the_till_is_served(app: Flask, shop: Shop, hung: Hung) -> None:
    a_member(shop, phone="13800138000")
    with a_web_process(hung) as web:
        waiting = logins(app, shop, web)
        served = [each.result(PATIENCE / 2) for each in till_traffic(app, shop, web)]
        assert [answer.status_code for answer in served] == [200, 201]
        seats = outside._most_waiting(outside.Service.WECHAT)
        until(lambda: sum(not each.done() for each in waiting) == seats, "the others are refused")
        for refused in (each.result() for each in waiting if each.done()):
            assert refused.status_code == 503
            assert refused.get_json()["code"] == "WECHAT_UNAVAILABLE"
            assert int(refused.headers["Retry-After"]) >= 1


def test_without_seats_the_same_logins_stop_the_till(
    app: Flask, shop: Shop, hung: Hung, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what the test above would see if nothing kept threads back."""
    monkeypatch.setattr(outside, "_seat", lambda _service: nullcontext())
    a_member(shop, phone="13800138000")
    with a_web_process(hung) as web:
        logins(app, shop, web)
        traffic = till_traffic(app, shop, web)
        done, _ = wait(traffic, timeout=1.0)
        assert not done


def test_all_calls_of_a_request_share_one_deadline(
    app: Flask, wechat: Platform, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Token, call, a newer token, second call: each alone would have been waited for."""
    guest = enters(app.test_client(), wechat, shop, wechat.person("小红"))
    monkeypatch.setattr(outside, "REQUEST_SECONDS", 1.0)
    wechat.fail("/cgi-bin/stable_token", hang=0.6)
    wechat.fail("/wxa/business/getuserphonenumber", hang=0.6)
    answer = guest.post("/api/v1/phone", {"code": "any"})
    assert (answer.status_code, answer.get_json()["code"]) == (503, "WECHAT_UNAVAILABLE")


def test_one_code_asks_wechat_five_times_a_minute_at_most(
    app: Flask, wechat: Platform, shop: Shop
) -> None:
    before = wechat.calls(LOGIN)
    body = {"app_id": shop.mini, "code": "the same"}
    answers = [app.test_client().post("/api/v1/login", json=body) for _ in range(9)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 4
    assert wechat.calls(LOGIN) - before == 5
