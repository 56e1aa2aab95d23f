"""A till that tries numbers out is refused; one that names good ones never is (trust 15)."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import a_member, a_shop, a_template
from tests.miniprogram_api.pos.till import TillClient, a_bill, a_dish, till_of

ALLOWED = 100

Guess = Callable[[TillClient, str], TestResponse]


def quote(till: TillClient, number: str) -> TestResponse:
    return till.post("/quotes", {"lines": [a_dish()], "coupons": [number]})


def lock(till: TillClient, number: str) -> TestResponse:
    return till.post("/bills/B1/lock", {"coupons": [number]})


def unlock(till: TillClient, number: str) -> TestResponse:
    return till.post("/bills/B1/unlock", {"coupons": [number]})


def settle(till: TillClient, number: str) -> TestResponse:
    return till.post("/bills/B1/settle", a_bill(coupon=number))


def replay(till: TillClient, number: str) -> TestResponse:
    return till.post("/bills/replay", {"bills": [a_bill(coupon=number) | {"bill": number}]})


def check(till: TillClient, number: str) -> TestResponse:
    return till.post("/coupons/check", {"scan": number})


def redeem(till: TillClient, number: str) -> TestResponse:
    return till.post("/coupons/redeem", {"scan": number}, **{"Idempotency-Key": number})


def identify(till: TillClient, number: str) -> TestResponse:
    return till.post("/members/identify", {"scan": number})


def by_card(till: TillClient, number: str) -> TestResponse:
    return till.post("/members/identify", {"card": number})


EVERY_DOOR: list[Guess] = [
    quote, lock, unlock, settle, replay, check, redeem, identify, by_card
]  # fmt: skip


@pytest.mark.parametrize("guess", EVERY_DOOR)
def test_wrong_numbers_are_counted_at_every_door(
    app: Flask, http: FlaskClient, guess: Guess
) -> None:
    shop = a_shop()
    till = till_of(http, shop)
    unknown = [f"9{number:011d}" for number in range(ALLOWED)]
    assert till.post("/quotes", {"lines": [a_dish()], "coupons": unknown[1:]}).status_code == 200
    assert guess(till, unknown[0]).status_code != 429
    refused = guess(till, "900000000777")
    assert (refused.status_code, refused.get_json()["code"]) == (429, "RATE_LIMITED")
    assert 0 < int(refused.headers["Retry-After"]) <= 600
    assert check(till_of(http, a_shop()), "900000000777").status_code == 404


def test_right_numbers_cost_nothing(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    till = till_of(http, shop)
    number = number_of(a_coupon(shop, a_member(shop), a_template(shop)))
    good = {"lines": [a_dish()], "coupons": [number] * ALLOWED}
    assert [till.post("/quotes", good).status_code for _ in range(2)] == [200, 200]
    assert check(till, number).status_code == 200
