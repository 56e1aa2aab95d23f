"""Health: the process lives; ready says what is missing; metrics are for the house only."""

from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from backend import clock, heartbeat


def test_a_living_process_says_so(http: FlaskClient) -> None:
    assert http.get("/healthz").get_json() == {"status": "ok"}


def test_without_the_schedulers_heartbeat_it_is_not_ready(http: FlaskClient) -> None:
    assert http.get("/readyz").status_code == 503
    heartbeat.beat("scheduler", now=clock.machine_now() - heartbeat.STALE * 2)
    answer = http.get("/readyz")
    assert (answer.status_code, answer.get_json()["problems"]) == (503, ["scheduler"])
    heartbeat.beat("scheduler", now=clock.machine_now())
    assert http.get("/readyz").status_code == 200


def test_with_redis_away_it_is_degraded_and_the_heartbeat_is_not_judged(
    app: Flask, http: FlaskClient
) -> None:
    here = app.extensions["redis"]
    app.extensions["redis"] = Redis(port=1, socket_connect_timeout=0.1)
    try:
        answer = http.get("/readyz")
    finally:
        app.extensions["redis"] = here
    assert (answer.status_code, answer.get_json()["degraded"]) == (200, ["redis"])


def test_metrics_are_told_on_loopback_but_not_through_a_proxy(http: FlaskClient) -> None:
    heartbeat.beat("scheduler", now=clock.machine_now())
    page = http.get("/metrics")
    assert page.status_code == 200
    assert 'heartbeat_age_seconds{name="scheduler"}' in page.get_data(as_text=True)
    assert http.get("/metrics", headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 403


def test_every_answer_names_its_request_and_the_servers_time(http: FlaskClient) -> None:
    answer = http.get("/healthz", headers={"X-Request-Id": "abc-1"})
    assert answer.headers["X-Request-Id"] == "abc-1"
    assert abs(int(answer.headers["X-Server-Time"]) - clock.machine_now().timestamp()) < 5
    forged = http.get("/healthz", headers={"X-Request-Id": "a b\u00e9"})
    assert forged.headers["X-Request-Id"] not in ("", "a b\u00e9")
