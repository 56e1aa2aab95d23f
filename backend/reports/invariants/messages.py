"""消息 and 订阅授权: sent at most once, nothing stuck, balances equal to their ledger."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, or_, select, update

from backend.database import table_of
from backend.messaging.models import (
    MARKETING,
    Attempt,
    Consent,
    ConsentEntry,
    Intent,
    IntentState,
    Outcome,
)
from backend.reports.invariants.invariant import Invariant, by

STUCK = timedelta(minutes=5)
"""How long past its lease a message may say 发送中 before somebody should look."""

_intents, _attempts = table_of(Intent), table_of(Attempt)
_consents, _entries = table_of(Consent), table_of(ConsentEntry)

_accepted = (
    select(_attempts.c.intent_id, func.count().label("times"))
    .where(_attempts.c.outcome == Outcome.ACCEPTED)
    .group_by(_attempts.c.intent_id)
    .subquery()
)
_balance = (
    select(func.coalesce(func.sum(_entries.c.change), 0))
    .where(_entries.c.consent_id == _consents.c.id)
    .correlate(_consents)
    .scalar_subquery()
)
_running = func.sum(_entries.c.change).over(
    partition_by=_entries.c.consent_id, order_by=_entries.c.id
)
_ledger = select(_entries.c.id, _entries.c.remaining, _running.label("total")).subquery()


def _stuck(connection: Connection, now: datetime) -> Iterable[int]:
    return list(
        connection.scalars(
            select(_intents.c.id).where(
                _intents.c.state == IntentState.SENDING,
                or_(_intents.c.lease_until.is_(None), _intents.c.lease_until < now - STUCK),
            )
        )
    )


def _rebalance(connection: Connection) -> int:
    return connection.execute(
        update(_consents)
        .where(_consents.c.remaining != _balance, _balance >= 0)
        .values(remaining=_balance)
    ).rowcount


INVARIANTS = (
    Invariant(
        "intent.once",
        "一条消息最多被接受一次（V-25）",
        "intent",
        by(select(_accepted.c.intent_id).where(_accepted.c.times > 1)),
    ),
    Invariant(
        "intent.sent",
        "已发送的消息有被接受的发送记录，其他的没有（V-25）",
        "intent",
        by(
            select(_intents.c.id)
            .outerjoin(_accepted, _accepted.c.intent_id == _intents.c.id)
            .where(
                or_(
                    (_intents.c.state == IntentState.SENT) & _accepted.c.times.is_(None),
                    (_intents.c.state != IntentState.SENT) & _accepted.c.times.is_not(None),
                )
            )
        ),
    ),
    Invariant(
        "intent.unreachable",
        "暂时联系不上的只有通知，没有营销消息（spec/06）",
        "intent",
        by(
            select(_intents.c.id).where(
                _intents.c.state == IntentState.UNREACHABLE,
                or_(_intents.c.purpose.in_(MARKETING), _intents.c.claim_token.is_not(None)),
            )
        ),
    ),
    Invariant("intent.stuck", "没有停在发送中的消息（V-26）", "intent", _stuck),
    Invariant(
        "consent.balance",
        "订阅授权余额等于流水之和",
        "consent",
        by(select(_consents.c.id).where(_consents.c.remaining != _balance)),
        repair=_rebalance,
    ),
    Invariant(
        "consent.ledger",
        "订阅授权流水的余额逐条相接",
        "consent_entry",
        by(select(_ledger.c.id).where(_ledger.c.remaining != _ledger.c.total)),
    ),
)
