"""Idempotency-Key: the first answer again (spec/08). Machine time; kept 72 hours."""

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Index, String, Text, UniqueConstraint, delete, select, update
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from backend import faults
from backend.clock import machine_now
from backend.database import (
    BaseModel,
    Id,
    Instant,
    changed,
    db,
    end_read,
    table_args,
    table_of,
    transaction,
)
from backend.errors import Conflict
from backend.keys import seal, unseal

KEPT = timedelta(hours=72)
CRASHED_AFTER = timedelta(seconds=90)
WAIT_SECONDS = 5.0


class RememberedAnswer(BaseModel):
    """One keyed request: who, which key, what was asked (hash), and what was answered."""

    __tablename__ = "remembered_answer"
    __table_args__ = table_args(UniqueConstraint("caller", "route", "key"), Index(None, "asked_at"))
    id: Mapped[Id]
    caller: Mapped[str] = mapped_column(String(80))
    route: Mapped[str] = mapped_column(String(160))
    key: Mapped[str] = mapped_column(String(128))
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None] = mapped_column(comment="empty while the first still runs")
    body: Mapped[str] = mapped_column(
        Text().with_variant(MEDIUMTEXT, "mysql", "mariadb"), default="", comment="sealed"
    )
    asked_at: Mapped[Instant]


class IdempotencyConflict(Conflict):
    code = "IDEMPOTENCY_CONFLICT"
    message = "同一个 Idempotency-Key 已用于另一请求"


class IdempotencyRunning(Conflict):
    code = "IDEMPOTENCY_RUNNING"
    message = "同一请求正在处理中，请稍后再试"


@dataclass(frozen=True)
class Asked:
    """What was asked: ``caller``, ``route`` and ``key`` name it, ``body`` must be the same."""

    caller: str
    route: str
    key: str
    body: bytes

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True)
class Turn:
    """The right to run a request: ours until another takes it over (``asked_at`` fences)."""

    row_id: int
    asked_at: datetime


@dataclass(frozen=True)
class FirstAnswer:
    """What the first request was answered."""

    status: int
    body: str


def begin(asked: Asked, *, wait_seconds: float = WAIT_SECONDS) -> Turn | FirstAnswer:
    """Take the turn, or the first one's answer; while the first runs, wait for it a little."""
    deadline = time.monotonic() + wait_seconds
    while True:
        outcome = _take_new(asked) or _meet(asked)
        if outcome is not None:
            return outcome
        if time.monotonic() >= deadline:
            raise IdempotencyRunning()
        time.sleep(0.05)


def remember(turn: Turn, *, status: int, body: str) -> None:
    """Keep the answer of the turn, unless somebody took the turn over."""
    faults.point("keyed.done")
    with transaction():
        changed(update(_answers).where(*_mine(turn)).values(status=status, body=seal(body)))


def forget(turn: Turn) -> None:
    """Give the turn back: the next one with this key runs anew."""
    with transaction():
        changed(delete(_answers).where(*_mine(turn)))


def forget_old(now: datetime) -> int:
    """Delete what is older than 72 hours; ``now`` is the machine's."""
    with transaction():
        return changed(delete(_answers).where(_answers.c.asked_at < now - KEPT))


_answers = table_of(RememberedAnswer)


def _take_new(asked: Asked) -> Turn | None:
    now = machine_now()
    try:
        with transaction():
            row = RememberedAnswer(
                caller=asked.caller,
                route=asked.route,
                key=asked.key,
                fingerprint=asked.fingerprint,
                asked_at=now,
            )
            db.session.add(row)
            db.session.flush()
            return Turn(row.id, now)
    except IntegrityError:
        return None


def _meet(asked: Asked) -> Turn | FirstAnswer | None:
    """What stands under this key: an answer, a turn left behind, or (``None``) somebody at work."""
    row = db.session.execute(
        select(
            _answers.c.id,
            _answers.c.fingerprint,
            _answers.c.status,
            _answers.c.body,
            _answers.c.asked_at,
        ).where(
            _answers.c.caller == asked.caller,
            _answers.c.route == asked.route,
            _answers.c.key == asked.key,
        )
    ).one_or_none()
    end_read()
    if row is None:
        return None
    now = machine_now()
    if row.asked_at + KEPT <= now:
        return _take_over(Turn(row.id, row.asked_at), asked, now)
    if row.fingerprint != asked.fingerprint:
        raise IdempotencyConflict()
    if row.status is not None:
        return FirstAnswer(row.status, unseal(row.body))
    if row.asked_at + CRASHED_AFTER <= now:
        return _take_over(Turn(row.id, row.asked_at), asked, now)
    return None


def _take_over(left: Turn, asked: Asked, now: datetime) -> Turn | None:
    with transaction():
        taken = changed(
            update(_answers)
            .where(*_mine(left))
            .values(asked_at=now, fingerprint=asked.fingerprint, status=None, body="")
        )
    return Turn(left.row_id, now) if taken else None


def _mine(turn: Turn) -> tuple[ColumnElement[bool], ...]:
    return _answers.c.id == turn.row_id, _answers.c.asked_at == turn.asked_at
