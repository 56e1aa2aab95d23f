"""Idempotency-Key: the first answer again (spec/08). Machine time; kept 72 hours."""

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import BaseModel, Id, Instant, table_args


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
        Text().with_variant(MEDIUMTEXT, "mysql", "mariadb"), default=""
    )
    asked_at: Mapped[Instant]
