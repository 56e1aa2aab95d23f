"""发券批次: opened once per campaign and cycle, worked off in chunks, each its own transaction.

A chunk moves the wave's cursor in the transaction in which it grants: two runners share a wave,
a killed one leaves it where it stopped, nothing is granted twice.
"""

import logging
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, aliased

from backend import faults, tenancy
from backend.calendar import parse_date, start_of_day
from backend.campaigns import chunks, queries, schedule
from backend.campaigns.cadence import Cycle
from backend.campaigns.models import (
    Campaign,
    CampaignRun,
    CampaignState,
    Wave,
    WaveState,
)
from backend.campaigns.programmes import WAVE_KINDS
from backend.campaigns.running import is_paid_for
from backend.database import changed, db, end_read, table_of, transactional
from backend.members.models import Member
from backend.merchants.models import Merchant

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=40)
"""How far back cycles that nobody ran are still recorded as missed."""

_MOMENT = timedelta(microseconds=1)

_waves, _campaigns, _runs = table_of(Wave), table_of(Campaign), table_of(CampaignRun)


def open_due(at: datetime) -> list[int]:
    """Open every cycle due at ``at``, of all merchants; answers the new waves in running order.

    A cycle that fell due while its campaign was paused or its merchant not subscribed is passed
    over. One whose catch-up is over is recorded as missed, with an alarm, and not run (R-18).
    """
    opened = []
    for campaign, zone, last_cycle in _campaigns_in(CampaignState.RUNNING):
        for cycle in _unrecorded(campaign, zone, last_cycle, at):
            with tenancy.acting_for(campaign.merchant_id):
                if not may_run(campaign, cycle, zone):
                    continue
                wave_id = record(campaign, cycle, zone=zone, at=at)
                if wave_id is not None and cycle.is_due(at):
                    opened.append(wave_id)
    _close_paused(at)
    return opened


def pass_over_due(at: datetime) -> int:
    """After a restore: cycles due or under way may have been given, and told, since the backup.
    They stand as missed until somebody runs them by name (``waves run``); how many."""
    passed = 0
    for campaign, zone, last_cycle in _campaigns_in(CampaignState.RUNNING):
        for cycle in _unrecorded(campaign, zone, last_cycle, at):
            with tenancy.acting_for(campaign.merchant_id):
                if may_run(campaign, cycle, zone):
                    made = _record(campaign, cycle, WaveState.MISSED, zone=zone, at=at)
                    passed += made is not None
    with tenancy.across_merchants("after a restore the waves of all merchants stand still"):
        return passed + _stop_all(at)


def due_now(at: datetime, *, merchant_id: int | None = None) -> list[tuple[int, int, Cycle]]:
    """(merchant, campaign, cycle) of all that is due at ``at``, recorded or not, in order; what
    has been run stands here also when its campaign was paused or ended since."""
    found = []
    for campaign, zone, _ in _campaigns_in(*CampaignState, merchant_id=merchant_id):
        cycle = schedule.due(campaign, zone=zone, at=at)
        if cycle is None:
            continue
        with tenancy.acting_for(campaign.merchant_id):
            is_running = campaign.state == CampaignState.RUNNING
            if (is_running and may_run(campaign, cycle, zone)) or _was_run(campaign, cycle):
                found.append((campaign.merchant_id, campaign.id, cycle))
    return found


def may_run(campaign: Campaign, cycle: Cycle, zone: ZoneInfo) -> bool:
    """Whether the campaign was running, and its kind subscribed, at the planned instant."""
    was_running = select(_runs.c.id).where(
        _runs.c.merchant_id == tenancy.merchant_id(),
        _runs.c.campaign_id == campaign.id,
        _runs.c.started_at <= cycle.planned_at,
        or_(_runs.c.stopped_at.is_(None), _runs.c.stopped_at > cycle.planned_at),
    )
    return db.session.connection().execute(was_running.limit(1)).first() is not None and (
        is_paid_for(campaign.kind, at=cycle.planned_at, zone=zone)
    )


def record(campaign: Campaign, cycle: Cycle, *, zone: ZoneInfo, at: datetime) -> int | None:
    """The wave of this cycle, made once: running when due, else missed. None: it was there."""
    state = WaveState.RUNNING if cycle.is_due(at) else WaveState.MISSED
    wave_id = _record(campaign, cycle, state, zone=zone, at=at)
    if wave_id is not None and state is WaveState.MISSED:
        log.error(
            "A wave was missed",
            extra={"campaign_id": campaign.id, "cycle": cycle.key, "wave_id": wave_id},
        )
    faults.point("wave.opened")
    return wave_id


@transactional
def open_one(campaign_id: int, cycle: Cycle, *, at: datetime) -> int:
    """The wave of a cycle that somebody asks for by name; a missed one may run after all."""
    campaign, zone = tenancy.find(Campaign, campaign_id), queries.calendar().zone
    assert campaign is not None
    record(campaign, cycle, zone=zone, at=at)
    changed(
        update(_waves)
        .where(
            _waves.c.merchant_id == tenancy.merchant_id(),
            _waves.c.campaign_id == campaign_id,
            _waves.c.cycle == cycle.key,
            _waves.c.state == WaveState.MISSED,
        )
        .values(
            state=WaveState.RUNNING.value,
            started_at=at,
            finished_at=None,
            lapses_at=schedule.claim_until(campaign, cycle.planned_at, zone=zone),
        )
    )
    wave = wave_of(campaign_id, cycle.key)
    assert wave is not None
    return wave.id


def run(wave_id: int, *, at: datetime, seconds: float | None = None) -> bool:
    """Work the wave off, chunk by chunk, judging members at ``at``; True once nothing is left.

    It lets waves of the same minute that come before it go first, and stops within a chunk when
    its campaign is paused. After ``seconds`` it leaves the rest to another run.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    if _goes_after_another(wave_id):
        return False
    while chunks.run_chunk(wave_id, at=at):
        if deadline is not None and time.monotonic() > deadline:
            return False
    return not _is_unfinished(wave_id)


def can_go_on(wave_id: int) -> bool:
    """Whether the wave has more to do and its campaign still runs."""
    return (tenancy.merchant_id(), wave_id) in unfinished()


def unfinished() -> list[tuple[int, int]]:
    """(merchant, wave) of every wave that has more to do, in running order."""
    with tenancy.across_merchants("the tick looks for waves that wait for a worker"):
        rows = db.session.connection().execute(
            select(_waves.c.merchant_id, _waves.c.id)
            .join(_campaigns, _campaigns.c.id == _waves.c.campaign_id)
            .where(_waves.c.state == WaveState.RUNNING, _campaigns.c.state == CampaignState.RUNNING)
            .order_by(_waves.c.planned_at, _place_of(_campaigns.c.kind), _waves.c.id)
        )
        return [(row.merchant_id, row.id) for row in rows]


def wave_of(campaign_id: int, cycle: str) -> Wave | None:
    """The wave of this cycle as it stands."""
    return db.session.scalars(
        select(Wave)
        .where(Wave.campaign_id == campaign_id, Wave.cycle == cycle)
        .execution_options(populate_existing=True)
    ).one_or_none()


@transactional
def _record(
    campaign: Campaign, cycle: Cycle, state: WaveState, *, zone: ZoneInfo, at: datetime
) -> int | None:
    if wave_of(campaign.id, cycle.key) is not None:
        return None
    wave = Wave(
        campaign_id=campaign.id,
        cycle=cycle.key,
        planned_at=cycle.planned_at,
        catch_up_until=cycle.catch_up_until,
        lapses_at=schedule.claim_until(campaign, cycle.planned_at, zone=zone),
        state=state.value,
        last_id=db.session.scalar(select(func.max(Member.id))) or 0,
        started_at=at,
        finished_at=at if state is WaveState.MISSED else None,
    )
    db.session.add(wave)
    db.session.flush()
    return wave.id


def _was_run(campaign: Campaign, cycle: Cycle) -> bool:
    wave = wave_of(campaign.id, cycle.key)
    return wave is not None and wave.state != WaveState.MISSED


def _campaigns_in(
    *states: CampaignState, merchant_id: int | None = None
) -> list[tuple[Campaign, ZoneInfo, str | None]]:
    """Every campaign of a kind with waves, its zone and the key of its newest wave."""
    newest = select(func.max(Wave.cycle)).where(Wave.campaign_id == Campaign.id).scalar_subquery()
    wanted = (
        select(Campaign, Merchant.zone, newest)
        .join(Merchant, Merchant.id == Campaign.merchant_id)
        .where(Campaign.state.in_(states), Campaign.kind.in_(WAVE_KINDS))
        .order_by(_place_of(Campaign.kind), Campaign.id)
    )
    if merchant_id is not None:
        wanted = wanted.where(Campaign.merchant_id == merchant_id)
    end_read()
    with tenancy.across_merchants("the tick looks which cycles of all merchants are due"):
        rows = db.session.execute(wanted).all()
        for campaign, _, _ in rows:
            db.session.expunge(campaign)
    return [(campaign, ZoneInfo(zone), cycle) for campaign, zone, cycle in rows]


def _unrecorded(
    campaign: Campaign, zone: ZoneInfo, last_cycle: str | None, at: datetime
) -> list[Cycle]:
    """Cycles planned by ``at`` and later than the newest wave."""
    after = at - LOOK_BACK
    if last_cycle is not None:
        after = max(after, start_of_day(parse_date(last_cycle[:10]), zone))
    planned = schedule.planned(campaign, zone=zone, after=after, until=at + _MOMENT)
    return [cycle for cycle in planned if last_cycle is None or cycle.key > last_cycle]


def _close_paused(at: datetime) -> None:
    """A wave whose campaign was paused under way, and not started again in time, is over."""
    stopped = (
        select(_waves.c.merchant_id, _waves.c.id)
        .join(_campaigns, _campaigns.c.id == _waves.c.campaign_id)
        .where(
            _waves.c.state == WaveState.RUNNING,
            _waves.c.catch_up_until <= at,
            _campaigns.c.state != CampaignState.RUNNING,
        )
    )
    with tenancy.across_merchants("paused waves of all merchants come to an end"):
        found = db.session.connection().execute(stopped).all()
    for merchant_id, wave_id in found:
        with tenancy.acting_for(merchant_id):
            _close(wave_id, at)


@transactional
def _close(wave_id: int, at: datetime) -> None:
    changed(
        update(_waves)
        .where(
            _waves.c.merchant_id == tenancy.merchant_id(),
            _waves.c.id == wave_id,
            _waves.c.state == WaveState.RUNNING,
        )
        .values(state=WaveState.DONE.value, finished_at=at)
    )


@transactional
def _stop_all(at: datetime) -> int:
    return changed(
        update(_waves)
        .where(_waves.c.state == WaveState.RUNNING)
        .values(state=WaveState.MISSED.value, finished_at=at)
    )


def _goes_after_another(wave_id: int) -> bool:
    """Whether a wave of the same merchant and minute, of a kind that comes first, is not done."""
    mine, before = aliased(Wave), aliased(Wave)
    my_campaign, its_campaign = aliased(Campaign), aliased(Campaign)
    first = (
        select(before.id)
        .join(its_campaign, its_campaign.id == before.campaign_id)
        .join(mine, mine.planned_at == before.planned_at)
        .join(my_campaign, my_campaign.id == mine.campaign_id)
        .where(
            mine.id == wave_id,
            before.state == WaveState.RUNNING,
            its_campaign.state == CampaignState.RUNNING,
            _place_of(its_campaign.kind) < _place_of(my_campaign.kind),
        )
    )
    return db.session.execute(first.limit(1)).first() is not None


def _is_unfinished(wave_id: int) -> bool:
    state = db.session.connection().scalar(
        select(_waves.c.state).where(
            _waves.c.merchant_id == tenancy.merchant_id(), _waves.c.id == wave_id
        )
    )
    return state == WaveState.RUNNING


def _place_of(kind: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[int]:
    places = {name.value: place for place, name in enumerate(WAVE_KINDS)}
    return case(places, value=kind, else_=len(places))
