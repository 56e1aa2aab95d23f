"""H6: settling a member's bill through the use case, against the same rows written raw.

The anchor inserts bill, lines, tender, spending, points, lot and message, and moves the member, in
one transaction of one statement each. The product also prices the bill, judges class and level,
keeps the answer and prints the receipt.
"""

import statistics
import threading
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import JSON, Column, func, select

from backend import clock, tenancy
from backend.campaigns import lifecycle, programmes
from backend.campaigns.draft import CampaignDraft
from backend.coupons.bill import BillLine
from backend.database import UtcDateTime, db, table_of
from backend.members.models import Member, Spending
from backend.merchants.queries import place
from backend.messaging.models import Intent
from backend.points.models import PointsEntry, PointsLot
from backend.redemption.redeem import Redeemer
from backend.sales import models
from backend.sales.bill import Bill, DishLine, Goods, Method, Tender
from backend.sales.settle import settle
from scripts.bench import shop
from scripts.bench.laboratory import Laboratory
from scripts.bench.ratios import Finding, median_ratio, p99, seconds
from scripts.bench.raw import Raw

BILLS, CONTESTED, CONTENDERS = 300, 20, 8
_LINES = (("d1", 2, 6800), ("d2", 1, 3200), ("d3", 3, 600))
_PAID_FEN = sum(quantity * price for _, quantity, price in _LINES)
_MOVED = """UPDATE member SET points = points + ?, consumption_count = consumption_count + 1,
 consumption_fen = consumption_fen + ?, last_consumed_at = ? WHERE id = ? AND merchant_id = 1"""


def run(lab: Laboratory, *, members: int, rounds: int) -> list[Finding]:
    """The ratio, the waiting, and that nothing is counted twice or lost."""
    count = min(BILLS, members // 3)
    prepared = lab.prepare(lambda: _fill(members))
    pairs, waits, wrong = [], [], 0
    with clock.told_by(lambda: shop.NOW):
        for _ in range(rounds):
            with lab.copy(prepared) as app:
                took = _through_use_case(range(1, count + 1))
                wrong = max(wrong, _contested(app, range(count + 1, count + 1 + CONTESTED)))
                db.session.remove()
                raw = Raw()
                settle_raw = _raw_settle(raw)
                people = range(members - count + 1, members + 1)
                pairs.append((sum(_each(settle_raw, people)), sum(took)))
                raw.close()
                waits.append(p99(took) * 1000)
    return [
        Finding(
            "H6-settle",
            "settlements ÷ raw transaction, bills/s",
            median_ratio(pairs),
            0.25,
            at_least=True,
            product=f"{statistics.median(count / product for _, product in pairs):,.0f}/s",
            anchor=f"{statistics.median(count / anchor for anchor, _ in pairs):,.0f}/s",
        ),
        Finding("H6-wait", "99th percentile, ms", statistics.median(waits), 50, at_least=False),
        Finding(
            "H6-once",
            f"{CONTENDERS} tills with each of {CONTESTED} bills: counted twice or lost",
            wrong,
            0,
            at_least=False,
        ),
    ]


def _fill(members: int) -> None:
    shop.fill(members)
    earning = programmes.parse("consumption_points", {"per_fen": 100, "points": 1})
    draft = CampaignDraft(code="cp", kind="consumption_points", settings=earning)
    with tenancy.acting_for(shop.merchant_id()):
        lifecycle.start(lifecycle.save(draft, now=shop.NOW).id, now=shop.NOW)


def _through_use_case(people: range) -> list[float]:
    with tenancy.acting_for(shop.merchant_id()):
        return _each(_settle, people)


def _settle(member: int) -> None:
    by, bill = Redeemer("till k01"), _bill(member)
    settle(bill, here=place("s01"), by=by, now=shop.NOW)


def _bill(member: int) -> Bill:
    lines = (
        DishLine(code, BillLine(code, None, quantity, price)) for code, quantity, price in _LINES
    )
    return Bill(
        number=f"B{member}",
        goods=Goods(tuple(lines)),
        tenders=(Tender(Method.CASH, _PAID_FEN),),
        settled_at=shop.NOW,
        member_id=member,
    )


def _contested(app: Flask, people: range) -> int:
    """Every till settles every bill; how many members were then served other than once."""
    merchant_id = shop.merchant_id()
    db.session.remove()

    def settle_all() -> None:
        with app.app_context(), tenancy.acting_for(merchant_id):
            for member in people:
                _settle(member)

    threads = [threading.Thread(target=settle_all) for _ in range(CONTENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tenancy.acting_for(merchant_id):
        served = db.session.scalar(
            select(func.count(Member.id)).where(
                Member.id.in_(people),
                Member.points == _PAID_FEN // 100,
                Member.consumption_fen == _PAID_FEN,
            )
        )
    return len(people) - int(served or 0)


def _raw_settle(raw: Raw) -> Callable[[int], None]:
    """The fewest statements that leave the same rows."""
    now = raw.instant(shop.NOW)
    bill, tender = _Insert(raw, models.Bill, now), _Insert(raw, models.BillTender, now)
    line, spending = _Insert(raw, models.BillLine, now), _Insert(raw, Spending, now)
    entry, lot = _Insert(raw, PointsEntry, now), _Insert(raw, PointsLot, now)
    intent, earned = _Insert(raw, Intent, now), _PAID_FEN // 100
    points = {"kind": "earn", "seq": 1, "change": earned, "balance_after": earned}
    words = {"purpose": "consumption_complete", "state": "due"}

    def settle_raw(member: int) -> None:
        name = f"raw-{member}"
        own = {"merchant_id": 1, "member_id": member, "cause": name}
        with raw.transaction():
            bill_id = bill.run({**own, "store_id": 1, "number": name})
            on_bill = {"merchant_id": 1, "bill_id": bill_id}
            for nth, (dish, quantity, fen) in enumerate(_LINES):
                sold = {"line": nth, "dish": dish, "quantity": quantity, "price_fen": fen}
                line.run({**on_bill, **sold})
            tender.run({**on_bill, "method": "cash", "amount_fen": _PAID_FEN})
            spending.run({**own, "paid_fen": _PAID_FEN})
            entry_id = entry.run({**own, **points})
            lot.run({**own, "points_entry_id": entry_id, "points": earned, "remaining": earned})
            intent.run({**own, **words, "dedupe_key": name})
            raw.run(_MOVED, (earned, _PAID_FEN, now, member))

    return settle_raw


class _Insert:
    """INSERT of one row, spelt once; columns nobody speaks of hold nothing."""

    def __init__(self, raw: Raw, model: type, now: object) -> None:
        table, self._raw = table_of(model), raw
        columns = [column for column in table.columns if column.name != "id"]
        self._defaults = {column.name: _nothing(column, now) for column in columns}
        named = ", ".join(f'"{name}"' for name in self._defaults)
        marks = ", ".join("?" for _ in self._defaults)
        self._sql = f"INSERT INTO {table.name} ({named}) VALUES ({marks}) RETURNING id"

    def run(self, values: dict[str, object]) -> int:
        row = [values.get(name, default) for name, default in self._defaults.items()]
        (row_id,) = self._raw.run(self._sql, row).fetchone()
        return int(row_id)


def _nothing(column: Column[Any], now: object) -> object:
    if column.nullable:
        return None
    if isinstance(column.type, UtcDateTime):
        return now
    if isinstance(column.type, JSON):
        return "{}"
    return 0 if column.type.python_type in (int, bool) else ""


def _each(work: Callable[[int], object], people: range) -> list[float]:
    return [seconds(lambda one=one: work(one)) for one in people]  # type: ignore[misc]
