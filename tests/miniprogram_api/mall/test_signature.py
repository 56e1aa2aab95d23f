"""签名 of malls: whatever part of a request is altered, it is refused; what is genuine passes once,
with either of two live secrets. A till's nonces and a mall's are apart."""

import json
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from backend import tenancy
from backend.database import db, transaction
from backend.vouchers.models import MallShop
from tests.builders import Shop, a_shop
from tests.malls import MallClient, a_mall, a_sale
from tests.miniprogram_api.pos.till import header, till_of

PATH = "/mall/v1/events"


@pytest.fixture
def shop(app: Flask) -> Shop:
    return a_shop()


@pytest.fixture
def mall(shop: Shop, http: FlaskClient) -> MallClient:
    return a_mall(shop, http)


def send(
    mall: MallClient, *, signed: dict[str, Any] | None = None, sent: dict[str, Any] | None = None
) -> tuple[int, str]:
    """What is signed, and what is sent in its place."""
    honest: dict[str, Any] = {
        "method": "POST",
        "path": PATH,
        "body": json.dumps(a_sale("V1", event_id="e-one")).encode(),
        "key": mall.key,
        "secret": mall.secret,
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
    answer = mall.http.open(
        w["path"],
        method=w["method"],
        data=w["body"],
        headers={"Authorization": w.get("authorization", authorization)},
        content_type="application/json",
    )
    assert answer.headers["X-Server-Time"].isdigit()
    return answer.status_code, (answer.get_json() or {}).get("code", "")


def test_a_genuine_event_passes_once(mall: MallClient) -> None:
    assert send(mall, signed={"nonce": "n1"}) == (200, "")
    assert send(mall, signed={"nonce": "n1"}) == (401, "NONCE_REUSED")


@pytest.mark.parametrize(
    "altered",
    [
        {"path": f"{PATH}?x=1"},
        {"body": json.dumps(a_sale("V1", event_id="e-one", paid_fen=1)).encode()},
        {"body": b""},
        {"timestamp": "1795222800"},
        {"nonce": "another"},
        {"key": "m-nobody"},
        {"authorization": ""},
        {"authorization": "Bearer abc"},
        {"authorization": 'QB1-HMAC-SHA256 key="k",timestamp="1",nonce="n"'},
    ],
    ids=str,
)
def test_whatever_part_is_altered_the_event_is_refused(
    mall: MallClient, altered: dict[str, Any]
) -> None:
    assert send(mall, sent=altered) == (401, "SIGNATURE_INVALID")


def test_every_byte_of_the_body_is_signed(mall: MallClient) -> None:
    body = json.dumps(a_sale("V1", event_id="e-one")).encode()
    for place in range(len(body)):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        refused = send(mall, signed={"body": body}, sent={"body": changed})
        assert refused == (401, "SIGNATURE_INVALID"), place


def test_a_till_is_no_mall_and_a_mall_is_no_till(mall: MallClient, shop: Shop) -> None:
    as_till = {"key": shop.pos_key, "secret": shop.pos_secret}
    assert send(mall, signed=as_till) == (401, "SIGNATURE_INVALID")
    till = till_of(mall.http, shop)
    till.key, till.secret = mall.key, mall.secret
    assert till.post("/quotes", {"lines": []}).status_code == 401


def test_the_nonces_of_a_till_and_a_mall_of_one_name_are_apart(
    shop: Shop, http: FlaskClient
) -> None:
    mall = a_mall(shop, http, key=shop.pos_key)
    assert send(mall, signed={"nonce": "n1"}) == (200, "")
    body = b'{"lines": [{"dish": "D1", "name": "D1", "quantity": 1, "price_fen": 100}]}'
    text = f"POST\n/pos/v1/quotes\n{int(time.time())}\nn1\n".encode() + body + b"\n"
    signed = header(
        shop.pos_key, shop.pos_secret, text=text, timestamp=str(int(time.time())), nonce="n1"
    )
    answer = http.post(
        "/pos/v1/quotes",
        data=body,
        headers={"Authorization": signed},
        content_type="application/json",
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(("off", "good"), [(-290, True), (290, True), (-310, False), (310, False)])
def test_clocks_may_differ_by_300_seconds(mall: MallClient, off: int, good: bool) -> None:
    outcome = send(mall, signed={"timestamp": str(int(time.time()) + off)})
    assert outcome == ((200, "") if good else (401, "TIMESTAMP_OUT_OF_RANGE"))


def test_two_secrets_live_at_once_and_an_unbound_shop_is_nobody(
    mall: MallClient, shop: Shop, http: FlaskClient
) -> None:
    def have(**values: object) -> None:
        with transaction(), tenancy.acting_for(shop.merchant_id):
            db.session.execute(update(MallShop).values(**values))

    have(next_secret="the-next-one")
    old, new = mall, MallClient(http, mall.key, "the-next-one")
    assert [each.sold(f"A{n}").status_code for n, each in enumerate((old, new))] == [200, 200]
    have(secret="the-next-one", next_secret=None)
    assert [each.sold(f"B{n}").status_code for n, each in enumerate((old, new))] == [401, 200]
    have(active=False)
    assert new.sold("C").status_code == 401
