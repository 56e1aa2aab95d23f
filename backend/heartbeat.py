"""心跳. The scheduler's sign of life, kept in the database (readiness asks for it)."""

from datetime import datetime, timedelta

from sqlalchemy import String, update
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import BaseModel, Instant, changed, db, table_args, table_of, transaction

STALE = timedelta(seconds=30)


class Heartbeat(BaseModel):
    """One row per named process kind; machine time."""

    __tablename__ = "heartbeat"
    __table_args__ = table_args()
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    beaten_at: Mapped[Instant]


def beat(name: str, *, now: datetime) -> None:
    """``name`` lives at ``now`` (machine time)."""
    with transaction():
        table = table_of(Heartbeat)
        if not changed(update(table).where(table.c.name == name).values(beaten_at=now)):
            db.session.add(Heartbeat(name=name, beaten_at=now))


def is_stale(name: str, *, now: datetime) -> bool:
    """Whether ``name`` has been silent for too long, or was never heard."""
    row = db.session.get(Heartbeat, name)
    return row is None or now - row.beaten_at > STALE
