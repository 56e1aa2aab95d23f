"""登录 and 绑定手机号 die in a process of their own before and after each commit they make. The
phone sends the same again; a code that WeChat has seen is used up, and then it asks for another:
what stands in the tables is what one undisturbed request leaves. (Fault of trust 1)

The control brings something at login that no key makes single, and must fail.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from backend.database import transaction
from backend.points import ledger
from backend.visits import login as visits
from scripts.wechat_platform.people import Person
from scripts.wechat_platform.server import Platform
from tests.builders import Shop, a_member, a_shop, a_template
from tests.doors.test_killed_posts import DIED, grown, in_a_process, rows, turns_are_old
from tests.journeys.customers import a_grant, enters

USED_UP = {"LOGIN_CODE_INVALID", "PHONE_CODE_INVALID"}

TEMPLATE = "t30"

_numbers = count(1)


@dataclass(frozen=True)
class Asking:
    """A phone about to send a POST: where, as whom, and with what; each body has a new code."""

    path: str
    headers: dict[str, str]
    body: Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Street:
    """A shop, and people with phones."""

    http: FlaskClient
    wechat: Platform
    shop: Shop

    def person(self, phone: str | None = None) -> Person:
        return self.wechat.person(f"客人{next(_numbers)}", phone=phone)

    def send(self, asking: Asking, body: dict[str, Any], key: str) -> Any:  # noqa: ANN401
        headers = {**asking.headers, "Idempotency-Key": key}
        return self.http.post(asking.path, json=body, headers=headers)


def first_login(here: Street) -> Asking:
    return _login(here, here.person())


def login_that_claims(here: Street) -> Asking:
    person = here.person()
    guest = enters(here.http, here.wechat, here.shop, person)
    a_grant(here.shop, guest.member_id, TEMPLATE, quantity=2)
    return _login(here, person)


def first_phone(here: Street) -> Asking:
    return _phone(here, f"1380000{next(_numbers):04d}")


def phone_that_joins(here: Street) -> Asking:
    """Somebody at the till holds the number already, and a coupon waits for them."""
    phone = f"1390000{next(_numbers):04d}"
    holder = a_member(here.shop, phone=phone)
    a_grant(here.shop, holder, TEMPLATE, quantity=2)
    return _phone(here, phone)


def _login(here: Street, person: Person) -> Asking:
    mini = here.shop.mini
    return Asking(
        "/api/v1/login",
        {},
        lambda: {"app_id": mini, "code": here.wechat.login_code(person, mini)},
    )


def _phone(here: Street, phone: str) -> Asking:
    person = here.person(phone)
    guest = enters(here.http, here.wechat, here.shop, person)
    return Asking(
        "/api/v1/phone",
        guest.headers,
        lambda: {"code": here.wechat.phone_code(person, here.shop.mini)},
    )


KILLED = (first_login, login_that_claims, first_phone, phone_that_joins)


@pytest.fixture
def here(app: Flask, http: FlaskClient, wechat: Platform) -> Iterator[Street]:
    shop = a_shop()
    a_template(shop, code=TEMPLATE)
    wechat.account(shop.mini, "miniprogram", f"secret-{shop.mini}")
    yield Street(http, wechat, shop)


@pytest.mark.parametrize("arrange", KILLED)
def test_killed_at_every_commit_and_sent_again_it_is_done_once(
    here: Street, arrange: Callable[[Street], Asking]
) -> None:
    assert effects(here, arrange) == {1}


def test_what_no_key_makes_single_comes_twice(
    here: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The naive control: points for every login, under a cause of their own."""
    enter = visits.log_in

    def log_in(*args: Any, **kwargs: Any) -> visits.Login:  # noqa: ANN401
        done = enter(*args, **kwargs)
        with visits.tenancy.acting_for(done.merchant_id), transaction():
            cause = f"hello-{uuid4()}"
            ledger.earn(done.member.id, 10, cause=cause, now=kwargs["now"])
        return done

    monkeypatch.setattr(visits, "log_in", log_in)
    assert effects(here, first_login) == {1, 2}


def effects(here: Street, arrange: Callable[[Street], Asking]) -> set[int]:
    """How many times over the rows came that one request brings, wherever it died."""
    asking = arrange(here)
    before = rows()
    assert here.send(asking, asking.body(), "undisturbed").status_code == 200
    once, times = grown(before), set()
    for step in count(1):
        asking = arrange(here)
        before, body, key = rows(), asking.body(), f"killed-{step}"
        code = in_a_process(
            lambda a=asking, b=body, k=key: here.send(a, b, k).status_code, dies_at=step
        )
        assert code in (0, DIED)
        turns_are_old()
        again = here.send(asking, body, key)
        if again.status_code != 200:
            assert again.get_json()["code"] in USED_UP
            assert here.send(asking, asking.body(), f"anew-{step}").status_code == 200
        more = grown(before)
        assert all(more[name] >= once[name] for name in once)
        times.add(2 if more != once else 1)
        if code == 0:
            assert step > 2
            return times
    raise AssertionError("unreachable")
