"""批次数字: what a wave did, or what it would do now (预览), in the same shape."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from backend import tenancy
from backend.campaigns import budget, eligibility, queries, waves
from backend.campaigns.cadence import Cycle
from backend.campaigns.chunks import Tally
from backend.campaigns.crowd import IdRange, PartCrowd, Reason
from backend.campaigns.models import Campaign, Wave, WaveState
from backend.coupons import stock
from backend.database import db, table_of
from backend.members.models import Member
from backend.merchants.models import Merchant
from backend.messaging.models import Intent, IntentState

_members, _intents = table_of(Member), table_of(Intent)

REASONS = (
    Reason.HOLDS_COUPON,
    Reason.GRANTED_THIS_WEEK,
    Reason.ONLINE_ACTIVITY,
    Reason.STOCK,
    Reason.LIMIT,
    Reason.BUDGET,
    Reason.CONTROL_GROUP,
)


@dataclass(frozen=True)
class WaveFigures:
    """One wave: ``matched`` = ``granted`` + all ``excluded``; ``told``: intents written."""

    merchant: str
    campaign: str
    cycle: str
    state: str
    matched: int
    granted: int
    excluded: Mapping[str, int]
    told: int
    failed: int


def preview(at: datetime, *, merchant_id: int | None = None) -> list[WaveFigures]:
    """What would happen at ``at``; waves that ran say what they did. Writes no wave."""
    return [
        of_cycle(merchant, campaign_id, cycle, at=at)
        for merchant, campaign_id, cycle in waves.due_now(at, merchant_id=merchant_id)
    ]


def of_cycle(merchant_id: int, campaign_id: int, cycle: Cycle, *, at: datetime) -> WaveFigures:
    """The figures of one campaign's cycle, done or to come."""
    with tenancy.acting_for(merchant_id):
        campaign = tenancy.find(Campaign, campaign_id)
        assert campaign is not None
        wave = waves.wave_of(campaign_id, cycle.key)
        if wave is not None and wave.state != WaveState.MISSED:
            return of_wave(wave, campaign)
        tally = _foreseen(campaign, cycle, at=at)
        return _figures(campaign, cycle.key, WaveState.PLANNED, tally, failed=0)


def of_wave(wave: Wave, campaign: Campaign) -> WaveFigures:
    """The figures of a wave as it stands."""
    failed = select(func.count()).where(
        _intents.c.merchant_id == tenancy.merchant_id(),
        _intents.c.wave_id == wave.id,
        _intents.c.state == IntentState.FAILED,
    )
    tally = Tally(wave.matched, wave.granted, wave.told)
    for reason, people in wave.excluded.items():
        tally.exclude(reason, int(str(people)))
    return _figures(
        campaign,
        wave.cycle,
        WaveState(wave.state),
        tally,
        failed=int(db.session.connection().scalar(failed) or 0),
    )


def _figures(
    campaign: Campaign, cycle: str, state: WaveState, tally: Tally, *, failed: int
) -> WaveFigures:
    merchant = db.session.get_one(Merchant, campaign.merchant_id)
    return WaveFigures(
        merchant=merchant.code,
        campaign=campaign.code,
        cycle=cycle,
        state=state.value,
        matched=tally.matched,
        granted=tally.granted,
        excluded={reason.value: tally.excluded.get(reason, 0) for reason in REASONS},
        told=tally.told,
        failed=failed,
    )


def _foreseen(campaign: Campaign, cycle: Cycle, *, at: datetime) -> Tally:
    """The same expression over everybody, counted; stock and budget as they are now."""
    calendar = queries.calendar()
    last = select(func.coalesce(func.max(_members.c.id), 0)).where(
        _members.c.merchant_id == tenancy.merchant_id()
    )
    everybody = IdRange(after=0, up_to=int(db.session.connection().scalar(last) or 0))
    allowed = budget.left(campaign, zone=calendar.zone, at=cycle.planned_at)
    tally, left = Tally(), _Left(allowed)
    for crowd in eligibility.crowds(campaign, calendar=calendar, ids=everybody, at=at):
        _foresee(crowd, tally, left)
    return tally


class _Left:
    """Stock and budget that parts before this one have not used up."""

    def __init__(self, budget: int | None) -> None:
        self.budget = budget
        self.pieces: dict[int, int] = {}

    def stock_for(self, people: int, crowd: PartCrowd) -> int:
        """For how many of the people there is stock."""
        for template_id, pieces in crowd.offer.limited_templates.items():
            left = self.pieces.setdefault(template_id, stock.left(template_id) or 0)
            people = min(people, left // pieces)
        return people

    def use(self, people: int, crowd: PartCrowd) -> None:
        """These people get it."""
        for template_id, pieces in crowd.offer.limited_templates.items():
            self.pieces[template_id] -= people * pieces
        if self.budget is not None:
            self.budget -= people


def _foresee(crowd: PartCrowd, tally: Tally, left: _Left) -> None:
    verdicts = crowd.verdicts().subquery()
    counted = select(verdicts.c.reason, func.count()).group_by(verdicts.c.reason)
    eligible = 0
    for reason, people in db.session.connection().execute(counted):
        tally.matched += people
        if reason is None:
            eligible = people
        else:
            tally.exclude(reason, people)
    in_stock = left.stock_for(eligible, crowd)
    granted = in_stock if left.budget is None else min(in_stock, left.budget)
    tally.exclude(Reason.STOCK, eligible - in_stock)
    tally.exclude(Reason.BUDGET, in_stock - granted)
    left.use(granted, crowd)
    tally.granted += granted
    tally.told += granted
