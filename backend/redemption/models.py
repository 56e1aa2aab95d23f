"""核销记录."""

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import (
    BaseModel,
    Fen,
    Id,
    Instant,
    Ref,
    RowId,
    in_merchant,
    table_args,
    within_merchant,
)
from backend.tenancy import MerchantRow


class Redemption(MerchantRow, BaseModel):
    """核销. ``live_key`` is the coupon's id while it stands and empty once undone: at most one
    live redemption per coupon, by the schema."""

    __tablename__ = "redemption"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("live_key"),
        UniqueConstraint("merchant_id", "asked_as"),
        in_merchant("store_id", to="store"),
        Index(None, "coupon_id"),
        Index(None, "merchant_id", "at"),
        Index(None, "verifier_id", "at"),
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
    asked_as: Mapped[str | None] = mapped_column(
        String(64), comment="sha256 of caller, path and Idempotency-Key, where one was sent"
    )
    undone_at: Mapped[Instant | None]
    undone_by: Mapped[str] = mapped_column(String(80), default="")
    undo_reason: Mapped[str] = mapped_column(String(200), default="")
