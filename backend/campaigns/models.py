"""营销活动, what they offer, their waves and the grants they made."""

from datetime import date
from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import (
    BaseModel,
    Code,
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


class CampaignKind(StrEnum):
    CLASS_MARKETING = "class_marketing"
    PERIODIC = "periodic"
    REGISTRATION_POINTS = "registration_points"
    CONSUMPTION_POINTS = "consumption_points"
    HOLIDAY_POINTS = "holiday_points"
    MANUAL_POINTS = "manual_points"
    CONSUMPTION_GIFT = "consumption_gift"
    POINTS_EXCHANGE = "points_exchange"
    MALL_VOUCHER = "mall_voucher"


class CampaignState(StrEnum):
    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


class WaveState(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    MISSED = "missed"


class GrantState(StrEnum):
    """``open`` waits to be claimed, ``linked`` for whoever opens its link first: no login collects
    it. Past their window both are lapsed by time, and marked so later."""

    OPEN = "open"
    LINKED = "linked"
    CLAIMED = "claimed"
    LAPSED = "lapsed"
    REVOKED = "revoked"


class Campaign(MerchantRow, BaseModel):
    """营销活动. ``settings`` is what its kind needs, validated by ``kinds/<kind>.py``."""

    __tablename__ = "campaign"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("merchant_id", "code"),
        one_of("kind", CampaignKind),
        one_of("state", CampaignState),
    )
    id: Mapped[Id]
    code: Mapped[Code]
    kind: Mapped[str] = mapped_column(String(24))
    name: Mapped[Name]
    description: Mapped[str] = mapped_column(Text, default="")
    tags: Mapped[JsonList] = mapped_column(JSON, default=list)
    stores: Mapped[JsonList | None] = mapped_column(JSON(none_as_null=True))
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None] = mapped_column(comment="inclusive")
    state: Mapped[str] = mapped_column(String(10), default=CampaignState.DRAFT)
    settings: Mapped[JsonObject] = mapped_column(JSON, default=dict)
    online_activity: Mapped[bool] = mapped_column(default=False, comment="参与线上活动 (R-02)")
    budget_total: Mapped[int | None] = mapped_column(comment="most grants in all")
    budget_per_day: Mapped[int | None]
    control_bp: Mapped[int] = mapped_column(default=0, comment="share kept out at random")
    first_started_at: Mapped[Instant | None] = mapped_column(comment="S3-21 counts from here")
    edited_at: Mapped[Instant | None] = mapped_column(comment="empty: never edited (S0-18)")
    created_at: Mapped[Instant]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}


class CampaignCoupon(MerchantRow, BaseModel):
    """活动所送的券: template × quantity, per part (``new`` … or none)."""

    __tablename__ = "campaign_coupon"
    __table_args__ = table_args(
        UniqueConstraint("campaign_id", "part", "position"),
        in_merchant("campaign_id", to="campaign"),
        in_merchant("template_id", to="coupon_template"),
        CheckConstraint("quantity between 1 and 100", name="quantity"),
    )
    id: Mapped[Id]
    campaign_id: Mapped[Ref]
    part: Mapped[str] = mapped_column(String(10), default="")
    position: Mapped[int] = mapped_column(default=0)
    template_id: Mapped[Ref]
    quantity: Mapped[int] = mapped_column(default=1)


class CampaignRun(MerchantRow, BaseModel):
    """运行区间: [started_at, stopped_at). "Was it paused at 09:00" has an answer."""

    __tablename__ = "campaign_run"
    __table_args__ = table_args(
        in_merchant("campaign_id", to="campaign"), Index(None, "campaign_id", "started_at")
    )
    id: Mapped[Id]
    campaign_id: Mapped[Ref]
    started_at: Mapped[Instant]
    stopped_at: Mapped[Instant | None]


class AudienceMember(MerchantRow, BaseModel):
    """固定名单 (S3-18): who was found when the campaign was saved."""

    __tablename__ = "audience_member"
    __table_args__ = table_args(
        UniqueConstraint("campaign_id", "member_id"),
        in_merchant("campaign_id", to="campaign"),
        in_merchant("member_id", to="member"),
        Index(None, "member_id"),
    )
    id: Mapped[Id]
    campaign_id: Mapped[Ref]
    member_id: Mapped[Ref]


class Offer(MerchantRow, BaseModel):
    """一份券: the pieces that a grant promises. Immutable, found by its content."""

    __tablename__ = "offer"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("campaign_id", "part", "content_hash"),
        in_merchant("campaign_id", to="campaign"),
    )
    id: Mapped[Id]
    campaign_id: Mapped[Ref]
    part: Mapped[str] = mapped_column(String(10), default="")
    content_hash: Mapped[str] = mapped_column(String(64))
    quantity: Mapped[int] = mapped_column(comment="pieces in all, at most 100 (R-12)")


class OfferPiece(MerchantRow, BaseModel):
    """One coupon of an offer; ``piece`` counts from 1. Claims insert from these rows."""

    __tablename__ = "offer_piece"
    __table_args__ = table_args(
        UniqueConstraint("offer_id", "piece"),
        in_merchant("offer_id", to="offer"),
        in_merchant("revision_id", to="template_revision"),
        CheckConstraint("piece between 1 and 100", name="piece"),
    )
    id: Mapped[Id]
    offer_id: Mapped[Ref]
    piece: Mapped[int]
    template_id: Mapped[Ref]
    revision_id: Mapped[Ref]


class Wave(MerchantRow, BaseModel):
    """发券批次. One row per campaign and cycle, worked off by member id; ``cursor_id`` fences:
    a chunk moves it in the same transaction in which it grants."""

    __tablename__ = "wave"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("campaign_id", "cycle"),
        in_merchant("campaign_id", to="campaign"),
        one_of("state", WaveState),
        Index(None, "merchant_id", "planned_at"),
        Index(None, "state"),
        Index(None, "lapses_at"),
    )
    id: Mapped[Id]
    campaign_id: Mapped[Ref]
    cycle: Mapped[str] = mapped_column(String(32), comment="2026-11-23@09:00")
    planned_at: Mapped[Instant]
    catch_up_until: Mapped[Instant] = mapped_column(comment="it may begin until then (R-18)")
    lapses_at: Mapped[Instant | None] = mapped_column(
        comment="when its open grants lapse; empty: never, or swept"
    )
    state: Mapped[str] = mapped_column(String(10), default=WaveState.PLANNED)
    cursor_id: Mapped[int] = mapped_column(RowId, default=0, comment="members up to here are done")
    last_id: Mapped[int] = mapped_column(RowId, default=0, comment="highest member id at opening")
    matched: Mapped[int] = mapped_column(default=0)
    granted: Mapped[int] = mapped_column(default=0)
    excluded: Mapped[JsonObject] = mapped_column(JSON, default=dict, comment="reason → people")
    told: Mapped[int] = mapped_column(default=0, comment="intents written")
    started_at: Mapped[Instant | None]
    finished_at: Mapped[Instant | None]


_LINKED = text("link_id is not null")


class Grant(MerchantRow, BaseModel):
    """发券记录. The right of one member to one campaign's coupons in one cycle; claimed, it becomes
    coupons. ``claim_until`` empty: 随时可领取."""

    __tablename__ = "coupon_grant"
    __table_args__ = table_args(
        UniqueConstraint("campaign_id", "cycle", "member_id"),
        one_of("state", GrantState),
        Index(None, "member_id", "granted_at"),
        Index(None, "granted_at", "merchant_id"),
        Index("ix_coupon_grant_linked", "link_id", sqlite_where=_LINKED, postgresql_where=_LINKED),
    )
    id: Mapped[Id]
    campaign_id: Mapped[Ref]
    cycle: Mapped[str] = mapped_column(String(32))
    member_id: Mapped[Ref]
    offer_id: Mapped[Ref]
    wave_id: Mapped[int | None] = mapped_column(RowId)
    quantity: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default=GrantState.OPEN)
    granted_at: Mapped[Instant]
    claim_until: Mapped[Instant | None] = mapped_column(comment="exclusive")
    claimed_at: Mapped[Instant | None]
    link_id: Mapped[int | None] = mapped_column(RowId, comment="the claim link that opens it")
    request_id: Mapped[str] = mapped_column(String(64), default="")


class ClaimLinkKind(StrEnum):
    """``receipt`` belongs to whoever opens it first, ``exchange`` to the member who paid for it."""

    RECEIPT = "receipt"
    EXCHANGE = "exchange"


class ClaimLink(MerchantRow, BaseModel):
    """领取链接: the QR on a receipt (S2-51) or at the till after an exchange (S2-32). Its grants
    are claimed once, together. ``claim_until`` empty: 随时可领取."""

    __tablename__ = "claim_link"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("code"),
        UniqueConstraint("merchant_id", "made_for"),
        one_of("kind", ClaimLinkKind),
        one_of("state", GrantState),
        CheckConstraint("points >= 0", name="points"),
        Index(None, "state", "claim_until"),
    )
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(String(40), comment="as its address says it")
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10), default=GrantState.OPEN)
    member_id: Mapped[Ref] = mapped_column(comment="whose bill or exchange made it")
    bill_id: Mapped[int | None] = mapped_column(RowId)
    made_for: Mapped[str] = mapped_column(String(64), comment="what it is made for, once: bill-7")
    points: Mapped[int] = mapped_column(default=0, comment="积分 paid, given back if it lapses")
    created_at: Mapped[Instant]
    claim_until: Mapped[Instant | None] = mapped_column(comment="exclusive")
    claimed_at: Mapped[Instant | None]
    claimed_by_id: Mapped[int | None] = mapped_column(RowId, comment="the member who opened it")
