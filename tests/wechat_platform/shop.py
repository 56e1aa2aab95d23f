"""A merchant's system of a hundred lines: enough of the HTTP contract to open its mini-program."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import Flask, request
from werkzeug.serving import make_server

Answer = dict[str, object] | tuple[dict[str, object], int]

_BASE: dict[str, object] = {
    "valid_from": "2026-11-23T00:00:00+08:00",
    "valid_to": "2026-12-22T23:59:59+08:00",
    "minimum_fen": 0,
    "stores": "all",
    "giftable": True,
    "redeemed_at": None,
    "redeemed_store": None,
    "state": "usable",
    "campaign": {"id": 7, "code": "welcome", "name": "老客回馈"},
}


def _coupon(number: str, title: str, kind: str, **particular: object) -> dict[str, object]:
    return _BASE | {"number": number, "title": title, "kind": kind} | particular


def _pack() -> dict[str, dict[str, object]]:
    full = {"threshold_fen": 30000, "reduce_fen": 10000}
    off = {"rate_bp": 8500, "max_fen": 5000}
    return {
        "482913075561": _coupon("482913075561", "每满300减100", "every_full", rule=full),
        "067535776715": _coupon("067535776715", "锅底8.5折", "discount", rule=off),
    }


def _quote(*, chosen: bool) -> dict[str, object]:
    number, title = "482913075561", "每满300减100"
    return {
        "quote_id": "q1" if chosen else "q0",
        "reduction_fen": 10000 if chosen else 0,
        "to_pay_fen": 18400 if chosen else 28400,
        "chosen": [{"number": number, "title": title, "reduction_fen": 10000}] * chosen,
        "candidates": [{"number": number, "title": title, "applicable": True}],
    }


def _bill() -> dict[str, object]:
    return {
        "state": "open",
        "store": {"merchant": "星火火锅", "name": "皇岗店"},
        "table": "A8",
        "lines": [{"name": "鸳鸯锅", "quantity": 1, "amount_fen": 28400}],
        "service_fen": 0,
        "total_fen": 28400,
        "best": _quote(chosen=True),
        "paying": None,
        "paid": None,
    }


@dataclass
class Shop:
    """What the merchant knows."""

    url: str = ""
    logins: list[dict[str, object]] = field(default_factory=list)
    consents: list[object] = field(default_factory=list)
    verifiers: set[str] = field(default_factory=set)
    redemptions: list[dict[str, object]] = field(default_factory=list)
    coupons: dict[str, dict[str, object]] = field(default_factory=_pack)
    bill: dict[str, object] = field(default_factory=_bill)
    wechat_pay: dict[str, str] = field(default_factory=dict)

    def application(self) -> Flask:
        app = Flask("shop")
        app.add_url_rule("/api/v1/login", view_func=self._login, methods=["POST"])
        app.add_url_rule("/api/v1/phone", view_func=self._member, methods=["POST"])
        app.add_url_rule("/api/v1/me", view_func=self._member)
        app.add_url_rule("/api/v1/me/coupons", view_func=self._pack)
        app.add_url_rule("/api/v1/me/coupons/<number>", view_func=self._coupon)
        app.add_url_rule("/api/v1/me/coupons/<number>/qr", view_func=self._qr)
        app.add_url_rule("/api/v1/me/consents", view_func=self._consent, methods=["POST"])
        app.add_url_rule("/api/v1/tables/t1", "table", lambda: {"bill_token": "b1"})
        app.add_url_rule("/api/v1/bills/b1", "bill", lambda: self.bill)
        app.add_url_rule("/api/v1/bills/b1/quote", view_func=self._choose, methods=["POST"])
        app.add_url_rule("/api/v1/bills/b1/pay", view_func=self._pay, methods=["POST"])
        verifier = "/api/v1/verifier"
        app.add_url_rule(f"{verifier}/bind", view_func=self._bind, methods=["POST"])
        app.add_url_rule(f"{verifier}/redemptions", view_func=self._redemptions)
        app.add_url_rule(f"{verifier}/check", view_func=self._check, methods=["POST"])
        app.add_url_rule(f"{verifier}/redeem", view_func=self._redeem, methods=["POST"])
        app.add_url_rule(
            f"{verifier}/redemptions/<int:place>/undo", view_func=self._undo, methods=["POST"]
        )
        return app

    def _member(self) -> Answer:
        return {"id": 1, "nickname": "王勇", "phone_masked": "131****9041", "points": 309}

    def _login(self) -> Answer:
        asked = request.json or {}
        self.logins.append({name: asked[name] for name in asked if name != "code"})
        member = {"id": 1, "nickname": "王勇", "phone_masked": None, "level": "银卡", "points": 309}
        return {"token": "b1", "member": member, "claimed": list(self.coupons.values())}

    def _pack(self) -> Answer:
        state = request.args.get("state", "usable")
        return {"items": [c for c in self.coupons.values() if c["state"] == state]}

    def _coupon(self, number: str) -> Answer:
        return self.coupons[number]

    def _qr(self, number: str) -> Answer:
        drawn = '<svg viewBox="0 0 9 9"><path d="M0 0h3v3H0zM6 0h3v3H6zM0 6h3v3H0z"/></svg>'
        return {"token": "t", "text": f"qb:{number}", "svg": drawn}

    def _consent(self) -> Answer:
        self.consents.append(request.json)
        return {}

    def _choose(self) -> Answer:
        return _quote(chosen=bool((request.json or {})["coupons"]))

    def _pay(self) -> Answer:
        if (request.json or {})["quote_id"] != "q1":
            return {"code": "QUOTE_UNKNOWN", "message": "报价已失效"}, 422
        return {"wechat_pay": self.wechat_pay}

    def _bind(self) -> Answer:
        if (request.json or {}).get("token") != "bind-me":
            return {"code": "BIND_TOKEN_INVALID", "message": "绑定码已失效"}, 422
        self.verifiers.add(request.headers["Authorization"])
        return {"stores": [{"code": "s01", "name": "皇岗店"}]}

    def _redemptions(self) -> Answer:
        if request.headers.get("Authorization") not in self.verifiers:
            return {"code": "NOT_A_VERIFIER", "message": "您还不是核销员"}, 403
        return {"items": self.redemptions[::-1]}

    def _scanned(self) -> dict[str, object]:
        return self.coupons[(request.json or {})["scan"].removeprefix("qb:")]

    def _check(self) -> Answer:
        return {"coupon": self._scanned(), "owner": "王勇 131****9041", "warnings": []}

    def _redeem(self) -> Answer:
        coupon = self._scanned()
        at = "2026-11-23T12:30:00+08:00"
        coupon |= {"state": "redeemed", "redeemed_at": at, "redeemed_store": "皇岗店"}
        place = len(self.redemptions)
        self.redemptions.append(
            {"id": place, "number": coupon["number"], "store": "皇岗店", "at": at, "by": "小李"}
        )
        return {"redemption": self.redemptions[-1]}, 201

    def _undo(self, place: int) -> Answer:
        number = str(self.redemptions.pop(place)["number"])
        self.coupons[number] |= {"state": "usable", "redeemed_at": None}
        return self.coupons[number]


@contextmanager
def open_shop() -> Iterator[Shop]:
    shop = Shop()
    server = make_server("127.0.0.1", 0, shop.application(), threaded=True)
    shop.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield shop
    server.shutdown()
    thread.join()
    server.server_close()
