"""A mall in a test: signs what it says as the contract has it, and listens at its callback."""

import base64
import hashlib
import hmac
import itertools
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from backend import clock, tenancy
from backend.campaigns import lifecycle, programmes
from backend.campaigns.draft import CampaignDraft
from backend.database import db, transaction
from backend.redemption.models import VoucherReport
from backend.vouchers.models import MallShop, MallVoucher
from tests.builders import Shop
from tests.miniprogram_api.pos.till import header

_events = itertools.count(1)


@dataclass
class MallClient:
    """``sold("V1")`` as the mall would report it."""

    http: FlaskClient
    key: str
    secret: str
    headers: dict[str, str] = field(default_factory=dict)

    def sold(self, voucher: str, **more: Any) -> TestResponse:  # noqa: ANN401
        return self.say(a_sale(voucher, **more))

    def refunded(self, voucher: str, **more: Any) -> TestResponse:  # noqa: ANN401
        return self.say(
            {"event_id": f"e{next(_events)}", "type": "refunded", "voucher": voucher, **more}
        )

    def say(self, event: dict[str, Any]) -> TestResponse:
        body = json.dumps(event, ensure_ascii=False).encode()
        timestamp, nonce = str(int(time.time())), uuid.uuid4().hex
        text = f"POST\n/mall/v1/events\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
        signed = header(self.key, self.secret, text=text, timestamp=timestamp, nonce=nonce)
        return self.http.post(
            "/mall/v1/events",
            data=body,
            headers={"Authorization": signed, **self.headers},
            content_type="application/json",
        )


def a_sale(voucher: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """售出 of 【60代100元票券】 (S1-15)."""
    return {
        "event_id": f"e{next(_events)}",
        "type": "sold",
        "product": "P60",
        "order": f"O-{voucher}",
        "voucher": voucher,
        "buyer": {"phone": "13800138000"},
        "paid_fen": 6000,
        "sold_at": "2026-11-23T07:58:00+08:00",
        **more,
    }


def a_mall(
    shop: Shop,
    http: FlaskClient,
    *,
    key: str = "",
    callback: str = "",
    app_id: str = "",
    store_id: int | None = None,
) -> MallClient:
    """商城店铺 bound to the shop's store."""
    key = key or f"m-{shop.code}"
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.add(
            MallShop(
                store_id=store_id or shop.store_id,
                code=key,
                secret=f"x-{key}",
                callback_url=callback,
                app_id=app_id,
                bound_at=clock.now(),
            )
        )
    return MallClient(http, key, f"x-{key}")


def a_link(
    shop: Shop, template: str, *, product: str = "P60", code: str = "mall", store: str | None = None
) -> int:
    """聚微量票券核销, running."""
    with tenancy.acting_for(shop.merchant_id):
        settings = programmes.parse(
            "mall_voucher", {"product": product, "template": template, "store": store}
        )
        draft = CampaignDraft(code=code, kind="mall_voucher", settings=settings)
        campaign = lifecycle.save(draft, now=clock.now())
        lifecycle.start(campaign.id, now=clock.now())
        return campaign.id


def voucher_of(shop: Shop, voucher: str) -> MallVoucher:
    db.session.rollback()
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalars(
            select(MallVoucher)
            .where(MallVoucher.voucher == voucher)
            .execution_options(populate_existing=True)
        ).one()


def reports_of(shop: Shop) -> list[VoucherReport]:
    db.session.rollback()
    with tenancy.acting_for(shop.merchant_id):
        return list(
            db.session.scalars(
                select(VoucherReport)
                .order_by(VoucherReport.id)
                .execution_options(populate_existing=True)
            )
        )


@dataclass
class Listener:
    """The mall's own server: what it was told, and how it answers (200 when the list is empty)."""

    url: str
    told: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    forged: int = 0

    def types(self) -> list[str]:
        return [str(event["type"]) for event in self.told]


@contextmanager
def listening(secret: str, *, path: str = "/told?shop=1") -> Iterator[Listener]:
    """A callback on loopback that checks each signature by itself."""

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = listener.answers.pop(0) if listener.answers else 200
            if not _genuine(secret, self.path, self.headers["Authorization"], body):
                listener.forged += 1
            elif 200 <= status < 300:
                listener.told.append(json.loads(body))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{listener.url}&again=1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    listener = Listener(f"http://127.0.0.1:{server.server_port}{path}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _genuine(secret: str, path: str, authorization: str, body: bytes) -> bool:
    said = dict(re.findall(r'(\w+)="([^"]*)"', authorization))
    text = f"POST\n{path}\n{said['timestamp']}\n{said['nonce']}\n".encode() + body + b"\n"
    wanted = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return authorization.startswith("QB1-HMAC-SHA256 ") and said["signature"] == wanted
