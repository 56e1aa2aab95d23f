"""后台任务: who wakes a job, how often Redis is asked for it, and that no wish is lost."""

import threading

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from backend import background
from backend.background import Bell
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import Shop, a_member, a_shop, a_template
from tests.miniprogram_api.pos.till import TillClient, till_of

JOB = "jobs.deliveries.tick"


@pytest.fixture
def shop(app: Flask) -> Shop:
    return a_shop()


@pytest.fixture
def till(http: FlaskClient, shop: Shop) -> TillClient:
    return till_of(http, shop)


def _queued() -> int:
    queue = Queue(background.MESSAGES, connection=background.redis(), serializer=JSONSerializer)
    return len(queue)


def test_a_redemption_asks_redis_once_and_the_sender_is_woken_all_the_same(
    app: Flask, shop: Shop, till: TillClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    member, template = a_member(shop), a_template(shop)
    first, second = (number_of(a_coupon(shop, member, template)) for _ in range(2))
    assert till.post("/coupons/redeem", {"scan": first}).status_code == 201  # scripts are loaded
    asked: list[str] = []
    ask = Redis.execute_command

    def listen(client: Redis, *words: object, **options: object) -> object:
        if threading.current_thread() is threading.main_thread():
            asked.append(str(words[0]))
        return ask(client, *words, **options)

    monkeypatch.setattr(Redis, "execute_command", listen)
    assert till.post("/coupons/redeem", {"scan": second}).status_code == 201
    assert asked == ["EVALSHA"]
    assert app.extensions["bell"].rest(seconds=60)
    assert _queued() == 1


def test_many_requests_wake_a_job_once_until_it_begins(app: Flask) -> None:
    bell = Bell(app)
    for _ in range(20):
        bell.ring(JOB, background.MESSAGES)
    assert bell.rest(seconds=60)
    assert _queued() == 1
    background.awake(JOB)
    bell.ring(JOB, background.MESSAGES)
    assert bell.rest(seconds=60)
    assert _queued() == 2


def test_outside_a_request_the_job_is_woken_at_once(app: Flask) -> None:
    background.wake(JOB)
    assert _queued() == 1
