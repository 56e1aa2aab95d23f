"""业务时钟. The only place that asks the time.

In production it is the machine's. Elsewhere one anchor (business instant ↔ machine instant) is
kept in the database for the whole deployment; every process follows it within a second.
Leases, nonces, rate limits and retry pauses use ``machine_now`` (spec/08).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import CheckConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from backend import deployment
from backend.calendar import SHANGHAI, local
from backend.database import (
    BaseModel,
    Instant,
    after_commit,
    db,
    table_args,
    table_of,
    transaction,
)
from backend.errors import DomainError

REREAD_SECONDS = 0.5


class ClockCannotGoBack(DomainError):
    code = "CLOCK_BACKWARDS"
    message = "业务时钟不能倒退：现在是{now:%Y-%m-%d %H:%M:%S}"
    http_status = 409


class ClockIsTheMachines(DomainError):
    code = "CLOCK_FIXED"
    message = "正式环境使用机器时间，不能设置业务时钟"
    http_status = 409


class ClockAnchor(BaseModel):
    """业务时钟的锚点: business_at held at machine_at; it runs on from there unless held."""

    __tablename__ = "clock_anchor"
    __table_args__ = table_args(CheckConstraint("id = 1", name="single"))
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    business_at: Mapped[Instant]
    machine_at: Mapped[Instant]
    held: Mapped[bool] = mapped_column(default=False)


@dataclass(frozen=True)
class Anchor:
    """The anchor as read; without one, business time is machine time."""

    business_at: datetime
    machine_at: datetime
    held: bool

    def at(self, machine: datetime) -> datetime:
        """Business time at a machine instant."""
        if self.held:
            return self.business_at
        return self.business_at + (machine - self.machine_at)


def machine_now() -> datetime:
    """The machine's time: for what must not follow a set clock."""
    return datetime.now(UTC)


def now() -> datetime:
    """Business time."""
    if _source is not None:
        return _source()
    machine = machine_now()
    if _production():
        return machine
    anchor = _current_anchor()
    return anchor.at(machine) if anchor else machine


def set_clock(instant: datetime, *, hold: bool = False) -> datetime:
    """Move the business clock forward to ``instant``; ``hold`` makes it stand still there.

    From the very first time: until then the business time is the machine's.
    """
    if _production():
        raise ClockIsTheMachines()
    with transaction():
        row = db.session.get(ClockAnchor, 1)
        machine = machine_now()
        before = Anchor(row.business_at, row.machine_at, row.held).at(machine) if row else machine
        if instant < before:
            raise ClockCannotGoBack(now=local(before, SHANGHAI))
        _put(row, instant, machine, hold=hold)
    return instant


def start_at(instant: datetime, *, nothing_recorded: bool = False) -> None:
    """CLOCK_START: set the clock unless what is recorded already lies later. Where nothing is
    recorded, it may begin in the past."""
    if nothing_recorded and db.session.get(ClockAnchor, 1) is None:
        if _production():
            raise ClockIsTheMachines()
        with transaction():
            _put(None, instant, machine_now(), hold=False)
    elif now() < instant:
        set_clock(instant)


@contextmanager
def told_by(source: Callable[[], datetime]) -> Iterator[None]:
    """Tests: this process reads the time from ``source``."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before


_source: Callable[[], datetime] | None = None


class _Cache:
    anchor: Anchor | None = None
    expires: float = 0.0


_cache = _Cache()


def _put(row: ClockAnchor | None, instant: datetime, machine: datetime, *, hold: bool) -> None:
    row = row or ClockAnchor(id=1)
    row.business_at, row.machine_at, row.held = instant, machine, hold
    db.session.add(row)
    after_commit(_read_anew)


def _read_anew() -> None:
    _cache.expires = 0.0


def _production() -> bool:
    return deployment.is_production()


def _current_anchor() -> Anchor | None:
    if time.monotonic() < _cache.expires:
        return _cache.anchor
    table = table_of(ClockAnchor)
    with db.engine.connect() as connection:
        row = connection.execute(
            select(table.c.business_at, table.c.machine_at, table.c.held)
        ).one_or_none()
    _cache.anchor = Anchor(*row) if row else None
    _cache.expires = time.monotonic() + REREAD_SECONDS
    return _cache.anchor
