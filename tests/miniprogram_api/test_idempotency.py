"""Idempotency-Key: one effect and one answer, whoever repeats and however often (spec/08)."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Blueprint, Flask, request
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from backend import database, dialects
from backend import idempotency as stored
from backend.clock import machine_now
from backend.database import db, table_of, transaction
from backend.errors import DomainError
from backend.idempotency import Asked, RememberedAnswer, Said, Turn
from miniprogram_api import idempotency
from miniprogram_api.contract import OPERATIONS, Answer, Body, answer_errors, route
from tests.builders import a_shop
from tests.miniprogram_api.pos.till import TillClient, a_bill, till_of
from tests.miniprogram_api.statements import committing


class Refused(DomainError):
    code = "REFUSED"


class Order(Body):
    item: str


class Done(Answer):
    number: int


@pytest.fixture
def made() -> list[str]:
    """What the endpoint has really done."""
    return []


@pytest.fixture
def counter(app: Flask, data_dir: Path, made: list[str]) -> Iterator[FlaskClient]:
    """A small app with one protected endpoint, on the product's database."""
    small = Flask("counter")
    small.config["KEYS"] = app.config["KEYS"]
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    database.configure(small, url=url, data_dir=data_dir, threads=2)
    blueprint = Blueprint("orders", __name__, url_prefix="/api/orders")
    idempotency.protect(blueprint, caller=lambda: request.headers.get("X-Who", "nobody"))

    @route(blueprint, "POST", "/<shop>", body=Order, answer=Done, status=201)
    def order(shop: str, *, body: Order) -> Done:
        made.append(body.item)
        if body.item == "refused":
            raise Refused()
        if body.item == "busy":
            error = Refused()
            error.http_status = 503
            raise error
        return Done(number=len(made))

    OPERATIONS.pop()  # not an endpoint of the product
    small.register_blueprint(blueprint)
    answer_errors(small, below=("/api/",))
    yield small.test_client()
    with small.app_context():
        db.session.remove()
        db.engine.dispose()


def _order(
    client: FlaskClient, item: str, *, key: str | None = "k-1", who: str = "a", shop: str = "s1"
) -> tuple[int, dict[str, object]]:
    headers = {"X-Who": who} | ({"Idempotency-Key": key} if key else {})
    answer = client.post(f"/api/orders/{shop}", json={"item": item}, headers=headers)
    return answer.status_code, answer.get_json()


def test_the_same_request_is_done_once_and_answered_again(
    counter: FlaskClient, made: list[str]
) -> None:
    assert _order(counter, "tea") == (201, {"number": 1})
    assert _order(counter, "tea") == (201, {"number": 1})
    assert made == ["tea"]


def test_without_a_key_every_request_is_done(counter: FlaskClient, made: list[str]) -> None:
    _order(counter, "tea", key=None)
    _order(counter, "tea", key=None)
    assert made == ["tea", "tea"]


def test_another_body_under_the_same_key_is_refused(counter: FlaskClient, made: list[str]) -> None:
    _order(counter, "tea")
    status, answer = _order(counter, "soup")
    assert (status, answer["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert made == ["tea"]


def test_the_same_body_spelt_differently_is_the_same(counter: FlaskClient, made: list[str]) -> None:
    _order(counter, "tea")
    answer = counter.post(
        "/api/orders/s1",
        data=b'{ "item" : "tea" }',
        headers={"X-Who": "a", "Idempotency-Key": "k-1"},
    )
    assert (answer.status_code, made) == (201, ["tea"])


@pytest.mark.parametrize(("who", "shop"), [("b", "s1"), ("a", "s2")])
def test_a_key_is_the_callers_own_and_of_one_path(
    counter: FlaskClient, made: list[str], who: str, shop: str
) -> None:
    _order(counter, "tea")
    assert _order(counter, "soup", who=who, shop=shop) == (201, {"number": 2})


def test_a_refusal_is_kept(counter: FlaskClient, made: list[str]) -> None:
    first, again = _order(counter, "refused"), _order(counter, "refused")
    assert first == again
    assert (first[0], first[1]["code"], len(made)) == (422, "REFUSED", 1)


def test_a_failure_of_ours_is_not_kept(counter: FlaskClient, made: list[str]) -> None:
    assert [_order(counter, "busy")[0], _order(counter, "busy")[0]] == [503, 503]
    assert made == ["busy", "busy"]


def test_a_malformed_request_does_not_use_the_key_up(counter: FlaskClient, made: list[str]) -> None:
    headers = {"X-Who": "a", "Idempotency-Key": "k-1"}
    assert counter.post("/api/orders/s1", data=b"{", headers=headers).status_code == 400
    assert _order(counter, "tea") == (201, {"number": 1})


@pytest.mark.parametrize("key", ["", "a b", "x" * 129, "钥匙".encode().decode("latin-1")])
def test_a_key_is_visible_ascii(counter: FlaskClient, key: str) -> None:
    headers = {"X-Who": "a", "Idempotency-Key": key}
    answer = counter.post("/api/orders/s1", json={"item": "tea"}, headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "PARAM_ERROR")


def _asked(body: bytes = b"{}") -> Asked:
    return Asked("a", "/api/x", "k-1", body)


def _turn(asked: Asked, **waiting: float) -> Turn:
    turn = stored.begin(asked, **waiting)
    assert isinstance(turn, Turn)
    return turn


def _aged(by: timedelta) -> None:
    with transaction():
        db.session.execute(update(table_of(RememberedAnswer)).values(asked_at=machine_now() - by))


def test_while_the_first_runs_the_second_waits_and_then_gives_up(app: Flask) -> None:
    _turn(_asked())
    with pytest.raises(stored.IdempotencyRunning):
        stored.begin(_asked(), wait_seconds=0.1)


def test_the_second_gets_the_answer_for_which_it_waited(app: Flask) -> None:
    turn = _turn(_asked())

    def answers_later() -> None:
        with app.app_context():
            stored.remember(turn, Said(201, "done"))

    first = threading.Timer(0.2, answers_later)
    first.start()
    assert stored.begin(_asked()) == Said(201, "done", again=True)
    first.join()


def test_a_turn_left_by_a_crash_is_taken_over_after_90_seconds(app: Flask) -> None:
    crashed = _turn(_asked())
    _aged(timedelta(seconds=89))
    with pytest.raises(stored.IdempotencyRunning):
        stored.begin(_asked(), wait_seconds=0)
    _aged(timedelta(seconds=91))
    second = _turn(_asked(), wait_seconds=0)
    stored.remember(crashed, Said(201, "of the crashed one, after all"))
    stored.remember(second, Said(201, "of the second"))
    assert stored.begin(_asked()) == Said(201, "of the second", again=True)


def test_after_72_hours_a_key_is_free_again(app: Flask) -> None:
    stored.remember(_turn(_asked()), Said(201, "old"))
    _aged(timedelta(hours=72, seconds=1))
    _turn(_asked(b"other"))
    stored.remember(_turn(Asked("b", "/api/x", "k-1", b"")), Said(201, ""))
    _aged(timedelta(hours=73))
    assert stored.forget_old(machine_now()) == 2


def test_a_turn_that_a_crash_left_is_swept_and_the_next_runs_anew(app: Flask) -> None:
    _turn(_asked())
    _aged(timedelta(seconds=89))
    assert stored.forget_old(machine_now()) == 0
    _aged(timedelta(seconds=91))
    assert stored.forget_old(machine_now()) == 1
    _turn(_asked())


def test_of_eight_at_once_one_gets_the_turn(app: Flask) -> None:
    outcomes: list[object] = []

    def comes() -> None:
        with app.app_context():
            try:
                outcomes.append(stored.begin(_asked(), wait_seconds=0))
            except stored.IdempotencyRunning:
                outcomes.append(None)
            db.session.remove()

    threads = [threading.Thread(target=comes) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([o for o in outcomes if isinstance(o, Turn)]) == 1
    assert len(outcomes) == 8
    assert db.session.scalar(select(func.count()).select_from(RememberedAnswer)) == 1


def test_of_eight_orders_at_once_under_one_key_one_is_made(
    counter: FlaskClient, made: list[str]
) -> None:
    """The others wait for it on the key's unique index, and are given its answer."""
    answers: list[tuple[int, dict[str, object]]] = []
    client = counter.application.test_client

    def comes() -> None:
        answers.append(_order(client(), "tea"))

    threads = [threading.Thread(target=comes) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [(201, {"number": 1})] * 8
    assert made == ["tea"]


def test_the_second_is_told_that_the_first_runs_wherever_it_waits_for_it(
    app: Flask, http: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite it waits in the writers' queue, and first of all with its nonce; a stranger there
    is told that the database is busy."""
    monkeypatch.setattr(dialects, "WAIT_SECONDS", 0.3)
    till, body = till_of(http, a_shop()), a_bill()
    shop_elsewhere = till_of(http, a_shop("other"))
    begun, done = threading.Event(), threading.Event()

    keep = stored._keep

    def slowly(turn: Turn, said: Said) -> None:
        begun.set()
        done.wait(60)
        keep(turn, said)

    monkeypatch.setattr(stored, "_keep", slowly)
    first = threading.Thread(target=lambda: _settle(app, till, body, "k-1"))
    first.start()
    try:
        assert begun.wait(60)
        told = [_settle(app, till, body, "k-1"), _settle(app, till, a_bill(cash_fen=5), "k-1")]
        assert told == [(409, "IDEMPOTENCY_RUNNING")] * 2
        if db.engine.dialect.name == "sqlite":
            assert _settle(app, till, body, "k-2") == (503, "BUSY")
            assert _settle(app, till, body, None) == (503, "BUSY")
            assert _settle(app, shop_elsewhere, body, "k-1") == (503, "BUSY")
    finally:
        done.set()
        first.join()
    assert _settle(app, till, body, "k-1")[0] == 201


def _settle(
    app: Flask, till: TillClient, body: dict[str, object], key: str | None
) -> tuple[int, object]:
    headers = {"Idempotency-Key": key} if key else {}
    with app.app_context():
        till = replace(till, http=app.test_client())
        answer = till.post("/bills/B1/settle", body, **headers)
    return answer.status_code, answer.get_json().get("code")


def test_a_signed_till_request_under_a_key_commits_at_most_twice(
    app: Flask, http: FlaskClient
) -> None:
    """The nonce, and the effect with its answer; a refusal, and the answer again, no more often."""
    shop = a_shop()
    till, key = till_of(http, shop), {"Idempotency-Key": "k-1"}
    with committing(db.engine) as commits:
        assert till.post("/bills/B1/settle", a_bill(), **key).status_code == 201
    assert len(commits) == 2
    with committing(db.engine) as commits:
        again = till.post("/bills/B1/settle", a_bill(), **key)
        assert again.headers["Idempotency-Replayed"] == "true"
    assert len(commits) == 1
    with committing(db.engine) as commits:
        refused = till.post("/bills/B1/settle", a_bill(cash_fen=5), **{"Idempotency-Key": "k-2"})
        assert refused.status_code in (409, 422)
    assert len(commits) == 2
