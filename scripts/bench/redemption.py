"""H3: redeeming through the use case and over HTTP, against one raw transaction.

The anchor is the conditional UPDATE and the INSERT alone (one CTE on PostgreSQL). The product does
more, because more is required: it reads the store and the coupon with its promise, judges it, and
writes event and message in the same transaction, then wakes the sender; over HTTP it
also reads who calls, and asks the rate limits. The targets are those of the bare work all the same.
"""

import statistics
import threading
from collections.abc import Callable

from flask import Flask, Response, jsonify, request
from sqlalchemy import func, select

from backend import clock, tenancy
from backend.coupons.numbers import coupon_numbers
from backend.database import db, transaction
from backend.errors import DomainError
from backend.members.models import Member
from backend.merchants.models import Verifier
from backend.merchants.queries import place
from backend.redemption.models import Redemption
from backend.redemption.redeem import Redeemer, redeem
from miniprogram_api.customer import tokens
from scripts.bench import shop
from scripts.bench.laboratory import Laboratory
from scripts.bench.ratios import Finding, median_ratio, p99, seconds
from scripts.bench.raw import Raw

REDEMPTIONS = 400
CONTESTED, CONTENDERS = 40, 16
VERIFIERS = 40
_COLUMNS = """redemption (merchant_id, coupon_id, live_key, campaign_id, member_id, store_id, at,
 "by", request_id, undone_by, undo_reason)"""
_UPDATE = """UPDATE coupon SET state = 'redeemed' WHERE id = ? AND merchant_id = 1
 AND state = 'usable' AND valid_from <= ? AND valid_until > ?"""
_INSERT = f"INSERT INTO {_COLUMNS} VALUES (1, ?, ?, 1, 1, 1, ?, 'raw', '', '', '')"
_CTE = f"""WITH done AS ({_UPDATE} RETURNING id, member_id, campaign_id)
 INSERT INTO {_COLUMNS}
 SELECT 1, id, id, campaign_id, member_id, 1, ?, 'raw', '', '', '' FROM done"""


def run(lab: Laboratory, *, members: int, rounds: int) -> list[Finding]:
    """Use case, HTTP, and exactly once."""
    count = min(REDEMPTIONS, members // 5)
    prepared = lab.prepare(lambda: shop.fill(members, logins=VERIFIERS))
    use_case, http, waits = [], [], []
    times_redeemed = 0
    with clock.told_by(lambda: shop.NOW):
        for _ in range(rounds):
            with lab.copy(prepared) as app:
                ids = shop.usable_coupons(
                    range(1, 4 * count + CONTESTED + 1), first_id=members * 2 + 1
                )
                parts = [ids[nth * count : (nth + 1) * count] for nth in range(4)]
                took = _through_use_case(parts[0])
                waits.append(p99(took) * 1000)
                over_http = _over_http(app, parts[1])
                times_redeemed = max(times_redeemed, _contested(app, ids[4 * count :]))
                db.session.remove()
                raw = Raw()
                use_case.append((sum(_each(raw_redeem(raw), parts[2])), sum(took)))
                http.append((sum(_bare_http(raw, parts[3])), sum(over_http)))
                raw.close()
    rate = statistics.median(count / product for _, product in use_case)
    http_rate = statistics.median(count / product for _, product in http)
    return [
        Finding(
            "H3-sqlite" if lab.on_sqlite else "H3-sql",
            "use case ÷ raw transaction, redemptions/s",
            median_ratio(use_case),
            0.3,
            at_least=True,
            product=f"{rate:,.0f}/s",
            anchor=f"{statistics.median(count / anchor for anchor, _ in use_case):,.0f}/s",
        ),
        Finding("H3-wait", "99th percentile, ms", statistics.median(waits), 50, at_least=False),
        Finding(
            "H3-http",
            "POST redeem ÷ Flask + 1 transaction, requests/s",
            median_ratio(http),
            0.35,
            at_least=True,
            product=f"{http_rate:,.0f}/s",
            anchor=f"{statistics.median(count / anchor for anchor, _ in http):,.0f}/s",
        ),
        Finding(
            "H3-once",
            f"{CONTENDERS} contenders for each of {CONTESTED} coupons: redemptions per coupon",
            times_redeemed,
            1,
            at_least=False,
        ),
    ]


def raw_redeem(raw: Raw) -> Callable[[int], None]:
    """The fewest statements that redeem a coupon once."""
    now = raw.instant(shop.NOW)

    def redeem_raw(coupon_id: int) -> None:
        with raw.transaction():
            if raw.has_cte:
                done = raw.run(_CTE, (coupon_id, now, now, now)).rowcount
            else:
                done = raw.run(_UPDATE, (coupon_id, now, now)).rowcount
                raw.run(_INSERT, (coupon_id, coupon_id, now))
        assert done == 1

    return redeem_raw


def _through_use_case(ids: range) -> list[float]:
    named, by = coupon_numbers(), Redeemer("小王")
    with tenancy.acting_for(shop.merchant_id()):
        return _each(
            lambda id: redeem(named.number(id), here=place("s01"), by=by, now=shop.NOW), ids
        )


def _over_http(app: Flask, ids: range) -> list[float]:
    """Many verifiers, so that none of them redeems faster than allowed."""
    named, client = coupon_numbers(), app.test_client()
    merchant_id = shop.merchant_id()
    with tenancy.acting_for(merchant_id), transaction():
        for member in range(1, VERIFIERS + 1):
            db.session.add(
                Verifier(member_id=member, name="小王", stores=["s01"], bound_at=shop.NOW)
            )
    bearers = [
        tokens.issue(merchant_id, member, member, now=shop.NOW).text
        for member in range(1, VERIFIERS + 1)
    ]

    def post(id: int) -> None:
        answer = client.post(
            "/api/v1/verifier/redeem",
            json={"scan": named.number(id), "store": "s01"},
            headers={"Authorization": f"Bearer {bearers[id % VERIFIERS]}"},
        )
        assert answer.status_code == 201, answer.text

    return _each(post, ids)


def _bare_http(raw: Raw, ids: range) -> list[float]:
    app, redeem_raw = Flask("bare"), raw_redeem(raw)

    @app.post("/redeem")
    def redeem_it() -> tuple[Response, int]:
        body = request.get_json()
        redeem_raw(body["scan"])
        return jsonify(redemption={"id": body["scan"], "store": body["store"]}), 201

    client = app.test_client()
    return _each(lambda id: client.post("/redeem", json={"scan": id, "store": "s01"}), ids)


def _contested(app: Flask, ids: range) -> int:
    """Everybody tries every coupon at once; the most redemptions that one of them has."""
    named, merchant_id = coupon_numbers(), shop.merchant_id()
    db.session.remove()

    def try_all() -> None:
        with app.app_context(), tenancy.acting_for(merchant_id):
            for id in ids:
                try:
                    redeem(named.number(id), here=place("s01"), by=Redeemer("甲"), now=shop.NOW)
                except DomainError:
                    continue

    threads = [threading.Thread(target=try_all) for _ in range(CONTENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tenancy.acting_for(merchant_id):
        assert db.session.scalar(select(func.count(Member.id)))
        per_coupon = db.session.execute(
            select(Redemption.coupon_id, func.count())
            .where(Redemption.coupon_id.in_(ids))
            .group_by(Redemption.coupon_id)
        ).all()
    assert len(per_coupon) == len(ids), "every coupon was redeemed by somebody"
    return max(times for _, times in per_coupon)


def _each(work: Callable[[int], object], ids: range) -> list[float]:
    return [seconds(lambda id=id: work(id)) for id in ids]  # type: ignore[misc]
