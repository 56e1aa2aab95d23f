"""签名: whatever part of a request is altered, it is refused; what is genuine passes once."""

import json
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from backend import tenancy
from backend.database import db, transaction
from backend.merchants.models import PosKey
from tests.builders import Shop, a_shop
from tests.miniprogram_api.pos.till import TillClient, a_dish, header, till_of

PATH = "/pos/v1/quotes"
BODY = json.dumps({"lines": [a_dish()]}).encode()


def send(
    http: FlaskClient,
    shop: Shop,
    *,
    signed: dict[str, Any] | None = None,
    sent: dict[str, Any] | None = None,
) -> tuple[int, str]:
    """What is signed, and what is sent in its place."""
    honest: dict[str, Any] = {
        "method": "POST",
        "path": PATH,
        "body": BODY,
        "key": shop.pos_key,
        "secret": shop.pos_secret,
        "timestamp": str(int(time.time())),
        "nonce": f"n{time.monotonic_ns()}",
    }
    s = honest | (signed or {})
    w = s | (sent or {})
    text = f"{s['method']}\n{s['path']}\n{s['timestamp']}\n{s['nonce']}\n".encode()
    authorization = header(
        s["key"],
        s["secret"],
        text=text + s["body"] + b"\n",
        timestamp=s["timestamp"],
        nonce=s["nonce"],
    )
    for name in ("key", "timestamp", "nonce"):
        authorization = authorization.replace(f'{name}="{s[name]}"', f'{name}="{w[name]}"')
    answer = http.open(
        w["path"],
        method=w["method"],
        data=w["body"],
        headers={"Authorization": w.get("authorization", authorization)},
        content_type="application/json",
    )
    assert answer.headers["X-Server-Time"].isdigit()
    return answer.status_code, (answer.get_json() or {}).get("code", "")


def test_a_genuine_request_passes(app: Flask, http: FlaskClient) -> None:
    assert send(http, a_shop()) == (200, "")


def test_the_query_is_signed_as_sent(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()
    odd = {"path": f"{PATH}?a=%E6%B1%89&b=1%2f2&&c"}
    assert send(http, shop, signed=odd) == (200, "")
    assert send(http, shop, signed=odd, sent={"path": f"{PATH}?a=%E6%B1%89&b=1%2F2&&c"}) == (
        401,
        "SIGNATURE_INVALID",
    )


@pytest.mark.parametrize(
    "altered",
    [
        {"path": f"{PATH}?x=1"},
        {"path": "/pos/v1/coupons/check"},
        {"body": BODY.replace(b"10000", b"10001")},
        {"body": BODY + b" "},
        {"timestamp": "1795222800"},
        {"nonce": "another"},
        {"key": "k-nobody"},
        {"authorization": ""},
        {"authorization": "Bearer abc"},
        {"authorization": 'QB1-HMAC-SHA256 key="k"'},
        {"authorization": 'QB1-HMAC-SHA256 key="k",key="k",timestamp="1",nonce="n",signature="s"'},
    ],
    ids=str,
)
def test_whatever_part_is_altered_the_request_is_refused(
    app: Flask, http: FlaskClient, altered: dict[str, Any]
) -> None:
    assert send(http, a_shop(), sent=altered) == (401, "SIGNATURE_INVALID")


def test_the_method_is_signed(app: Flask, http: FlaskClient) -> None:
    outcome = send(http, a_shop(), signed={"method": "PUT"}, sent={"method": "POST"})
    assert outcome == (401, "SIGNATURE_INVALID")


def test_another_tills_secret_does_not_sign_for_this_one(app: Flask, http: FlaskClient) -> None:
    shop, other = a_shop(), a_shop()
    assert send(http, shop, signed={"secret": other.pos_secret}) == (401, "SIGNATURE_INVALID")
    assert send(http, shop, sent={"key": other.pos_key}) == (401, "SIGNATURE_INVALID")


@pytest.mark.parametrize(("off", "good"), [(-290, True), (290, True), (-310, False), (310, False)])
def test_clocks_may_differ_by_300_seconds(
    app: Flask, http: FlaskClient, off: int, good: bool
) -> None:
    outcome = send(http, a_shop(), signed={"timestamp": str(int(time.time()) + off)})
    assert outcome == ((200, "") if good else (401, "TIMESTAMP_OUT_OF_RANGE"))


def test_a_nonce_is_good_once_for_each_key_also_without_redis(
    app: Flask, http: FlaskClient
) -> None:
    shop, other = a_shop(), a_shop()
    app.extensions["redis"].flushdb()
    assert send(http, shop, signed={"nonce": "n1"}) == (200, "")
    app.extensions["redis"].flushdb()
    assert send(http, shop, signed={"nonce": "n1"}) == (401, "NONCE_REUSED")
    assert send(http, other, signed={"nonce": "n1"}) == (200, "")


def test_two_secrets_live_at_once_and_die_with_their_key(app: Flask, http: FlaskClient) -> None:
    shop = a_shop()

    def have(**values: object) -> None:
        with transaction(), tenancy.acting_for(shop.merchant_id):
            db.session.execute(update(PosKey).values(**values))

    have(next_secret="the-next-one")
    old, new = till_of(http, shop), TillClient(http, shop.pos_key, "the-next-one")
    asked = {"lines": [a_dish()]}
    assert [till.post("/quotes", asked).status_code for till in (old, new)] == [200, 200]
    have(secret="the-next-one", next_secret=None)
    assert [till.post("/quotes", asked).status_code for till in (old, new)] == [401, 200]
    have(active=False)
    assert new.post("/quotes", asked).status_code == 401


def test_a_forged_request_is_refused_before_its_body_is_read(app: Flask, http: FlaskClient) -> None:
    forged = http.post(PATH, data=b"not json", headers={"Authorization": "x"})
    assert (forged.status_code, forged.get_json()["code"]) == (401, "SIGNATURE_INVALID")
    assert till_of(http, a_shop()).send("POST", PATH, b"not json").status_code == 400
