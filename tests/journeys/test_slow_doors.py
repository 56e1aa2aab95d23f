"""慢的外部世界 at every door that asks WeChat while somebody waits: whoever stands there waits, at
most a few at a time, and the till is served (fault of trust 3).

The control takes the seats away: then the same requests stop the till, at each of these doors.
"""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import nullcontext

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend import outside
from backend.outside import Service
from scripts.wechat_platform.server import Platform
from tests.backend.open_bills.dining import Dining, a_dining_room
from tests.builders import a_member
from tests.conftest import StillClock
from tests.journeys.customers import Customer
from tests.journeys.test_slow_world import PATIENCE, THREADS, Hung, a_web_process, till_traffic
from tests.miniprogram_api.h5.browser import WECHAT
from tests.patience import until

MANY = THREADS + 4
Sent = Callable[[], TestResponse]
Door = tuple[str, Service, Callable[[Flask, Dining], list[Sent]]]


def at_h5(app: Flask, room: Dining) -> list[Sent]:
    """网页授权: browsers that come back from WeChat with a code."""
    path = f"/h5/bills/{room.token('H1')}"

    def comes_back(number: int) -> Sent:
        browser, agent = app.test_client(), {"User-Agent": WECHAT}
        asking = browser.get(path, headers=agent).headers["Location"].split("#")[0]
        person = room.wechat.person(f"路人{number}").id
        back = requests.get(f"{asking}&_person={person}", allow_redirects=False, timeout=30)
        address = re.sub(r"^https?://[^/]+", "", back.headers["Location"])
        return lambda: browser.get(address, headers=agent)

    return [comes_back(number) for number in range(MANY)]


def at_phone(app: Flask, room: Dining) -> list[Sent]:
    """绑定手机号."""
    guests = [room.guest(f"客人{number}") for number in range(MANY)]
    return [posts(app, guest, "/api/v1/phone", {"code": "any"}) for guest in guests]


def at_pay(app: Flask, room: Dining) -> list[Sent]:
    """扫码支付: sheets that open."""

    def opens_a_sheet(number: int) -> Sent:
        guest, path = room.guest(f"客人{number}"), f"/api/v1/bills/{room.token(f'P{number}')}"
        quote = guest.get(path).get_json()["best"]["quote_id"]
        return posts(app, guest, f"{path}/pay", {"quote_id": quote})

    return [opens_a_sheet(number) for number in range(MANY)]


def posts(app: Flask, guest: Customer, path: str, body: dict[str, str]) -> Sent:
    return lambda: app.test_client().post(path, json=body, headers=guest.headers)


DOORS: dict[str, Door] = {
    "h5": ("/sns/oauth2/access_token", Service.WECHAT, at_h5),
    "phone": ("/wxa/business/getuserphonenumber", Service.WECHAT, at_phone),
    "pay": ("/v3/pay/transactions/jsapi", Service.WECHAT_PAY, at_pay),
}


@pytest.fixture
def room(app: Flask, http: FlaskClient, wechat: Platform, clock: StillClock) -> Dining:
    room = a_dining_room(http, wechat)
    a_member(room.shop, phone="13800138000")
    return room


@pytest.fixture
def no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing ends what hangs before the test does."""
    for name in ("REQUEST_SECONDS", "ANSWER_SECONDS", "CALL_SECONDS"):
        monkeypatch.setattr(outside, name, PATIENCE)


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> Iterator[Door]:
    yield DOORS[request.param]


@pytest.mark.usefixtures("no_deadline")
def test_they_wait_in_their_seats_and_the_till_is_served(
    app: Flask, room: Dining, door: Door
) -> None:
    path, service, arrive = door
    sent = arrive(app, room)
    hung = Hung(room.wechat, path)
    with a_web_process(hung) as web:
        waiting: list[Future[TestResponse]] = [web.submit(each) for each in sent]
        served = [each.result(PATIENCE / 2) for each in till_traffic(app, room.shop, web)]
        assert [answer.status_code for answer in served] == [200, 201]
        seats = outside._most_waiting(service)
        until(lambda: sum(not each.done() for each in waiting) == seats, "the others are refused")
        refused = [each.result() for each in waiting if each.done()]
        assert {answer.status_code for answer in refused} == {503}
        assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)


@pytest.mark.usefixtures("no_deadline")
def test_without_seats_they_stop_the_till(
    app: Flask, room: Dining, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "_seat", lambda _service: nullcontext())
    path, _, arrive = door
    sent = arrive(app, room)
    hung = Hung(room.wechat, path)
    with a_web_process(hung) as web:
        for each in sent:
            web.submit(each)
        done, _ = wait(till_traffic(app, room.shop, web), timeout=1.0)
        assert not done
