"""Wherever the database goes, the answer is 503 and says to come again; never 500."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from rq_scheduler import Scheduler
from sqlalchemy import event
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from backend import background
from backend.database import db
from backend.errors import Busy
from backend.product import Product
from jobs import runtime
from jobs.scheduler import HouseScheduler
from miniprogram_api.contract import answer_errors
from tests.admin.desk import Visitor, at_desk
from tests.builders import a_member, a_shop
from tests.miniprogram_api.pos.till import a_bill, till_of
from tests.miniprogram_api.verifier.phones import phone_of

GONE = sqlite3.OperationalError("server closed the connection unexpectedly")
AWAY: dict[str, Callable[[], Exception]] = {
    "operational": lambda: OperationalError("select 1", None, GONE),
    "interface": lambda: InterfaceError("select 1", None, GONE),
    "invalidated": lambda: DBAPIError("select 1", None, GONE, connection_invalidated=True),
    "pool": lambda: PoolTimeout("QueuePool limit of size 8 overflow 4 reached"),
    "rolled back": lambda: PendingRollbackError("Can't reconnect until rolled back"),
}
PAGES = ("/admin/", "/admin/coupons/", "/admin/nowhere", "/h5/bills/x", "/h5/claims/x")


@contextmanager
def away(raised: Callable[[], Exception]) -> Iterator[None]:
    """Every statement fails."""

    def fail(*_call: object) -> None:
        raise raised()

    db.session.rollback()
    event.listen(db.engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", fail)
        db.session.rollback()


@pytest.mark.parametrize("how", AWAY)
def test_apis_say_busy(app: Flask, http: FlaskClient, how: str) -> None:
    shop = a_shop()
    till, phone = till_of(http, shop), phone_of(http, shop, a_member(shop))
    bearer = {"Authorization": f"Bearer {phone.token}"}
    with away(AWAY[how]):
        answers = [
            till.get("/bills/B1/receipt"),
            till.post("/bills/B1/settle", a_bill()),
            till.post("/bills/B1/settle", a_bill(), **{"Idempotency-Key": "k1"}),
            http.get("/api/v1/me", headers=bearer),
            http.post("/api/v1/me/consents", json={"results": {}}, headers=bearer),
            http.post("/api/v1/login", json={"app_id": shop.mini, "code": "c"}),
            http.get(f"/wechat/{shop.oa}/callback"),
            http.post(f"/wechat/{shop.oa}/callback", data=b"<xml/>"),
        ]
    for answer in answers:
        assert (answer.status_code, answer.get_json()["code"]) == (503, "BUSY"), answer.request.path
        assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("how", AWAY)
def test_pages_say_it_in_chinese(app: Flask, how: str) -> None:
    visitor, stranger = at_desk(app, a_shop()), Visitor(app)
    stranger.open("/admin/login")
    with away(AWAY[how]):
        answers = [visitor.open(path, headers={"Accept": "text/html"}) for path in PAGES]
        answers.append(stranger.send("/admin/login", login="boss", password="x"))
    for answer in answers:
        assert answer.status_code == 503, answer.request.path
        assert answer.mimetype == "text/html"
        assert "系统繁忙" in answer.get_data(as_text=True)
        assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("stage", ["before_request", "view", "after_request", "teardown_request"])
@pytest.mark.parametrize("path", ["/api/x", "/page"])
def test_at_every_stage_of_a_request(stage: str, path: str) -> None:
    """Flask itself answers 500 HTTP_ERROR behind the view, and nothing at all at the very end."""
    small = Product("small")
    small.json.ensure_ascii = False  # type: ignore[attr-defined]
    answer_errors(small, below=("/api/",))

    def fails(*_given: object) -> Response:
        raise AWAY["operational"]()

    def fine() -> str:
        return "fine"

    small.add_url_rule(path, "view", fails if stage == "view" else fine)
    if stage != "view":
        getattr(small, stage)(fails)
    answer = small.test_client().get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert "系统繁忙" in answer.get_data(as_text=True)
    assert answer.mimetype == ("application/json" if path == "/api/x" else "text/html")


def test_a_programming_error_is_no_absent_database() -> None:
    small = Product("small")
    answer_errors(small, below=("/api/",))

    @small.get("/api/x")
    def fails() -> str:
        raise ValueError("a bug")

    assert small.test_client().get("/api/x").status_code == 500


@pytest.mark.parametrize("how", [*AWAY, "busy"])
def test_the_scheduler_misses_a_beat_and_ticks_on(
    app: Flask, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def raised() -> Exception:
        return Busy() if how == "busy" else AWAY[how]()

    beats: list[Scheduler] = []
    monkeypatch.setattr(runtime, "app", lambda: app)
    monkeypatch.setattr(Scheduler, "heartbeat", lambda self: beats.append(self))
    scheduler = HouseScheduler(connection=background.redis())
    with away(raised):
        scheduler.heartbeat()
    assert beats == [scheduler]


def test_a_scheduler_that_does_wrong_ends(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "app", lambda: app)
    scheduler = HouseScheduler(connection=background.redis())
    with away(lambda: ValueError("a bug")), pytest.raises(ValueError, match="a bug"):
        scheduler.heartbeat()
