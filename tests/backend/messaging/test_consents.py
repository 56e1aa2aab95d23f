"""订阅授权 (R-16): one acceptance, one message, however many roads report it."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from backend import clock as business_clock
from backend.database import db, transaction
from backend.members.models import WechatUser
from backend.messaging import consents
from backend.messaging.consents import Road
from backend.messaging.models import Consent, ConsentEntry
from tests.builders import reread
from tests.conftest import StillClock

T = "TPL1"


@pytest.fixture
def user(app: Flask) -> int:
    with transaction():
        row = WechatUser(app_id="wxmini", openid="o1", created_at=business_clock.now())
        db.session.add(row)
        db.session.flush()
        return row.id


def left(user: int) -> int:
    reread()
    return db.session.scalar(select(Consent.remaining).where(Consent.wechat_user_id == user)) or 0


def ledger() -> list[tuple[int, int]]:
    reread()
    rows = db.session.scalars(select(ConsentEntry).order_by(ConsentEntry.id))
    return [(row.change, row.remaining) for row in rows]


@pytest.mark.parametrize(
    ("reports", "remaining"),
    [
        ("C0", 1),
        ("P0", 1),
        ("C0 P1", 1),
        ("P0 C59", 1),
        ("C0 C1", 2),
        ("P0 P1", 2),
        ("C0 P1 C2 P3", 2),
        ("C0 C1 P2 P3", 2),
        ("P0 P1 C2", 2),
        ("C0 P61", 2),
        ("C0 P1 C61 P62", 2),
        ("C0 P1 C30 P61", 2),
        ("C0 P50 C55 P100", 2),
        ("C0 P1 P2 C3", 2),
    ],
)
def test_reports_of_two_roads_within_a_minute_are_one_acceptance(
    user: int, clock: StillClock, reports: str, remaining: int
) -> None:
    start = clock.at
    for n, word in enumerate(reports.split()):
        road = Road.CLIENT if word[0] == "C" else Road.PUSH
        now = start + timedelta(seconds=int(word[1:]))
        consents.report(user, {T: "accept"}, road=road, cause=f"r{n}", now=now)
    assert left(user) == remaining


def test_the_same_report_again_changes_nothing(user: int, clock: StillClock) -> None:
    for _ in range(3):
        consents.report(user, {T: "accept"}, road=Road.PUSH, cause="push-1", now=clock.at)
    assert left(user) == 1
    assert ledger() == [(1, 1)]


@pytest.mark.parametrize(
    ("choice", "remaining"),
    [("accept", 2), ("acceptWithAudio", 2), ("reject", 1), ("filter", 1), ("ban", 0)],
)
def test_only_an_acceptance_adds_and_a_ban_takes_all(
    user: int, clock: StillClock, choice: str, remaining: int
) -> None:
    consents.report(user, {T: "accept"}, road=Road.CLIENT, cause="a", now=clock.at)
    later = clock.at + timedelta(minutes=5)
    consents.report(user, {T: choice}, road=Road.CLIENT, cause="b", now=later)
    assert left(user) == remaining


def test_a_consent_is_used_once_given_back_once_and_the_ledger_tells_it(
    user: int, clock: StillClock
) -> None:
    now = clock.at
    consents.report(user, {T: "accept"}, road=Road.CLIENT, cause="a", now=now)
    with transaction():
        assert consents.take(user, T, cause="m1", now=now)
        assert not consents.take(user, T, cause="m2", now=now)
    consents.give_back(user, T, cause="m1-back", now=now)
    assert left(user) == 1
    assert ledger() == [(1, 1), (-1, 0), (1, 1)]


def test_43101_says_that_nothing_is_left(user: int, clock: StillClock) -> None:
    for n in range(3):
        consents.report(user, {T: "accept"}, road=Road.CLIENT, cause=f"a{n}", now=clock.at)
    consents.none_left(user, T, cause="m1-none", now=clock.at)
    assert left(user) == 0
    assert ledger()[-1] == (-3, 0)


def test_templates_are_counted_apart(user: int, clock: StillClock) -> None:
    consents.report(user, {T: "accept", "T2": "accept"}, road=Road.CLIENT, cause="a", now=clock.at)
    with transaction():
        assert consents.take(user, T, cause="m1", now=clock.at)
        assert consents.take(user, "T2", cause="m1", now=clock.at)
        assert not consents.take(user, "T3", cause="m1", now=clock.at)
