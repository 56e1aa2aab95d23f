"""积分流水, 积分批次 and what was used of each."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import (
    BaseModel,
    Id,
    Instant,
    Ref,
    RowId,
    in_merchant,
    one_of,
    table_args,
    within_merchant,
)
from backend.tenancy import MerchantRow


class EntryKind(StrEnum):
    """``join`` moves what an account holds when two members turn out to be one person."""

    EARN = "earn"
    SPEND = "spend"
    ADJUST = "adjust"
    REVERSE = "reverse"
    EXPIRE = "expire"
    JOIN = "join"


class PointsEntry(MerchantRow, BaseModel):
    """积分流水. Append-only, written by ``points/ledger.py`` alone; a member's points are its sum.

    A change of 0 is a reversal that found nothing left to take back.
    """

    __tablename__ = "points_entry"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("merchant_id", "member_id", "seq"),
        UniqueConstraint("merchant_id", "cause"),
        in_merchant("member_id", to="member"),
        one_of("kind", EntryKind),
        CheckConstraint("balance_after >= 0", name="balance_after"),
        Index(None, "merchant_id", "at"),
        Index(None, "merchant_id", "member_id", "id"),
        Index(None, "reverses_id"),
    )
    id: Mapped[Id]
    member_id: Mapped[Ref]
    seq: Mapped[int] = mapped_column(comment="1, 2, 3 … of this member")
    change: Mapped[int]
    balance_after: Mapped[int]
    kind: Mapped[str] = mapped_column(String(10))
    cause: Mapped[str] = mapped_column(String(80), comment="bill-12-earn …: once per merchant")
    reason: Mapped[str] = mapped_column(String(200), default="", comment="of an adjustment")
    actor: Mapped[str] = mapped_column(String(80), default="")
    at: Mapped[Instant]
    request_id: Mapped[str] = mapped_column(String(64), default="")
    reverses_id: Mapped[int | None] = mapped_column(RowId, comment="the entry it reverses")


_LEFT = text("remaining > 0")
"""Used up lots stay for ever, and no clock asks for them; a query says the same 0, unbound."""


class PointsLot(MerchantRow, BaseModel):
    """积分批次. What one entry brought and what is left of it; first in, first out.

    ``owed`` is what a reversal of that entry found already spent: it goes as soon as it comes back
    into this lot, and from nothing else (R-25).
    """

    __tablename__ = "points_lot"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("points_entry_id"),
        in_merchant("member_id", to="member"),
        in_merchant("points_entry_id", to="points_entry"),
        CheckConstraint("remaining between 0 and points", name="remaining"),
        CheckConstraint("owed >= 0", name="owed"),
        Index(None, "merchant_id", "member_id", "earned_at"),
        Index("ix_points_lot_due", "expires_at", sqlite_where=_LEFT, postgresql_where=_LEFT),
        Index(
            "ix_points_lot_due_here",
            "merchant_id",
            "expires_at",
            sqlite_where=_LEFT,
            postgresql_where=_LEFT,
        ),
    )
    id: Mapped[Id]
    member_id: Mapped[Ref]
    points_entry_id: Mapped[Ref]
    points: Mapped[int]
    remaining: Mapped[int]
    owed: Mapped[int] = mapped_column(default=0, comment="欠回积分")
    earned_at: Mapped[Instant]
    expires_at: Mapped[Instant | None] = mapped_column(comment="exclusive; empty: never")
    reminded_at: Mapped[Instant | None] = mapped_column(comment="told that it will expire")


class PointsLotUse(MerchantRow, BaseModel):
    """批次使用. What an entry took from a lot; negative: what it put back."""

    __tablename__ = "points_lot_use"
    __table_args__ = table_args(
        UniqueConstraint("points_entry_id", "lot_id"),
        in_merchant("lot_id", to="points_lot"),
        in_merchant("points_entry_id", to="points_entry"),
        Index(None, "lot_id"),
    )
    id: Mapped[Id]
    lot_id: Mapped[Ref]
    points_entry_id: Mapped[Ref]
    points: Mapped[int]
    at: Mapped[Instant]
