"""到期提醒 (S0-26 … S0-29): at 09:00 and 16:00, once per batch of coupons.

票券营销's reminder asks whether the follower has been seen since; the general one, for all other
coupons, is a switch of the merchant with its own number of days. Both are worked off by member
id, each chunk in one transaction with the place where it stopped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import (
    ColumnElement,
    String,
    cast,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.sql import Subquery

from backend import tenancy
from backend.calendar import day_of, last_day_before, start_of_day
from backend.campaigns import cadence, chunks, crowd, queries
from backend.campaigns.cadence import Cycle
from backend.campaigns.crowd import IdRange, People
from backend.campaigns.models import CampaignKind
from backend.coupons.models import Coupon, CouponState, CouponTemplate, TemplateRevision
from backend.coupons.promise import promised_stores
from backend.database import MetAnother, changed, db, end_read, table_of, transactional
from backend.members.models import Identity, Member
from backend.merchants.house import house
from backend.merchants.models import Merchant, Store
from backend.merchants.subscription import is_subscribed, subscribed
from backend.messaging import outbox
from backend.messaging.models import Intent, Purpose, ReminderRun
from backend.messaging.settings import MessageSettings

DAYS_BEFORE = 7
"""券到期前 7 天 (S0-27, R-05): last day − today, in natural days."""

_coupons, _members, _identities = table_of(Coupon), table_of(Member), table_of(Identity)
_intents, _runs, _merchants = table_of(Intent), table_of(ReminderRun), table_of(Merchant)


def run(at: datetime) -> int:
    """Work off the reminders of the slot that ``at`` lies in, for every merchant whose are not
    done; how many messages were written. Outside 营销包年 there are none."""
    told = 0
    for merchant_id, cycle in due(at):
        with tenancy.acting_for(merchant_id):
            run_id = _opened(cycle, at)
            while (more := _run_chunk(run_id, at)) is not None:
                told += more
    return told


@tenancy.across_merchants("the tick looks whose reminders are due")
def due(at: datetime) -> list[tuple[int, Cycle]]:
    """(merchant, slot) of all reminders to be worked off at ``at``."""
    end_read()
    return [
        (merchant_id, slot) for zone, slot in _slots(at) for merchant_id in _waiting(zone, slot, at)
    ]


@dataclass(frozen=True)
class _Batch:
    """Coupons of one kind that expire on one day, so many a person: one message's facts."""

    revision_id: int
    valid_until: datetime
    pieces: int


def _slots(at: datetime) -> Iterator[tuple[str, Cycle]]:
    """The zones of our merchants where it is between a slot and the end of its catch-up."""
    zones = db.session.connection().scalars(select(_merchants.c.zone).distinct()).all()
    for zone in zones:
        if slot := cadence.due_slot(first_started_at=None, zone=ZoneInfo(zone), at=at):
            yield zone, slot


def _waiting(zone: str, slot: Cycle, at: datetime) -> list[int]:
    is_done = exists().where(
        _runs.c.merchant_id == _merchants.c.id,
        _runs.c.cycle == slot.key,
        _runs.c.finished_at.is_not(None),
    )
    return list(
        db.session.connection().scalars(
            select(_merchants.c.id)
            .where(
                _merchants.c.zone == zone,
                not_(is_done),
                subscribed(_merchants.c.id, on=day_of(at, ZoneInfo(zone))),
            )
            .order_by(_merchants.c.id)
        )
    )


@transactional
def _opened(cycle: Cycle, at: datetime) -> int:
    known = db.session.scalar(select(ReminderRun.id).where(ReminderRun.cycle == cycle.key))
    if known is not None:
        return known
    last_id = db.session.scalar(select(func.max(Member.id))) or 0
    run = ReminderRun(cycle=cycle.key, last_id=last_id, opened_at=at)
    db.session.add(run)
    db.session.flush()
    return run.id


@transactional
def _run_chunk(run_id: int, at: datetime) -> int | None:
    """Remind the next members; None when nobody is left."""
    run = db.session.scalars(
        select(ReminderRun)
        .where(ReminderRun.id == run_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if run.finished_at is not None:
        return None
    up_to = chunks.end_of_chunk(run.cursor_id, run.last_id)
    told = 0 if up_to is None else _remind(IdRange(run.cursor_id, up_to), at)
    moved = changed(
        update(_runs)
        .where(_runs.c.id == run_id, _runs.c.cursor_id == run.cursor_id)
        .where(_runs.c.merchant_id == tenancy.merchant_id())
        .values(
            cursor_id=up_to or run.last_id,
            told=_runs.c.told + told,
            finished_at=at if up_to is None or up_to >= run.last_id else None,
        )
    )
    if not moved:
        raise MetAnother()
    return told


def _remind(ids: IdRange, at: datetime) -> int:
    calendar = queries.calendar()
    people = crowd.people(calendar=calendar, ids=ids, at=at)
    plans = crowd.class_marketing_plans()
    expiring = house().settings(MessageSettings).expiring
    told = 0
    today, kind = day_of(at, calendar.zone), CampaignKind.CLASS_MARKETING
    if plans and is_subscribed(tenancy.merchant_id(), on=today, kind=kind):
        unseen = _unseen(people, quiet_days=house().reminder_quiet_days)
        told += _tell(people, DAYS_BEFORE, [_coupons.c.campaign_id.in_(plans), *unseen])
    if expiring.on:
        told += _tell(people, expiring.days, [_coupons.c.campaign_id.not_in(plans)])
    return told


def _unseen(people: People, *, quiet_days: int) -> list[ColumnElement[bool]]:
    """就餐通知 (R-04): follows, has not consumed since receiving the coupon, nor been in touch with
    the account for a while, was given nothing this week and is in no online activity."""
    in_touch = people.has(
        _identities,
        _identities.c.followed_at.is_not(None),
        _identities.c.interacted_at > people.at - timedelta(days=quiet_days),
    )
    return [
        _members.c.follows.is_(True),
        or_(
            _members.c.last_consumed_at.is_(None),
            _members.c.last_consumed_at < _coupons.c.claimed_at,
        ),
        not_(in_touch),
        *(not_(busy) for _, busy in people.busy_this_week),
    ]


def _tell(people: People, days: int, conditions: list[ColumnElement[bool]]) -> int:
    """One message for each person and batch, a statement for those with the same facts."""
    first = _first_of_each_batch(people, days, conditions)
    kinds = db.session.connection().execute(
        select(first.c.revision_id, first.c.valid_until, first.c.pieces)
        .distinct()
        .order_by(first.c.valid_until, first.c.revision_id, first.c.pieces)
    )
    told = 0
    for batch in [_Batch(*row) for row in kinds]:
        same = select(first.c.member_id, first.c.dedupe_key).where(
            first.c.revision_id == batch.revision_id,
            first.c.valid_until == batch.valid_until,
            first.c.pieces == batch.pieces,
        )
        told += outbox.queue_for_crowd(
            same.subquery(),
            Purpose.COUPON_EXPIRING,
            _facts(batch, people.calendar.zone),
            now=people.at,
            lasts=batch.valid_until - people.at,
        )
    return told


def _first_of_each_batch(
    people: People, days: int, conditions: list[ColumnElement[bool]]
) -> Subquery:
    """Of each grant in somebody's hands the coupon that expires first, not yet reminded of."""
    zone, at = people.calendar.zone, people.at
    holder = people.holders()
    key = (
        literal("reminder-")
        + cast(_coupons.c.grant_id, String(20))
        + literal("-")
        + cast(_members.c.id, String(20))
    )
    reminded = exists().where(
        _intents.c.merchant_id == tenancy.merchant_id(), _intents.c.dedupe_key == key
    )
    batch = (_coupons.c.grant_id, _members.c.id)
    soonest = (_coupons.c.valid_until, _coupons.c.id)
    ranked = (
        select(
            _members.c.id.label("member_id"),
            key.label("dedupe_key"),
            _coupons.c.revision_id,
            _coupons.c.valid_until,
            func.row_number().over(partition_by=batch, order_by=soonest).label("place"),
            func.count().over(partition_by=batch).label("pieces"),
        )
        .select_from(holder)
        .join(_members, _members.c.id == holder.c.person_id)
        .join(_coupons, _coupons.c.member_id == holder.c.id)
        .where(
            *people.addressable,
            tenancy.owner(_coupons) == tenancy.merchant_id(),
            crowd.in_hand(_coupons),
            _coupons.c.state == CouponState.USABLE,
            _coupons.c.valid_from <= at,
            _coupons.c.valid_until > at,
            _coupons.c.valid_until
            <= start_of_day(day_of(at, zone) + timedelta(days=days + 1), zone),
            *conditions,
            not_(reminded),
        )
        .subquery()
    )
    return select(ranked).where(ranked.c.place == 1).subquery()


def _facts(batch: _Batch, zone: ZoneInfo) -> dict[str, JsonValue]:
    """Which coupon, until when, where."""
    title, promised, now = db.session.execute(
        select(TemplateRevision.title, TemplateRevision.stores, CouponTemplate.stores)
        .join(CouponTemplate, CouponTemplate.id == TemplateRevision.template_id)
        .where(TemplateRevision.id == batch.revision_id)
    ).one()
    facts: dict[str, JsonValue] = {
        "title": title,
        "count": batch.pieces,
        "valid_to": last_day_before(batch.valid_until, zone).isoformat(),
    }
    if (codes := promised_stores(promised, now)) is not None:
        facts["store"] = _store_names(sorted(codes))
    return facts


def _store_names(codes: list[str]) -> str:
    names = db.session.scalars(select(Store.name).where(Store.code.in_(codes)).order_by(Store.id))
    return "、".join(f"{name.removesuffix('店')}店" for name in names)
