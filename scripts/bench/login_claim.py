"""H2: POST /api/v1/login that claims what waits, against a bare Flask route with one transaction.

Both run in this process through Flask's own test client, one after the other, c = 1. The product's
time is counted without its call to WeChat, which answers from next door and is measured apart.
"""

import statistics
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import requests
from flask import Flask, Response, jsonify, request
from flask.testing import FlaskClient

from backend import clock, tenancy
from backend.campaigns import grants
from backend.database import db
from scripts.bench import shop
from scripts.bench.counting import counted
from scripts.bench.laboratory import Laboratory
from scripts.bench.ratios import Finding, p50, seconds
from scripts.bench.raw import Raw

LOGINS = 150
WAITING = (0, 5, 20)
TARGETS = {0: 1.0, 5: 2.0, 20: 2.5}
_CLAIM = """INSERT INTO coupon (merchant_id, grant_id, piece, member_id, campaign_id, template_id,
 revision_id, state, source, valid_from, valid_until, claimed_at)
 SELECT merchant_id, id, 1, member_id, campaign_id, 1, 1, 'usable', 'local', granted_at, ?, ?
 FROM coupon_grant WHERE member_id = ? AND state = 'open'"""
_CLAIMED = """UPDATE coupon_grant SET state = 'claimed', claimed_at = ?
 WHERE member_id = ? AND state = 'open'"""


def run(lab: Laboratory, *, members: int, rounds: int) -> list[Finding]:
    """The ratios for nothing, 5 and 20 waiting; the statements of a claim."""
    people = min(members, LOGINS * (len(WAITING) + 1))
    each = people // (len(WAITING) + 1)
    prepared = lab.prepare(lambda: shop.fill(members, logins=people))
    ratios: dict[int, list[float]] = {k: [] for k in WAITING}
    shown: dict[int, list[tuple[float, float]]] = {k: [] for k in WAITING}
    counts: dict[int, int] = {}
    with clock.told_by(lambda: shop.NOW):
        for _ in range(rounds):
            with lab.copy(prepared) as app:
                _let_wait(members, each)
                call = _wechat_seconds(lab)
                groups = [range(1 + nth * each, 1 + (nth + 1) * each) for nth in range(4)]
                client = app.test_client()
                product = {
                    k: _logins(client, group) - call
                    for k, group in zip(WAITING, groups, strict=False)
                }
                counts = _statements(members, people)
                anchor = _bare(groups[-1])
            for k in WAITING:
                ratios[k].append(product[k] / anchor)
                shown[k].append((product[k] * 1000, anchor * 1000))
    found = [
        Finding(
            "H2-claim",
            f"POST login, {k} waiting: p50 ÷ Flask + 1 transaction",
            statistics.median(ratios[k]),
            TARGETS[k],
            at_least=False,
            product=f"{statistics.median(p for p, _ in shown[k]):.2f} ms",
            anchor=f"{statistics.median(a for _, a in shown[k]):.2f} ms",
        )
        for k in WAITING
    ]
    return [
        *found,
        Finding(
            "H2-sql",
            "statements of a claim, 1 … 100 waiting",
            max(counts.values()),
            3,
            at_least=False,
            product="/".join(str(count) for count in counts.values()),
        ),
    ]


def _let_wait(members: int, each: int) -> None:
    first = members * 2 + 1
    for nth, k in enumerate(WAITING):
        if k:
            people = range(1 + nth * each, 1 + (nth + 1) * each)
            shop.open_grants(people, k, first_id=first)
            first += k * each
    people = range(1 + len(WAITING) * each, 1 + (len(WAITING) + 1) * each)
    shop.open_grants(people, 1, first_id=first)


def _logins(client: FlaskClient, people: range) -> float:
    """The median seconds of a login."""

    def log_in(member: int) -> None:
        body = {"app_id": shop.MINI, "code": shop.openid(member)}
        answer = client.post("/api/v1/login", json=body)
        assert answer.status_code == 200, answer.text

    log_in(people[0])
    return _median(log_in, people[1:])


def _bare(people: range) -> float:
    """Flask + 1 transaction: who is it, claim, answer."""
    db.session.remove()
    raw, app = Raw(), Flask("bare")
    claim = raw_claim(raw)

    @app.post("/login")
    def log_in() -> Response:
        row, held = claim(request.get_json()["code"])
        return jsonify(
            member=row[0], claimed=[{"id": each[0], "until": str(each[1])} for each in held]
        )

    client = app.test_client()

    def ask(member: int) -> None:
        assert client.post("/login", json={"code": shop.openid(member)}).status_code == 200

    ask(people[0])
    took = _median(ask, people[1:])
    raw.close()
    return took


def raw_claim(raw: Raw) -> Callable[[str], tuple[Any, list[Any]]]:
    """The fewest statements that know somebody by openid, claim what waits and read it."""
    now, until = raw.instant(shop.NOW), raw.instant(shop.NOW + timedelta(days=15))

    def claim(openid: str) -> tuple[Any, list[Any]]:
        with raw.transaction():
            row = raw.run(
                "SELECT i.member_id FROM wechat_user u JOIN identity i ON i.wechat_user_id = u.id"
                " WHERE u.app_id = ? AND u.openid = ?",
                (shop.MINI, openid),
            ).fetchone()
            raw.run(_CLAIM, (until, now, row[0]))
            raw.run(_CLAIMED, (now, row[0]))
            held = raw.run(
                "SELECT id, valid_until FROM coupon WHERE member_id = ? AND grant_id > 0"
                " ORDER BY id DESC LIMIT 5",
                (row[0],),
            ).fetchall()
        return row, held

    return claim


def _wechat_seconds(lab: Laboratory) -> float:
    with requests.Session() as session:
        address = f"{lab.wechat_url}/sns/jscode2session?js_code=x"
        session.get(address)
        return _median(lambda _: session.get(address), range(50))


def _median(work: Callable[[int], object], each: range) -> float:
    return p50([seconds(lambda one=one: work(one)) for one in each])  # type: ignore[misc]


def _statements(members: int, people: int) -> dict[int, int]:
    """How many statements ``grants.claim_open`` takes for 1, 5, 20 and 100 waiting grants."""
    counts, first = {}, members * 3 + 100_000
    with tenancy.acting_for(shop.merchant_id()):
        for nth, k in enumerate((1, 5, 20, 100)):
            member = members - nth
            shop.open_grants(range(member, member + 1), k, first_id=first)
            first += k
            with counted() as seen:
                claimed = grants.claim_open(member, now=shop.NOW)
            assert len(claimed) >= k
            counts[k] = len(seen)
    return counts
