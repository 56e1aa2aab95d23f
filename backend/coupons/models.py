"""券模板 and its revisions, 券 and every change of a coupon's state."""

from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.coupons.kinds import CouponKind
from backend.database import (
    BaseModel,
    Code,
    Fen,
    Id,
    Instant,
    JsonList,
    JsonObject,
    Name,
    Ref,
    RowId,
    in_merchant,
    one_of,
    table_args,
    within_merchant,
)
from backend.tenancy import MerchantRow


class CouponState(StrEnum):
    """What a coupon is in the table; 已过期 is true by time alone and never stored."""

    USABLE = "usable"
    LOCKED = "locked"
    GIFTING = "gifting"
    REDEEMED = "redeemed"
    REVOKED = "revoked"


class CouponSource(StrEnum):
    LOCAL = "local"
    MALL = "mall"


class Approval(StrEnum):
    """提交审核 (S4-07): only passed templates can be handed out."""

    PENDING = "pending"
    PASSED = "passed"
    REFUSED = "refused"


class CouponTemplate(MerchantRow, BaseModel):
    """券模板. What it promises stands in its newest revision; limits are its own.

    ``issued`` counts stock taken by grants and not given back; kept only where ``stock`` is set.
    """

    __tablename__ = "coupon_template"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("merchant_id", "code"),
        one_of("approval", Approval),
        CheckConstraint("stock is null or (issued >= 0 and issued <= stock)", name="stock"),
    )
    id: Mapped[Id]
    code: Mapped[Code]
    title: Mapped[Name] = mapped_column(comment="as in the newest revision")
    kind: Mapped[str] = mapped_column(String(16), comment="as in the newest revision")
    revision_id: Mapped[int | None] = mapped_column(RowId, comment="the newest revision")
    stores: Mapped[JsonList | None] = mapped_column(
        JSON(none_as_null=True), comment="store codes; empty: all (R-21)"
    )
    stock: Mapped[int | None] = mapped_column(
        comment="total that may ever be issued; empty: 不限量"
    )
    issued: Mapped[int] = mapped_column(default=0)
    per_member: Mapped[int | None]
    per_day: Mapped[int | None]
    approval: Mapped[str] = mapped_column(String(10), default=Approval.PASSED)
    archived: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Instant]


class TemplateRevision(MerchantRow, BaseModel):
    """券模板版本. Immutable: a coupon keeps what it promised when it was granted."""

    __tablename__ = "template_revision"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("template_id", "number"),
        in_merchant("template_id", to="coupon_template"),
        one_of("kind", CouponKind),
        CheckConstraint("minimum_fen >= 0", name="minimum_fen"),
    )
    id: Mapped[Id]
    template_id: Mapped[Ref]
    number: Mapped[int]
    title: Mapped[Name]
    kind: Mapped[str] = mapped_column(String(16))
    rule: Mapped[JsonObject]
    minimum_fen: Mapped[Fen] = mapped_column(default=0)
    scope: Mapped[JsonObject] = mapped_column(comment="dishes, categories")
    stores: Mapped[JsonList | None] = mapped_column(
        JSON(none_as_null=True), comment="store codes; empty: all"
    )
    hours: Mapped[JsonObject] = mapped_column(comment="weekdays, hours")
    validity: Mapped[JsonObject]
    combine: Mapped[JsonObject]
    max_per_bill: Mapped[int] = mapped_column(default=1)
    giftable: Mapped[bool] = mapped_column(default=False)
    colour: Mapped[str] = mapped_column(String(16), default="")
    picture: Mapped[str] = mapped_column(String(300), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    notice: Mapped[str] = mapped_column(String(300), default="", comment="给店员的提示")
    created_at: Mapped[Instant]


_OPEN = text("state in ('usable', 'locked', 'gifting')")
_LOCKED = text("locked_bill is not null")
_CLOSED = text("state in ('redeemed', 'revoked')")
_VOUCHER = text("voucher_id is not null")


class Coupon(MerchantRow, BaseModel):
    """券. One piece in one member's hands; its number is a permutation of ``id`` (numbers.py).

    Made from one piece of a grant: (grant_id, piece) is what keeps it single.
    """

    __tablename__ = "coupon"
    __table_args__ = table_args(
        UniqueConstraint("grant_id", "piece"),
        one_of("state", CouponState),
        one_of("source", CouponSource),
        CheckConstraint("valid_from < valid_until", name="validity"),
        Index(None, "claimed_at", "merchant_id"),
        Index(
            "ix_coupon_open", "member_id", "valid_until", sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
        Index("ix_coupon_locked", "locked_bill", sqlite_where=_LOCKED, postgresql_where=_LOCKED),
        Index("ix_coupon_closed", "member_id", sqlite_where=_CLOSED, postgresql_where=_CLOSED),
        Index(
            "ix_coupon_voucher",
            "voucher_id",
            unique=True,
            sqlite_where=_VOUCHER,
            postgresql_where=_VOUCHER,
        ),
    )
    id: Mapped[Id]
    grant_id: Mapped[Ref]
    piece: Mapped[int] = mapped_column(comment="1 … 100 within the grant")
    member_id: Mapped[Ref] = mapped_column(comment="the holder")
    campaign_id: Mapped[Ref]
    template_id: Mapped[Ref]
    revision_id: Mapped[Ref]
    state: Mapped[str] = mapped_column(String(10), default=CouponState.USABLE)
    source: Mapped[str] = mapped_column(String(8), default=CouponSource.LOCAL)
    voucher_id: Mapped[int | None] = mapped_column(
        RowId, comment="商城券: the voucher that its number is spelt from"
    )
    valid_from: Mapped[Instant]
    valid_until: Mapped[Instant] = mapped_column(comment="exclusive")
    claimed_at: Mapped[Instant]
    locked_bill: Mapped[str | None] = mapped_column(String(64), comment="store code / bill number")
    locked_until: Mapped[Instant | None]


IS_OPEN, IS_CLOSED = (text(f"coupon.{where.text}") for where in (_OPEN, _CLOSED))
"""Spelt out, so that the partial indexes of SQLite and PostgreSQL are seen to hold them."""


class CouponEvent(MerchantRow, BaseModel):
    """券流水. Every change of a coupon's state after it was made: who, when, why, which request.

    Its making is explained by its grant.
    """

    __tablename__ = "coupon_event"
    __table_args__ = table_args(Index(None, "coupon_id"))
    id: Mapped[Id]
    coupon_id: Mapped[Ref]
    before: Mapped[str] = mapped_column(String(10))
    after: Mapped[str] = mapped_column(String(10))
    at: Mapped[Instant]
    actor: Mapped[str] = mapped_column(String(80))
    cause: Mapped[str] = mapped_column(String(80))
    request_id: Mapped[str] = mapped_column(String(64), default="")
