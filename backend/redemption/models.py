"""核销记录, and what a mall is to be told of them."""

from enum import StrEnum

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import (
    BaseModel,
    Fen,
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

_UNDONE = text("undone_at is not null")


class Redemption(MerchantRow, BaseModel):
    """核销. ``live_key`` is the coupon's id while it stands and empty once undone: at most one
    live redemption per coupon, by the schema."""

    __tablename__ = "redemption"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("live_key"),
        in_merchant("store_id", to="store"),
        Index(None, "coupon_id"),
        Index(None, "member_id", "store_id"),
        Index(None, "merchant_id", "at"),
        Index(
            "ix_redemption_undone",
            "merchant_id",
            "undone_at",
            sqlite_where=_UNDONE,
            postgresql_where=_UNDONE,
        ),
        Index(None, "merchant_id", "verifier_id", "id"),
        Index(None, "merchant_id", "verifier_id", "at"),
        Index(None, "bill_id"),
    )
    id: Mapped[Id]
    coupon_id: Mapped[Ref]
    live_key: Mapped[int | None] = mapped_column(RowId)
    campaign_id: Mapped[Ref]
    member_id: Mapped[Ref]
    store_id: Mapped[Ref]
    verifier_id: Mapped[int | None] = mapped_column(RowId)
    bill_id: Mapped[int | None] = mapped_column(RowId)
    reduction_fen: Mapped[Fen | None]
    at: Mapped[Instant]
    by: Mapped[str] = mapped_column(String(80), comment="who: verifier's or till's name")
    request_id: Mapped[str] = mapped_column(String(64), default="")
    undone_at: Mapped[Instant | None]
    undone_by: Mapped[str] = mapped_column(String(80), default="")
    undo_reason: Mapped[str] = mapped_column(String(200), default="")


class ReportKind(StrEnum):
    REDEEMED = "redeemed"
    UNDONE = "undone"


class ReportState(StrEnum):
    """``waiting`` is tried again with growing pauses; ``failed``: given up, staff see it."""

    WAITING = "waiting"
    SENDING = "sending"
    TAKEN = "taken"
    FAILED = "failed"


class VoucherReport(MerchantRow, BaseModel):
    """商城回报. A mall's voucher was used or given back, written with it, sent until taken."""

    __tablename__ = "voucher_report"
    __table_args__ = table_args(
        UniqueConstraint("redemption_id", "kind"),
        one_of("kind", ReportKind),
        one_of("state", ReportState),
        Index(None, "state", "due_at"),
        Index(None, "voucher_id"),
    )
    id: Mapped[Id]
    redemption_id: Mapped[Ref]
    voucher_id: Mapped[Ref]
    kind: Mapped[str] = mapped_column(String(10))
    at: Mapped[Instant] = mapped_column(comment="when it happened")
    state: Mapped[str] = mapped_column(String(10), default=ReportState.WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[Instant] = mapped_column(comment="machine time; while sending: the lease's end")
    lease: Mapped[str | None] = mapped_column(String(32))
    last_error: Mapped[str] = mapped_column(String(200), default="")
    taken_at: Mapped[Instant | None]
