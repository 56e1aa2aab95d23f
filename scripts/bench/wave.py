"""H1: a wave of 票券营销 against the raw range INSERT … SELECT of the same rows and indexes.

Both write a grant, a coupon and a message per person, in chunks of WAVE_CHUNK members. The product
also finds the audience, passes over who holds a coupon or was granted this week, and counts.
"""

import statistics
import time
from datetime import timedelta
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import func, select, update

from backend import tenancy
from backend.campaigns import chunks, waves
from backend.campaigns.cadence import due_slot
from backend.campaigns.models import Campaign, Grant, Wave, WaveState
from backend.database import changed, db, table_of, transaction
from backend.members.models import Member
from scripts.bench import shop
from scripts.bench.laboratory import Laboratory
from scripts.bench.ratios import Finding, median_ratio, seconds
from scripts.bench.raw import Raw

_GRANTS = """INSERT INTO coupon_grant (merchant_id, campaign_id, cycle, member_id, offer_id,
 wave_id, quantity, state, granted_at, claimed_at, request_id)
 SELECT 1, ?, 'raw', id, ?, 1, 1, 'claimed', ?, ?, '' FROM member
 WHERE id > ? AND id <= ? AND note = 'e'"""
_COUPONS = """INSERT INTO coupon (merchant_id, grant_id, piece, member_id, campaign_id, template_id,
 revision_id, state, source, valid_from, valid_until, claimed_at)
 SELECT 1, id, 1, member_id, campaign_id, 1, 1, 'usable', 'local', ?, ?, ? FROM coupon_grant
 WHERE campaign_id = ? AND cycle = 'raw' AND member_id > ? AND member_id <= ?"""
_INTENTS = """INSERT INTO intent (merchant_id, member_id, purpose, facts, dedupe_key, state,
 queued_at, not_before, not_after, tries, wave_id, failure)
 SELECT 1, id, 'coupon_received', '{"title": "x", "count": 1, "valid_to": "2026-12-07"}',
 'raw-1-' || id, 'due', ?, ?, ?, 0, 1, '' FROM member WHERE id > ? AND id <= ? AND note = 'e'"""


def run(lab: Laboratory, *, members: int, rounds: int) -> list[Finding]:
    """The wave, its flatness, its re-run and its longest transaction."""
    prepared = lab.prepare(lambda: shop.fill(members))
    pairs, firsts, flats, reruns, longest, people = [], [], [], [], [], 0
    for _ in range(rounds):
        with lab.copy(prepared):
            people, chunk_seconds = _product()
            again, rows = _again()
        with lab.copy(prepared):
            anchor = _anchor(members)
        took = sum(chunk_seconds)
        pairs.append((anchor, took))
        firsts.append(took)
        reruns.append((again / took, rows))
        flats.append(_flatness(chunk_seconds))
        longest.append(max(chunk_seconds) * 1000)
    ratio, product_s = median_ratio(pairs), statistics.median(firsts)
    target = 0.60 if lab.on_sqlite else 0.70
    return [
        Finding(
            "H1-wave",
            f"wave of {members:,} members, {people:,} granted: rows/s",
            ratio,
            target,
            at_least=True,
            product=f"{people / product_s:,.0f} people/s",
            anchor=f"{people / product_s / ratio:,.0f} people/s",
        ),
        Finding("H1-flat", "last ÷ first chunks", statistics.median(flats), 1.3, at_least=False),
        Finding(
            "H1-rerun",
            "the same wave again ÷ first run",
            statistics.median(ratio for ratio, _ in reruns),
            1.2,
            at_least=False,
        ),
        Finding(
            "H1-rerun", "people granted again", max(rows for _, rows in reruns), 0, at_least=False
        ),
        Finding(
            "H1-lock",
            "longest transaction, ms",
            statistics.median(longest),
            200,
            at_least=False,
        ),
    ]


def _product() -> tuple[int, list[float]]:
    """Open the wave that is due and work it off; people granted, seconds of each chunk."""
    with tenancy.acting_for(shop.merchant_id()):
        campaign = db.session.scalars(select(Campaign)).one()
        zone = ZoneInfo("Asia/Shanghai")
        cycle = due_slot(first_started_at=campaign.first_started_at, zone=zone, at=shop.NOW)
        assert cycle is not None
        wave_id = waves.record(campaign, cycle, zone=zone, at=shop.NOW)
        assert wave_id is not None
        took = _work_off(wave_id)
        granted = db.session.scalar(select(func.count(Grant.id)).where(Grant.wave_id == wave_id))
        return granted or 0, took


def _work_off(wave_id: int) -> list[float]:
    took, more = [], True
    while more:
        began = time.perf_counter()
        more = chunks.run_chunk(wave_id, at=shop.NOW)
        took.append(time.perf_counter() - began)
    return took


def _again() -> tuple[float, int]:
    """The finished wave from its beginning: seconds, people granted twice."""
    waves_ = table_of(Wave)
    with tenancy.acting_for(shop.merchant_id()):
        before = db.session.scalar(select(func.count(Grant.id))) or 0
        with transaction():
            ours = waves_.c.merchant_id == shop.merchant_id()
            again = {"state": WaveState.RUNNING.value, "cursor_id": 0}
            changed(update(waves_).where(ours).values(again))
        wave_id = db.session.scalars(select(Wave.id)).one()
        took = sum(_work_off(wave_id))
        return took, (db.session.scalar(select(func.count(Grant.id))) or 0) - before


def _anchor(members: int) -> float:
    with tenancy.acting_for(shop.merchant_id()):
        campaign_id = db.session.scalars(select(Campaign.id)).one()
        last = db.session.scalar(select(func.max(Member.id))) or members
    db.session.remove()
    raw = Raw()
    now, until = raw.instant(shop.NOW), raw.instant(shop.NOW + timedelta(days=15))
    chunk = int(current_app.config["WAVE_CHUNK"])

    def issue() -> None:
        for after in range(0, last, chunk):
            ids = (after, after + chunk)
            with raw.transaction():
                raw.run(_GRANTS, (campaign_id, 1, now, now, *ids))
                raw.run(_COUPONS, (now, until, now, campaign_id, *ids))
                raw.run(_INTENTS, (now, now, until, *ids))

    took = seconds(issue)
    raw.close()
    return took


def _flatness(took: list[float]) -> float:
    """The last chunks against the first ones: 10 of each, or half of them."""
    each = min(10, max(1, len(took) // 2))
    return statistics.median(took[-each:]) / statistics.median(took[:each])
