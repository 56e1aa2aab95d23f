"""The web server killed behind a commit, and a database that others hold (F-10, F-11)."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests
from sqlalchemy import func, select

from backend.database import table_of
from backend.redemption.models import Redemption
from tests.faults.calls import Guest, redeem
from tests.faults.deployment import Deployment, copied
from tests.patience import PATIENCE_SECONDS, until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

KEY = "till-7-000001"


@pytest.fixture
def fragile(furnished: Path) -> Iterator[Deployment]:
    """Its web process dies behind the first redemption it has stored."""
    with copied(furnished, FAULTS="redeem.after_commit:kill:1") as deployment:
        deployment.start()
        yield deployment


def test_the_web_is_killed_between_commit_and_answer(fragile: Deployment) -> None:
    """The same key again answers what was done; the number again says that it was."""
    number = Guest.enters(fragile, holder(fragile)).numbers()[0]
    with pytest.raises(requests.ConnectionError):
        redeem(fragile, number, key=KEY)
    assert redemptions(fragile) == 1
    by_number = patiently(fragile, number)
    assert (by_number.status_code, by_number.json()["code"]) == (409, "COUPON_REDEEMED")
    again = patiently(fragile, number, key=KEY)
    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert redemptions(fragile) == 1


def test_a_locked_database_is_waited_for_five_seconds(deployment: Deployment) -> None:
    """Longer than that the till is told to come again, and nothing has happened."""
    short, long = Guest.enters(deployment, holder(deployment)).numbers()
    with locked(deployment, seconds=3):
        began = time.monotonic()
        assert redeem(deployment, short).status_code == 201
        assert time.monotonic() - began > 2
    with locked(deployment, seconds=PATIENCE_SECONDS) as over:
        refused = redeem(deployment, long)
        assert (refused.status_code, refused.json()["code"]) == (503, "BUSY")
        assert int(refused.headers["Retry-After"]) > 0
        over.set()
    assert redemptions(deployment) == 1
    assert redeem(deployment, long).status_code == 201
    assert deployment.flask("doctor").returncode == 0


def holder(deployment: Deployment) -> str:
    """A person who holds two coupons: a new follower, once their two identities are one."""
    guest = Guest.follows(deployment, "小红")
    until(lambda: len(guest.numbers()) == 2, what="two coupons in the card pack")
    return guest.person


def patiently(deployment: Deployment, number: str, *, key: str | None = None) -> requests.Response:
    """As a till does that finds nobody at the other end: again, until somebody answers."""
    until_answered = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return redeem(deployment, number, key=key)
        except requests.ConnectionError:
            assert time.monotonic() < until_answered
            time.sleep(0.2)


def redemptions(deployment: Deployment) -> int:
    with deployment.engine.connect() as connection:
        return int(connection.scalar(select(func.count(table_of(Redemption).c.id))) or 0)


@contextmanager
def locked(deployment: Deployment, *, seconds: float) -> Iterator[threading.Event]:
    """Somebody else holds the database for so long, or until told that it is over."""
    taken, over = threading.Event(), threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(deployment.database, timeout=10)) as connection:
            connection.isolation_level = None
            connection.execute("BEGIN EXCLUSIVE")
            taken.set()
            over.wait(seconds)
            connection.execute("ROLLBACK")

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(PATIENCE_SECONDS)
    try:
        yield over
    finally:
        over.set()
        holder.join()
