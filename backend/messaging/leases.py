"""租约: which process works on which due message. One row is one dispatcher's, for a minute.

``due`` with a lease that ran out is offered again. ``sending`` with a lease that ran out may have
reached the person: it becomes ``unknown`` and is never sent again by itself (D-6).
"""

import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, or_, select, update

from backend import deployment
from backend.database import changed, db, end_read, table_of, transactional
from backend.messaging.models import Intent, IntentState

PAUSES = tuple(timedelta(seconds=s) for s in (30, 120, 600, 1800, 3600))
"""Before the second, third … try; machine time."""
MOST_STUMBLES = 5

_NOT_SENT_YET = (IntentState.DUE, IntentState.UNREACHABLE)
_PUT_AWAY_AT_ONCE = 500

_intents = table_of(Intent)


@dataclass(frozen=True)
class Claim:
    """The right to send one message, good while the row still carries the token."""

    intent_id: int
    merchant_id: int
    token: str


def take_due(limit: int, *, machine: datetime, now: datetime) -> list[Claim]:
    """Lease what is due, oldest first; rows that others just lease are passed over."""
    due = _is_due(machine, now)
    return _lease(due, limit, machine) if _any(due) else []


def put_away(*, machine: datetime, now: datetime) -> Counter[str]:
    """What is too late has expired; what was left in the middle is unknown."""
    late = and_(_intents.c.state.in_(_NOT_SENT_YET), _intents.c.not_after <= now)
    lost = and_(_intents.c.state == IntentState.SENDING, _intents.c.lease_until < machine)
    ended: Counter[str] = Counter()
    while _any(late) or _any(lost):
        ended += _put_away(late, lost)
    return ended


def is_any_under_way(*, machine: datetime, now: datetime) -> bool:
    """Whether somebody, here or elsewhere, still works on what was due."""
    leased = and_(_intents.c.state == IntentState.DUE, _intents.c.not_before <= now)
    sending = _intents.c.state == IntentState.SENDING
    return _any(and_(or_(leased, sending), _intents.c.lease_until >= machine))


@transactional
def stumble(claim: Claim, *, machine: datetime) -> bool:
    """Our own fault, before anything was sent: later again, given up after five times."""
    again = _intents.c.tries + 1
    over = again >= MOST_STUMBLES
    return bool(
        changed(
            update(_intents)
            .where(held(claim), _intents.c.state == IntentState.DUE)
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


def held(claim: Claim) -> ColumnElement[bool]:
    """The row, while it is this claim's."""
    return and_(
        _intents.c.merchant_id == claim.merchant_id,
        _intents.c.id == claim.intent_id,
        _intents.c.claim_token == claim.token,
    )


def pause_after(tries: int) -> timedelta:
    """How long to wait after so many tries."""
    return PAUSES[min(tries, len(PAUSES)) - 1]


def _is_due(machine: datetime, now: datetime) -> ColumnElement[bool]:
    return and_(
        _intents.c.state == IntentState.DUE,
        _intents.c.not_before <= now,
        _intents.c.not_after > now,
        or_(_intents.c.retry_at.is_(None), _intents.c.retry_at <= machine),
        or_(_intents.c.lease_until.is_(None), _intents.c.lease_until < machine),
    )


def _any(condition: ColumnElement[bool]) -> bool:
    """A plain read, so that an idle tick takes no writer's lock."""
    found = db.session.connection().execute(select(_intents.c.id).where(condition).limit(1)).first()
    end_read()
    return found is not None


@transactional
def _lease(due: ColumnElement[bool], limit: int, machine: datetime) -> list[Claim]:
    """The SELECT keeps others off where the database can; the token decides in any case."""
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
    token = secrets.token_hex(16)
    changed(
        update(_intents)
        .where(_intents.c.id.in_(ids), due)
        .values(claim_token=token, lease_until=machine + length())
    )
    rows = db.session.connection().execute(
        select(_intents.c.id, _intents.c.merchant_id)
        .where(_intents.c.id.in_(ids), _intents.c.claim_token == token)
        .order_by(_intents.c.not_before, _intents.c.id)
    )
    return [Claim(row.id, row.merchant_id, token) for row in rows]


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
