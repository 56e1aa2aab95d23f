"""A till in a test: signs as the contract says and nothing else; it shares no code with us."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from pydantic import JsonValue
from werkzeug.test import TestResponse

from tests.builders import Shop


def header(key: str, secret: str, *, text: bytes, timestamp: str, nonce: str) -> str:
    signature = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return (
        f'QB1-HMAC-SHA256 key="{key}",timestamp="{timestamp}",nonce="{nonce}",'
        f'signature="{signature}"'
    )


@dataclass
class TillClient:
    """``post("/bills/B1/settle", {...})`` as the store's till would send it."""

    http: FlaskClient
    key: str
    secret: str
    headers: dict[str, str] = field(default_factory=dict)

    def post(self, path: str, body: dict[str, Any] | None = None, **more: str) -> TestResponse:
        return self.send("POST", f"/pos/v1{path}", json.dumps(body or {}).encode(), **more)

    def get(self, path: str, **more: str) -> TestResponse:
        return self.send("GET", f"/pos/v1{path}", b"", **more)

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, **more: str
    ) -> TestResponse:
        raw = b"" if body is None else json.dumps(body).encode()
        return self.send(method, f"/pos/v1{path}", raw, **more)

    def send(self, method: str, path: str, body: bytes, **more: str) -> TestResponse:
        timestamp, nonce = str(int(time.time())), uuid.uuid4().hex
        text = f"{method}\n{path}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
        signed = header(self.key, self.secret, text=text, timestamp=timestamp, nonce=nonce)
        return self.http.open(
            path,
            method=method,
            data=body,
            headers={"Authorization": signed, **self.headers, **more},
            content_type="application/json",
        )


def till_of(http: FlaskClient, shop: Shop) -> TillClient:
    return TillClient(http, shop.pos_key, shop.pos_secret)


def a_dish(
    dish: str = "D001", yuan: int = 100, *, quantity: int = 1, name: str = "毛肚"
) -> dict[str, Any]:
    return {"dish": dish, "name": name, "quantity": quantity, "price_fen": yuan * 100}


def a_bill(
    *lines: dict[str, Any],
    cash_fen: int | None = None,
    coupon: str | None = None,
    settled_at: str = "2026-11-23T08:00:00+08:00",
    **more: JsonValue,
) -> dict[str, Any]:
    """账单; without ``cash_fen`` the lines are paid in cash in full."""
    lines = lines or (a_dish(),)
    total_fen = sum(line["quantity"] * line["price_fen"] for line in lines)
    tenders: list[dict[str, Any]] = (
        [] if coupon is None else [{"method": "coupon", "number": coupon}]
    )
    paid_fen = total_fen if cash_fen is None else cash_fen
    return {
        "table": "A12",
        "guests": 4,
        "cashier": "小李",
        "opened_at": "2026-11-23T07:00:00+08:00",
        "settled_at": settled_at,
        "lines": list(lines),
        "service_fen": 0,
        "tenders": [*tenders, {"method": "cash", "amount_fen": paid_fen}],
        **more,
    }
