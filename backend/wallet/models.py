"""储值流水: principal and bonus apart, in one ledger per member."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint
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


class EntryKind(StrEnum):
    """``reverse`` takes a recharge back; ``join`` moves what an account holds when two members
    turn out to be one person."""

    RECHARGE = "recharge"
    PAY = "pay"
    REFUND = "refund"
    REVERSE = "reverse"
    ADJUST = "adjust"
    JOIN = "join"


class WalletEntry(MerchantRow, BaseModel):
    """储值流水. Append-only, written by ``wallet/account.py`` alone; a member's principal and bonus
    are its sums. Neither ever expires."""

    __tablename__ = "wallet_entry"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("merchant_id", "member_id", "seq"),
        UniqueConstraint("merchant_id", "cause"),
        in_merchant("member_id", to="member"),
        one_of("kind", EntryKind),
        CheckConstraint("principal_after >= 0 and bonus_after >= 0", name="balance_after"),
        Index(None, "merchant_id", "at"),
        Index(None, "reverses_id"),
    )
    id: Mapped[Id]
    member_id: Mapped[Ref]
    seq: Mapped[int] = mapped_column(comment="1, 2, 3 … of this member")
    principal_fen: Mapped[Fen] = mapped_column(comment="change of 本金")
    bonus_fen: Mapped[Fen] = mapped_column(comment="change of 赠金")
    principal_after: Mapped[Fen]
    bonus_after: Mapped[Fen]
    kind: Mapped[str] = mapped_column(String(10))
    cause: Mapped[str] = mapped_column(String(120), comment="bill-12-balance …: once per merchant")
    reason: Mapped[str] = mapped_column(
        String(200), default="", comment="of an adjustment or a reversal"
    )
    actor: Mapped[str] = mapped_column(String(80), default="")
    at: Mapped[Instant]
    request_id: Mapped[str] = mapped_column(String(64), default="")
    reverses_id: Mapped[int | None] = mapped_column(
        RowId, comment="the payment it gives back, the recharge it takes back"
    )
