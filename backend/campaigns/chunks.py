"""一批中的一块: the next members of a wave, in one transaction of a few set-based statements.

The wave's row and the campaign's are held, so that runners take turns, a pause takes effect
between chunks, and a follow or a budget cannot be counted twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, not_, select, update

from backend import deployment, faults, tenancy
from backend.campaigns import budget, eligibility, granting, offers, queries
from backend.campaigns.crowd import IdRange, PartCrowd, Reason
from backend.campaigns.models import (
    Campaign,
    CampaignState,
    Grant,
    OfferPiece,
    Wave,
    WaveState,
)
from backend.campaigns.programmes import programme_of
from backend.campaigns.programmes.programme import Waves
from backend.campaigns.queries import Calendar
from backend.coupons import make
from backend.database import MetAnother, changed, db, table_of, transactional
from backend.members.models import Member
from backend.messaging import outbox
from backend.messaging.models import Purpose

_members, _grants, _pieces = table_of(Member), table_of(Grant), table_of(OfferPiece)
_waves = table_of(Wave)


def run_chunk(wave_id: int, *, at: datetime) -> bool:
    """Grant to the next members, judged at ``at``. False: done, paused, or no longer to be run."""
    more = _run_chunk(wave_id, at=at)
    faults.point("wave.chunk_committed")
    return more


@dataclass
class Tally:
    """What came of the members a chunk or a preview looked at."""

    matched: int = 0
    granted: int = 0
    told: int = 0
    excluded: dict[str, int] = field(default_factory=dict)

    def exclude(self, reason: str, people: int) -> None:
        """So many people were passed over for this reason."""
        if people:
            self.excluded[reason] = self.excluded.get(reason, 0) + people


@transactional
def _run_chunk(wave_id: int, *, at: datetime) -> bool:
    wave = _held(wave_id)
    if wave is None or wave.state != WaveState.RUNNING:
        return False
    campaign = _held_campaign(wave)
    if campaign.state != CampaignState.RUNNING:
        return False
    tally = Tally()
    up_to = end_of_chunk(wave.cursor_id, wave.last_id)
    if up_to is not None:
        calendar = queries.calendar()
        ids = IdRange(after=wave.cursor_id, up_to=up_to)
        for crowd in eligibility.crowds(campaign, calendar=calendar, ids=ids, at=at):
            kept = replace(crowd, offer=offers.persist(crowd.offer))
            _Granting(wave, campaign, kept, ids, calendar, at).grant(tally)
    is_done = up_to is None or up_to >= wave.last_id
    moved = changed(
        update(_waves)
        .where(
            _waves.c.merchant_id == tenancy.merchant_id(),
            _waves.c.id == wave_id,
            _waves.c.cursor_id == wave.cursor_id,
            _waves.c.state == WaveState.RUNNING,
        )
        .values(
            cursor_id=up_to or wave.last_id,
            matched=_waves.c.matched + tally.matched,
            granted=_waves.c.granted + tally.granted,
            told=_waves.c.told + tally.told,
            excluded=_added(wave.excluded, tally.excluded),
            **({"state": WaveState.DONE.value, "finished_at": at} if is_done else {}),
        )
    )
    if not moved:
        raise MetAnother()
    faults.point("wave.chunk_written")
    return not is_done


def _held(wave_id: int) -> Wave | None:
    return db.session.scalars(
        select(Wave)
        .where(Wave.id == wave_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def _held_campaign(wave: Wave) -> Campaign:
    """The campaign; with all of its kind, where they share their rules."""
    (campaign,) = queries.locked(wave.campaign_id)
    if _waves_of(campaign).shares_rules:
        queries.locked_all(campaign.kind)
    return campaign


def _waves_of(campaign: Campaign) -> Waves[Any]:
    waves = programme_of(campaign.kind).waves
    assert waves is not None, "a wave is of a kind that has waves"
    return waves


def end_of_chunk(cursor_id: int, last_id: int) -> int | None:
    """The id of the last member of the next chunk; None when nobody is left.

    WAVE_CHUNK members: short enough for tills to write in between (performance 1.1).
    """
    ids = (
        select(_members.c.id)
        .where(
            _members.c.merchant_id == tenancy.merchant_id(),
            _members.c.id > cursor_id,
            _members.c.id <= last_id,
        )
        .order_by(_members.c.id)
        .limit(deployment.wave_chunk())
        .subquery()
    )
    end: int | None = db.session.connection().scalar(select(func.max(ids.c.id)))
    return end


def _added(before: Mapping[str, object], more: Mapping[str, int]) -> dict[str, int]:
    names = [reason.value for reason in Reason if reason in before or reason in more]
    return {name: int(str(before.get(name, 0))) + more.get(name, 0) for name in names}


@dataclass(frozen=True)
class _Granting:
    """One part of the campaign, given to one range of members."""

    wave: Wave
    campaign: Campaign
    crowd: PartCrowd
    ids: IdRange
    calendar: Calendar
    at: datetime

    def grant(self, tally: Tally) -> None:
        """Grants, coupons where they are given at once, messages, and who was passed over why."""
        verdicts = self._count_verdicts()
        tally.matched += sum(verdicts.values())
        eligible = verdicts.pop(None, 0)
        for reason, people in verdicts.items():
            tally.exclude(str(reason), people)
        granted = self._write_grants(eligible, tally) if eligible else 0
        tally.granted += granted
        if granted:
            if self.is_given_at_once:
                self._write_coupons()
            tally.told += self._tell()

    @property
    def is_given_at_once(self) -> bool:
        """Straight into the card pack; what else there is waits for login (R-19)."""
        return _waves_of(self.campaign).at_once

    def _count_verdicts(self) -> dict[str | None, int]:
        """How many there are for each reason; None: they are to get it."""
        verdicts = self.crowd.verdicts().where(not_(self._has_grant())).subquery()
        rows = db.session.connection().execute(
            select(verdicts.c.reason, func.count()).group_by(verdicts.c.reason)
        )
        return dict(rows.all())

    def _write_grants(self, eligible: int, tally: Tally) -> int:
        offer = self.crowd.offer
        people = self._ration(eligible, tally)
        if people == 0:
            return 0
        at_once = self.is_given_at_once
        return granting.grant_crowd(
            offer,
            granting.at_once(self.at) if at_once else granting.waits(self.wave.lapses_at),
            cycle=self.wave.cycle,
            wave_id=self.wave.id,
            granted_at=self.wave.planned_at,
            people=partial(self._people, most=people if people < eligible else None),
        )

    def _people(
        self, *columns: ColumnElement[object], most: int | None
    ) -> Select[*tuple[object, ...]]:
        """Who gets it, the first by id where there is not enough for everybody."""
        rows = self.crowd.eligible(*columns).where(not_(self._has_grant()))
        return rows if most is None else rows.order_by(_members.c.id).limit(most)

    def _ration(self, wanted: int, tally: Tally) -> int:
        """For how many of them there is stock and budget, first come by id."""
        allowed = budget.left(self.campaign, zone=self.calendar.zone, at=self.wave.planned_at)
        in_stock = offers.take_stock(self.crowd.offer, wanted)
        people = in_stock if allowed is None else min(in_stock, allowed)
        offers.give_back_stock(self.crowd.offer, in_stock - people)
        tally.exclude(Reason.STOCK, wanted - in_stock)
        tally.exclude(Reason.BUDGET, in_stock - people)
        return people

    def _write_coupons(self) -> None:
        zone = self.calendar.zone
        windows = {
            line.revision_id: line.use_window(claimed_at=self.at, zone=zone)
            for line in self.crowd.offer.lines
        }
        for revision_id, window in windows.items():
            pieces = (
                select(
                    _grants.c.id.label("grant_id"),
                    _pieces.c.piece,
                    _grants.c.member_id,
                    _grants.c.campaign_id,
                    _pieces.c.template_id,
                    _pieces.c.revision_id,
                )
                .join(_pieces, _pieces.c.offer_id == _grants.c.offer_id)
                .where(*self._written(), _pieces.c.revision_id == revision_id)
                .subquery()
            )
            make.from_crowd(pieces, use_window=window, now=self.at)

    def _tell(self) -> int:
        offer, zone = self.crowd.offer, self.calendar.zone
        lasts = outbox.USEFUL
        if self.is_given_at_once:
            purpose, until = Purpose.COUPON_RECEIVED, offer.first_end(claimed_at=self.at, zone=zone)
            facts = offer.facts(until=until, zone=zone)
        else:
            purpose = Purpose.COUPONS_WAITING
            facts = offer.facts(until=self.wave.lapses_at, zone=zone)
            lasts = self._claimable_for()
        people = select(_grants.c.member_id).where(*self._written()).subquery()
        return outbox.queue_for_crowd(
            people, purpose, facts, wave_id=self.wave.id, now=self.at, lasts=lasts
        )

    def _claimable_for(self) -> timedelta:
        """How long coupons that wait are worth a message."""
        until = self.wave.lapses_at
        return outbox.LONGEST if until is None else until - self.at

    def _written(self) -> tuple[ColumnElement[bool], ...]:
        """The grants of this part that this chunk has written."""
        return (
            _grants.c.merchant_id == tenancy.merchant_id(),
            _grants.c.campaign_id == self.campaign.id,
            _grants.c.cycle == self.wave.cycle,
            self.ids.holds(_grants.c.member_id),
            _grants.c.offer_id == self.crowd.offer.id,
        )

    def _has_grant(self) -> ColumnElement[bool]:
        return exists().where(
            _grants.c.merchant_id == tenancy.merchant_id(),
            _grants.c.campaign_id == self.campaign.id,
            _grants.c.cycle == self.wave.cycle,
            _grants.c.member_id == _members.c.id,
            self.ids.holds(_grants.c.member_id),
        )
