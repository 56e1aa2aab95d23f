"""消息租约: which process works on which due message. One row is one dispatcher's, for a minute.

``due`` with a lease that ran out is offered again. ``sending`` with a lease that ran out may have
reached the person: it becomes ``unknown`` and is never sent again by itself (D-6).
"""

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, or_, select, update

from backend import deployment, tenancy
from backend.database import changed, db, table_of, transactional
from backend.leases import Lease, Leases
from backend.messaging.models import Intent, IntentState

PAUSES = tuple(timedelta(seconds=s) for s in (30, 120, 600, 1800, 3600))
"""Before the second, third … try; machine time."""
MOST_STUMBLES = 5

_NOT_SENT_YET = (IntentState.DUE, IntentState.UNREACHABLE)
_PUT_AWAY_AT_ONCE = 500

_intents = table_of(Intent)
messages = Leases(Intent, token="claim_token", until="lease_until")


@tenancy.across_merchants("the dispatcher works off everybody's messages")
def take_due(limit: int, *, machine: datetime, now: datetime) -> list[Lease]:
    """Lease what is due, oldest first; rows that others just lease are passed over."""
    due = _is_due(machine, now)
    return _lease(due, limit, machine) if messages.is_any(due) else []


@tenancy.across_merchants("the dispatcher works off everybody's messages")
def put_away(*, machine: datetime, now: datetime) -> Counter[str]:
    """What is too late has expired; what was left in the middle is unknown."""
    late = and_(_intents.c.state.in_(_NOT_SENT_YET), _intents.c.not_after <= now)
    lost = and_(_intents.c.state == IntentState.SENDING, _intents.c.lease_until < machine)
    ended: Counter[str] = Counter()
    while messages.is_any(late) or messages.is_any(lost):
        ended += _put_away(late, lost)
    return ended


@tenancy.across_merchants("the dispatcher works off everybody's messages")
def is_any_under_way(*, machine: datetime, now: datetime) -> bool:
    """Whether somebody, here or elsewhere, still works on what was due."""
    leased = and_(_intents.c.state == IntentState.DUE, _intents.c.not_before <= now)
    sending = _intents.c.state == IntentState.SENDING
    return messages.is_any(and_(or_(leased, sending), _intents.c.lease_until >= machine))


@transactional
def stumble(lease: Lease, *, machine: datetime) -> bool:
    """Our own fault, before anything was sent: later again, given up after five times."""
    again = _intents.c.tries + 1
    over = again >= MOST_STUMBLES
    return bool(
        changed(
            update(_intents)
            .where(messages.held(lease), _intents.c.state == IntentState.DUE)
            .values(
                tries=again,
                state=case(
                    (over, IntentState.FAILED.value),
                    else_=IntentState.DUE.value,
                ),
                failure="内部错误",
                retry_at=machine + PAUSES[1],
                claim_token=None,
                lease_until=None,
            )
        )
    )


def length() -> timedelta:
    """SEND_LEASE_SECONDS: how long a row is its dispatcher's."""
    return deployment.send_lease()


def _is_due(machine: datetime, now: datetime) -> ColumnElement[bool]:
    return and_(
        _intents.c.state == IntentState.DUE,
        _intents.c.not_before <= now,
        _intents.c.not_after > now,
        or_(_intents.c.retry_at.is_(None), _intents.c.retry_at <= machine),
        or_(_intents.c.lease_until.is_(None), _intents.c.lease_until < machine),
    )


@transactional
def _lease(due: ColumnElement[bool], limit: int, machine: datetime) -> list[Lease]:
    """The SELECT keeps others off where the database can."""
    ids = (
        db.session.connection()
        .scalars(
            select(_intents.c.id)
            .where(due)
            .order_by(_intents.c.not_before, _intents.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        .all()
    )
    return messages.lease(ids, due, until=machine + length())


@transactional
def _put_away(late: ColumnElement[bool], lost: ColumnElement[bool]) -> Counter[str]:
    """So many at a time: what waited for a whole crowd ends at one moment."""
    ends = (
        (late, IntentState.EXPIRED, "过了有效时间"),
        (lost, IntentState.UNKNOWN, "发送中断，结果未知"),
    )
    ended: Counter[str] = Counter()
    for condition, state, words in ends:
        ids = (
            db.session.connection()
            .scalars(select(_intents.c.id).where(condition).limit(_PUT_AWAY_AT_ONCE))
            .all()
        )
        ended[state.value] = changed(
            update(_intents)
            .where(_intents.c.id.in_(ids), condition)
            .values(state=state.value, failure=words, claim_token=None)
        )
    return ended
