"""H9: what one request costs in a large shop against the same request in a small one.

Each path is asked over HTTP by people spread over the whole shop, in turns on both databases of
one run; what both share (machine, Python, disk) falls out. Nothing may grow with the table.
"""

import hashlib
import json
import statistics
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from flask import Flask

from backend import background, clock, tenancy
from backend.coupons.numbers import coupon_numbers
from backend.database import db, transaction
from backend.merchants.models import Verifier
from backend.signing import authorization
from miniprogram_api.customer import tokens
from scripts.bench import shop
from scripts.bench.counting import counted
from scripts.bench.laboratory import Laboratory
from scripts.bench.ratios import Finding, seconds

SMALLER = 100
"""The small shop has a hundredth of the members."""
EACH, WARM, MOST = 60, 6, 1.2
VERIFIERS = 30


def run(lab: Laboratory, *, members: int, rounds: int) -> list[Finding]:
    """Large ÷ small for each path, with its statements."""
    small = max(members // SMALLER, (EACH + WARM) * len(_PATHS) * rounds)
    sizes = (small, max(members, small))
    prepared = [lab.prepare(lambda size=size: _fill(size)) for size in sizes]  # type: ignore[misc]
    took: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in _PATHS}
    counts: dict[str, int] = {}
    with clock.told_by(lambda: shop.NOW), ExitStack() as stack:
        guests = [
            Guests(stack.enter_context(lab.open(name)), size)
            for name, size in zip(prepared, sizes, strict=True)
        ]
        for _ in range(rounds):
            for name, ask in _PATHS.items():
                for place, visited in enumerate(guests):
                    counts[name] = visited.warm_up(ask)
                    took[name][place].extend(visited.times(ask))
    for name in prepared:
        lab.drop(name)
    return [
        Finding(
            "H9-growth",
            f"{name}, {counts[name]} statements: {sizes[1]:,} ÷ {sizes[0]:,} members",
            statistics.median(large) / statistics.median(small),
            MOST,
            at_least=False,
            product=f"{statistics.median(large) * 1000:.2f} ms",
            anchor=f"{statistics.median(small) * 1000:.2f} ms",
        )
        for name, (small, large) in took.items()
    ]


@dataclass
class Guests:
    """The people of one shop, each asked once, from all over it."""

    app: Flask
    members: int
    _asked: int = 0

    def times(self, ask: "Ask") -> list[float]:
        with self.app.app_context():
            people = self._next(EACH)
            return [seconds(lambda one=one: ask(self, one)) for one in people]  # type: ignore[misc]

    def warm_up(self, ask: "Ask") -> int:
        """Ask a few before it counts, with nobody's limit spent; the statements of the last one."""
        with self.app.app_context():
            background.redis().flushdb()
            *first, last = self._next(WARM)
            for one in first:
                ask(self, one)
            with counted() as seen:
                ask(self, last)
            return len(seen)

    def _next(self, count: int) -> list[int]:
        stride = 7919  # a prime: neighbours in the shop are not neighbours in time
        self._asked += count
        return [
            1 + (nth * stride) % self.members for nth in range(self._asked - count, self._asked)
        ]


Ask = Callable[[Guests, int], None]


def _fill(members: int) -> None:
    shop.fill(members, logins=members)
    shop.followers(range(1, members + 1))
    with tenancy.acting_for(shop.merchant_id()), transaction():
        db.session.add_all(
            Verifier(member_id=member, name="小王", stores=["s01"], bound_at=shop.NOW)
            for member in range(1, VERIFIERS + 1)
        )
    shop.usable_coupons(range(1, members + 1), first_id=2 * members + 1)


def _log_in(guests: Guests, member: int) -> None:
    body = {"app_id": shop.MINI, "code": shop.openid(member)}
    _said(guests, "/api/v1/login", body, {}, 200)


def _card_pack(guests: Guests, member: int) -> None:
    answer = guests.app.test_client().get("/api/v1/me/coupons", headers=_bearer(member))
    assert answer.status_code == 200, answer.text


def _redeem(guests: Guests, member: int) -> None:
    number = coupon_numbers().number(2 * guests.members + member)
    verifier = _bearer(1 + member % VERIFIERS)
    _said(guests, "/api/v1/verifier/redeem", {"scan": number, "store": "s01"}, verifier, 201)


def _identify(guests: Guests, member: int) -> None:
    _till(guests, "/pos/v1/members/identify", {"phone": shop.phone(member)}, 200)


def _settle(guests: Guests, member: int) -> None:
    line = {"dish": "d1", "name": "毛肚", "quantity": 2, "price_fen": 6800}
    body = {
        "member_id": member,
        "lines": [line],
        "tenders": [{"method": "cash", "amount_fen": 13600}],
        "settled_at": shop.NOW.isoformat(),
    }
    _till(guests, f"/pos/v1/bills/B{uuid.uuid4().hex}/settle", body, 201)


def _push(guests: Guests, member: int) -> None:
    stamp, nonce = str(int(time.time())), uuid.uuid4().hex[:10]
    query = {
        "timestamp": stamp,
        "nonce": nonce,
        "signature": hashlib.sha1("".join(sorted(("t2", stamp, nonce))).encode()).hexdigest(),
    }
    xml = (
        f"<xml><ToUserName>gh</ToUserName><FromUserName>{shop.follower(member)}</FromUserName>"
        f"<CreateTime>{stamp}</CreateTime><MsgType>text</MsgType><Content>你好</Content>"
        f"<MsgId>{uuid.uuid4().int >> 66}</MsgId></xml>"
    )
    answer = guests.app.test_client().post(
        f"/wechat/{shop.OFFICIAL}/callback", query_string=query, data=xml, content_type="text/xml"
    )
    assert answer.status_code == 200, answer.text


_PATHS: Mapping[str, Ask] = {
    "POST login": _log_in,
    "GET card pack": _card_pack,
    "POST redeem": _redeem,
    "POST identify": _identify,
    "POST settle": _settle,
    "text push": _push,
}


def _bearer(member: int) -> dict[str, str]:
    token = tokens.issue(1, member, member, now=shop.NOW)
    return {"Authorization": f"Bearer {token.text}"}


def _till(guests: Guests, path: str, body: dict[str, object], status: int) -> None:
    signed = authorization(
        "k01",
        "p01",
        method="POST",
        path=path,
        timestamp=str(int(time.time())),
        nonce=uuid.uuid4().hex,
        body=json.dumps(body).encode(),
    )
    _said(guests, path, body, {"Authorization": signed}, status)


def _said(
    guests: Guests, path: str, body: dict[str, object], headers: dict[str, str], status: int
) -> None:
    answer = guests.app.test_client().post(
        path, data=json.dumps(body), headers=headers, content_type="application/json"
    )
    assert answer.status_code == status, answer.text
