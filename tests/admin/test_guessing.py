"""Passwords guessed from elsewhere: it costs the guesser, and locks nobody out."""

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from backend import background
from backend.clock import machine_now
from backend.merchants import passwords, staff
from backend.merchants.models import Role
from backend.merchants.sign_in_pauses import (
    LONGEST_PAUSE,
    PER_ADDRESS,
    TRIES,
    TooManyTries,
    Try,
    network,
    pause_after,
)
from tests.admin.desk import PASSWORD, Visitor, a_person
from tests.builders import a_shop

HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"


@pytest.fixture(params=["redis", "without redis"])
def counted(request: pytest.FixtureRequest, app: Flask) -> Iterator[Flask]:
    """Counted in Redis, and by the process while it is away."""
    kept = app.extensions["redis"]
    if request.param == "without redis":
        app.extensions["redis"] = background.connect("unix:///nowhere/redis.sock?db=0")
        app.extensions["redis_away_until"] = 0.0
    yield app
    app.extensions["redis"] = kept
    app.extensions["redis_away_until"] = 0.0
    app.extensions.pop("sign_in_counts", None)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every password that was really judged."""
    judged: list[str] = []
    matches = passwords.matches

    def watched(password: str, stored: str | None) -> bool:
        judged.append(password)
        return matches(password, stored)

    monkeypatch.setattr(passwords, "matches", watched)
    return judged


def tries(app: Flask, login: str, password: str, *, at: str) -> TestResponse:
    visitor = Visitor(app)
    visitor.browser.environ_base["REMOTE_ADDR"] = at
    visitor.open("/admin/login")
    return visitor.send("/admin/login", login=login, password=password)


@pytest.mark.parametrize("many", [8, 100])
def test_wrong_tries_on_anybody_lock_no_owner_out(
    counted: Flask, hashed: list[str], many: int
) -> None:
    """Fault of trust 6: ``boss`` is the owner of two merchants, and somebody tries both ways."""
    ours, theirs = a_shop(), a_shop()
    for shop in (ours, theirs):
        a_person(shop, Role.OWNER, login="boss")
    visitor = Visitor(counted)
    visitor.browser.environ_base["REMOTE_ADDR"] = ELSEWHERE
    visitor.open("/admin/login")
    for _ in range(many):
        for login in ("boss", f"boss@{ours.code}"):
            wrong = visitor.send("/admin/login", login=login, password="wrong-horse-9")
            assert wrong.status_code in (401, 429)
    assert len(hashed) == TRIES
    assert wrong.status_code == 429 and int(wrong.headers["Retry-After"]) > 0
    assert "秒后再试" in wrong.get_data(as_text=True)
    assert tries(counted, f"boss@{ours.code}", PASSWORD, at=HOME).status_code == 302
    assert tries(counted, f"boss@{theirs.code}", PASSWORD, at=ELSEWHERE).status_code == 302
    assert tries(counted, f"boss@{ours.code}", PASSWORD, at=ELSEWHERE).status_code == 429


def test_an_ambiguous_login_is_told_how_to_write_it_before_any_password_is_judged(
    app: Flask, hashed: list[str]
) -> None:
    for shop in (a_shop(), a_shop()):
        a_person(shop, Role.OWNER, login="boss")
    answer = tries(app, "boss", PASSWORD, at=HOME)
    assert (answer.status_code, hashed) == (401, [])
    assert "账号@商家编码" in answer.get_data(as_text=True)


def test_nobody_takes_the_full_name_of_another_merchants_person(app: Flask) -> None:
    ours, theirs = a_shop(), a_shop()
    a_person(ours, Role.OWNER, login="boss")
    a_person(theirs, Role.OWNER, login=f"boss@{ours.code}")
    _, person = staff.sign_in(f"boss@{ours.code}", PASSWORD, origin=HOME, now=machine_now())
    assert person.merchant_id == ours.merchant_id
    shadowed = f"boss@{ours.code}@{theirs.code}"
    _, other = staff.sign_in(shadowed, PASSWORD, origin=HOME, now=machine_now())
    assert other.merchant_id == theirs.merchant_id


def test_one_address_has_only_so_many_passwords_judged_whoever_they_are_for(
    counted: Flask, hashed: list[str]
) -> None:
    login = a_person(a_shop(), Role.OWNER)
    refused = 0
    for number in range(PER_ADDRESS + 20):
        try:
            staff.sign_in(f"guess{number}", "wrong-horse-9", origin=ELSEWHERE, now=machine_now())
        except TooManyTries as wait:
            assert 0 < wait.retry_after <= 600
            refused += 1
        except staff.SignInFailed:
            pass
    assert (len(hashed), refused) == (PER_ADDRESS, 20)
    assert staff.sign_in(login, PASSWORD, origin=HOME, now=machine_now())


def test_right_ones_cost_an_address_nothing(counted: Flask) -> None:
    login = a_person(a_shop(), Role.OWNER)
    for _ in range(PER_ADDRESS + 5):
        tried = Try(f"staff of {login}", HOME)
        tried.begin()
        tried.was_right()


def test_pauses_grow_and_end() -> None:
    assert [pause_after(wrong) for wrong in range(3, 9)] == [0, 0, 60, 120, 240, 480]
    assert pause_after(1000) == LONGEST_PAUSE


def test_a_house_with_ipv6_is_one_address() -> None:
    assert network("2001:db8:1:2:3:4:5:6") == network("2001:db8:1:2::9")
    assert network("2001:db8:1:3::9") != network("2001:db8:1:2::9")
    assert network("198.51.100.9") == "198.51.100.9"
