"""Idempotency-Key: the first answer again (spec/08). Machine time; kept 72 hours.

The answer is written in the effect's own transaction (``once``): whenever the process dies, both
stand or neither. Where an effect cannot be one transaction, since it asks WeChat in the middle or
is several, it is single by a key of its own, and the request takes turns (``in_turn``).
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Index,
    String,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.exc import DBAPIError, IntegrityError
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
    tried_again,
)
from backend.dialects import WAIT_SECONDS, is_busy
from backend.errors import Conflict
from backend.keys import seal, unseal

KEPT = timedelta(hours=72)
CRASHED_AFTER = timedelta(seconds=90)


_RUNNING = text("status is null")


class RememberedAnswer(BaseModel):
    """One keyed request: who, which key, what was asked (hash), and what was answered."""

    __tablename__ = "remembered_answer"
    __table_args__ = table_args(
        UniqueConstraint("caller", "route", "key"),
        Index(None, "asked_at"),
        Index(
            "ix_remembered_answer_running",
            "status",
            "asked_at",
            sqlite_where=_RUNNING,
            postgresql_where=_RUNNING,
        ),
    )
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

    @property
    def name(self) -> str:
        """The key's, whatever is asked under it."""
        named = "\n".join((self.caller, self.route, self.key))
        return hashlib.sha256(named.encode()).hexdigest()


@dataclass(frozen=True)
class Said:
    """What a request is answered; ``again``: what the first one was."""

    status: int
    body: str
    again: bool = False


class Refusal(Exception):
    """The work's answer where nothing was done: what it wrote is undone, the answer is kept."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.status)
        self.said = said


Work = Callable[[], Said]
"""Does it and says the answer to keep; ``Refusal`` keeps one without an effect, any other
exception keeps nothing."""


def once(asked: Asked, work: Work) -> Said:
    """The first one's answer; else the work and its answer in one transaction.

    Of two at once the second waits for the first on the unique key and finds its answer;
    IdempotencyRunning after 5 seconds. On SQLite it waits in the writers' queue, where the first
    goes by its name, and is told Busy with it.
    """

    def one() -> Said:
        standing = _standing(asked)
        if standing is not None and standing.answer is not None:
            return standing.answer
        with transaction():
            turn = _take(asked, instead_of=standing)
            said = work()
            _keep(turn, said)
        return said

    try:
        return tried_again(one)
    except Refusal as refusal:
        return _keep_refusal(asked, refusal.said)


def in_turn(asked: Asked, work: Work, *, wait_seconds: float = WAIT_SECONDS) -> Said:
    """The first one's answer; else the work, whose effect has a key of its own, one at a time.

    While another one is at it, its answer is waited for; a turn left by a crash is taken over.
    """
    turn = begin(asked, wait_seconds=wait_seconds)
    if isinstance(turn, Said):
        return turn
    try:
        said = work()
    except Refusal as refusal:
        said = refusal.said
    except Exception:
        forget(turn)
        raise
    remember(turn, said)
    return said


@dataclass(frozen=True)
class Turn:
    """The right to run a request: ours until another takes it over (``asked_at`` fences)."""

    row_id: int
    asked_at: datetime


def begin(asked: Asked, *, wait_seconds: float = WAIT_SECONDS) -> Turn | Said:
    """Take the turn, or the first one's answer; while the first runs, wait for it a little."""
    deadline = time.monotonic() + wait_seconds
    while True:
        outcome = _take_new(asked) or _meet(asked)
        if outcome is not None:
            return outcome
        if time.monotonic() >= deadline:
            raise IdempotencyRunning()
        time.sleep(0.05)


def remember(turn: Turn, said: Said) -> None:
    """Keep the answer of the turn, unless somebody took the turn over."""
    faults.point("keyed.done")
    with transaction():
        _keep(turn, said)


def forget(turn: Turn) -> None:
    """Give the turn back: the next one with this key runs anew."""
    with transaction():
        changed(delete(_answers).where(*_mine(turn)))


def forget_old(now: datetime) -> int:
    """Delete what is older than 72 hours, and the turns that a crash left: the next one with the
    key runs anew, as it would have by taking over. ``now`` is the machine's."""
    left = _answers.c.status.is_(None) & (_answers.c.asked_at < now - CRASHED_AFTER)
    with transaction():
        old = changed(delete(_answers).where(_answers.c.asked_at < now - KEPT))
        return old + changed(delete(_answers).where(left))


_answers = table_of(RememberedAnswer)


@dataclass(frozen=True)
class _Standing:
    """What stands under a key: an answer, or a turn; neither counts once it is ``over``."""

    turn: Turn
    answer: Said | None
    over: bool


def _standing(asked: Asked) -> _Standing | None:
    """IdempotencyConflict: the key stands for another request."""
    row = (
        db.session.connection()
        .execute(
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
        )
        .one_or_none()
    )
    end_read()
    if row is None:
        return None
    turn, age = Turn(row.id, row.asked_at), machine_now() - row.asked_at
    if age >= KEPT:
        return _Standing(turn, None, over=True)
    if row.fingerprint != asked.fingerprint:
        raise IdempotencyConflict()
    if row.status is None:
        return _Standing(turn, None, over=age >= CRASHED_AFTER)
    return _Standing(turn, Said(row.status, unseal(row.body), again=True), over=False)


def _take(asked: Asked, *, instead_of: _Standing | None = None) -> Turn:
    """A row of ours, in the open transaction; whoever has the key holds us up until they end."""
    now = machine_now()
    if instead_of is not None:
        changed(delete(_answers).where(*_mine(instead_of.turn)))
    try:
        written = db.session.connection().execute(
            insert(_answers).values(
                caller=asked.caller,
                route=asked.route,
                key=asked.key,
                fingerprint=asked.fingerprint,
                body="",
                asked_at=now,
            )
        )
    except DBAPIError as error:
        if is_busy(error):
            raise IdempotencyRunning() from error
        raise
    (row_id,) = written.inserted_primary_key or (0,)
    return Turn(int(row_id), now)


def _keep(turn: Turn, said: Said) -> None:
    kept = {"status": said.status, "body": seal(said.body)}
    changed(update(_answers).where(*_mine(turn)).values(kept))


def _keep_refusal(asked: Asked, said: Said) -> Said:
    """Nothing was done: nothing is lost when we die before this. Another one's answer that came
    to stand meanwhile is the first."""

    def one() -> Said:
        standing = _standing(asked)
        if standing is not None and standing.answer is not None:
            return standing.answer
        with transaction():
            _keep(_take(asked, instead_of=standing), said)
        return said

    return tried_again(one)


def _take_new(asked: Asked) -> Turn | None:
    try:
        with transaction():
            return _take(asked)
    except IntegrityError:
        return None


def _meet(asked: Asked) -> Turn | Said | None:
    """The answer, a turn that is over and now ours, or (``None``) somebody at work."""
    standing = _standing(asked)
    if standing is None:
        return None
    if standing.answer is not None:
        return standing.answer
    return _take_over(standing.turn, asked) if standing.over else None


def _take_over(left: Turn, asked: Asked) -> Turn | None:
    now = machine_now()
    with transaction():
        taken = changed(
            update(_answers)
            .where(*_mine(left))
            .values(asked_at=now, fingerprint=asked.fingerprint, status=None, body="")
        )
    return Turn(left.row_id, now) if taken else None


def _mine(turn: Turn) -> tuple[ColumnElement[bool], ...]:
    return _answers.c.id == turn.row_id, _answers.c.asked_at == turn.asked_at
