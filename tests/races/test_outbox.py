"""A message leaves at most once, whoever dispatches, dies or comes late (D-6; F-01, F-04, F-16,
F-19, F-30). The platform's delivery log is the judge.

The control looks, sends, then writes: it must fail the very check that the dispatcher passes.
"""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update

from backend import clock as business_clock
from backend import tenancy
from backend.database import db, transaction
from backend.messaging import dispatch, leases
from backend.messaging.deliver import deliver
from backend.messaging.models import Channel, Intent, IntentState, Purpose
from backend.settings import Settings
from backend.wechat import accounts, notices
from scripts.wechat_platform.server import Platform
from tests.backend.messaging.post import (
    CUSTOM,
    TEMPLATE,
    Customer,
    a_customer,
    a_wechat_shop,
    accepts,
    attempts,
    consents_left,
    has_rules,
    has_template,
    intent,
    machine_moves,
    queue,
)
from tests.builders import Shop, reread
from tests.conftest import StillClock

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def shop(wechat: Platform) -> Iterator[Shop]:
    shop = a_wechat_shop(wechat)
    has_template(shop, Channel.TEMPLATE)
    yield shop
    wechat.world.faults.forget()


@pytest.fixture
def anna(wechat: Platform, shop: Shop) -> Customer:
    return a_customer(wechat, shop, interacted=True)


def together(app: Flask, deed: Callable[[], object], *, times: int) -> list[object]:
    """The same deed at the same moment in so many threads; what is raised is raised here."""
    start = threading.Barrier(times)
    outcomes: list[object] = []

    def run() -> None:
        with app.app_context():
            start.wait()
            try:
                outcomes.append(deed())
            except Exception as error:
                outcomes.append(error)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    reread()
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    assert len(outcomes) == times
    return outcomes


def sends(wechat: Platform) -> Counter[str]:
    """How often the platform delivered each text."""
    return Counter(str(message.data) for message in wechat.delivered())


def test_dispatchers_side_by_side_send_each_message_once(
    app: Flask, wechat: Platform, shop: Shop, anna: Customer
) -> None:
    people = [anna, *(a_customer(wechat, shop) for _ in range(3))]
    messages = [
        queue(people[n % 4], key=f"m{n}", facts={"title": f"券{n}", "valid_to": "2026-12-22"})
        for n in range(40)
    ]
    counts = together(app, dispatch.send_due, times=3)
    assert sum((Counter(count) for count in counts), Counter()) == {"sent": 40}  # type: ignore[call-overload]
    assert sorted(sends(wechat).values()) == [1] * 40
    assert {intent(shop, message).state for message in messages} == {IntentState.SENT}


def test_one_message_wanted_by_eight_jobs_leaves_once(
    app: Flask, wechat: Platform, shop: Shop, anna: Customer
) -> None:
    has_rules(shop, order={"coupon_received": ["custom"]})
    queue(anna)
    outcomes = together(app, dispatch.send_due, times=8)
    assert sum((Counter(count) for count in outcomes), Counter()) == {"sent": 1}  # type: ignore[call-overload]
    assert wechat.calls(CUSTOM) == 1


def test_control_looking_first_and_writing_afterwards_sends_it_more_than_once(
    app: Flask, wechat: Platform, shop: Shop, anna: Customer
) -> None:
    message = queue(anna)
    looked = threading.Barrier(4)

    def naive() -> None:
        with tenancy.acting_for(shop.merchant_id):
            row = tenancy.find(Intent, message)
            assert row is not None
            if row.state != IntentState.DUE:
                return
            looked.wait(10)
            oa = accounts.app_by_id(shop.oa)
            notices.send_text(oa, wechat.openid(anna.person, shop.oa), "券")
            with transaction():
                db.session.execute(update(Intent).values(state=IntentState.SENT.value))

    together(app, naive, times=4)
    assert max(sends(wechat).values()) > 1


def test_two_consents_are_two_messages_whatever_leaves_at_once(
    app: Flask, wechat: Platform, shop: Shop, anna: Customer
) -> None:
    has_template(shop, Channel.SUBSCRIBE)
    accepts(wechat, anna, times=2)
    for n in range(6):
        queue(anna, key=f"m{n}")
    together(app, dispatch.send_due, times=2)
    channels = Counter(message.channel.value for message in wechat.delivered())
    assert channels == {"subscribe": 2, "template": 4}
    assert consents_left(anna) == 0


def test_a_claim_that_was_taken_over_sends_nothing(
    wechat: Platform, shop: Shop, anna: Customer, clock: StillClock
) -> None:
    message = queue(anna)
    machine = business_clock.machine_now()
    (late,) = leases.take_due(1, machine=machine, now=clock.at)
    assert leases.take_due(1, machine=machine, now=clock.at) == []
    after = machine + leases.length() + timedelta(seconds=1)
    (second,) = leases.take_due(1, machine=after, now=clock.at)
    assert deliver(late, now=clock.at) is None
    assert wechat.delivered() == []
    assert deliver(second, now=clock.at) == IntentState.SENT
    assert deliver(late, now=clock.at) is None
    assert len(wechat.delivered()) == 1
    assert len(attempts(shop, message)) == 1


def test_a_worker_that_wakes_after_its_lease_records_nothing(
    app: Flask, wechat: Platform, shop: Shop, anna: Customer, clock: StillClock
) -> None:
    message = queue(anna)
    wechat.fail(TEMPLATE, hang=1.5)
    ended: list[Counter[str]] = []

    def slow() -> None:
        with app.app_context():
            ended.append(dispatch.send_due())

    worker = threading.Thread(target=slow)
    worker.start()
    while intent(shop, message).state != IntentState.SENDING:
        assert worker.is_alive()
        time.sleep(0.02)
    machine_moves(shop, message, leases.length())
    assert dispatch.send_due() == {"unknown": 1}
    worker.join(30)
    assert ended == [Counter()]
    assert intent(shop, message).state == IntentState.UNKNOWN
    assert attempts(shop, message) == []
    assert dispatch.send_due() == {}
    assert len(wechat.delivered()) == 1


def test_the_weekly_cap_holds_when_two_dispatchers_meet(
    app: Flask, wechat: Platform, shop: Shop, anna: Customer, clock: StillClock
) -> None:
    clock.move_to("2026-11-23 10:00")
    has_template(shop, Channel.SUBSCRIBE, purpose=Purpose.CAMPAIGN_NEWS)
    accepts(wechat, anna, times=9)
    for n in range(6):
        queue(anna, purpose=Purpose.CAMPAIGN_NEWS, key=f"news-{n}")
    together(app, dispatch.send_due, times=2)
    assert len(wechat.delivered()) == 3


@pytest.mark.processes
@pytest.mark.parametrize(
    ("point", "delivered", "state"),
    [
        ("outbox.claimed", 0, IntentState.UNKNOWN),
        ("outbox.sent", 1, IntentState.UNKNOWN),
        ("outbox.recorded", 1, IntentState.SENT),
    ],
)
def test_a_process_killed_on_the_road_never_makes_a_second_message(
    app: Flask,
    wechat: Platform,
    shop: Shop,
    anna: Customer,
    clock: StillClock,
    point: str,
    delivered: int,
    state: IntentState,
) -> None:
    message = queue(anna)
    business_clock.start_at(clock.at, nothing_recorded=True)
    killed = _drain(app.config["SETTINGS"], FAULTS=f"{point}:kill:1")
    assert killed.returncode == -9, killed.stderr
    machine_moves(shop, message, leases.length())
    dispatch.send_due()
    assert intent(shop, message).state == state
    assert dispatch.send_due() == {}
    assert len(wechat.delivered()) == delivered


@pytest.mark.processes
def test_draining_twice_sends_once_and_says_what_it_did(
    app: Flask, wechat: Platform, shop: Shop, anna: Customer, clock: StillClock
) -> None:
    queue(anna)
    business_clock.start_at(clock.at, nothing_recorded=True)
    nothing = '{"due": 0, "sent": 0, "failed": 0, "unknown": 0, "expired": 0, "unreachable": 0}\n'
    assert _drain(app.config["SETTINGS"]).stdout == nothing.replace('"sent": 0', '"sent": 1')
    assert _drain(app.config["SETTINGS"]).stdout == nothing
    assert len(wechat.delivered()) == 1


def _drain(settings: Settings, **more: str) -> subprocess.CompletedProcess[str]:
    """``flask outbox drain`` in a process of its own, on this test's deployment."""
    db.session.rollback()
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "outbox", "drain"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={
            "PATH": os.environ["PATH"],
            "ENVIRONMENT": "development",
            "DATA_DIR": str(settings.data_dir),
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "SECRET_KEY": settings.secret_key,
            "ENCRYPTION_KEY": settings.encryption_key,
            "WECHAT_API_BASE_URL": settings.wechat_api_base_url,
            **more,
        },
    )
