"""消息: intents (the outbox), attempts, templates per purpose and channel, consents."""

from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import (
    BaseModel,
    Code,
    Id,
    Instant,
    JsonObject,
    Ref,
    RowId,
    in_merchant,
    one_of,
    table_args,
)
from backend.tenancy import MerchantRow


class Purpose(StrEnum):
    COUPON_RECEIVED = "coupon_received"
    COUPONS_WAITING = "coupons_waiting"
    COUPON_EXPIRING = "coupon_expiring"
    COUPON_REDEEMED = "coupon_redeemed"
    GIFT_RECEIVED = "gift_received"
    GIFT_TAKEN_BACK = "gift_taken_back"
    CONSUMPTION_COMPLETE = "consumption_complete"
    POINTS_CHANGED = "points_changed"
    LEVEL_CHANGED = "level_changed"
    BALANCE_CHANGED = "balance_changed"
    MALL_PURCHASE = "mall_purchase"
    CAMPAIGN_NEWS = "campaign_news"
    VERIFICATION_CODE = "verification_code"


MARKETING = frozenset({Purpose.CAMPAIGN_NEWS})
"""Quiet hours, a weekly cap and 退订 are theirs; everything else is a notice."""


class Channel(StrEnum):
    SUBSCRIBE = "subscribe"
    TEMPLATE = "template"
    CUSTOM = "custom"
    SMS = "sms"


class IntentState(StrEnum):
    """``unknown``: sent, answer lost; shown, never sent again by itself. ``held``: was due when a
    backup was made and may have gone since; a person decides (``outbox release``).
    ``unreachable``: no road to the person is open; what opens one makes it ``due`` again."""

    DUE = "due"
    HELD = "held"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    UNREACHABLE = "unreachable"


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    RETRY = "retry"
    UNKNOWN = "unknown"


class Intent(MerchantRow, BaseModel):
    """待发消息 (outbox), written in the transaction of the fact it reports. One per dedupe key."""

    __tablename__ = "intent"
    __table_args__ = table_args(
        UniqueConstraint("merchant_id", "dedupe_key"),
        one_of("state", IntentState),
        Index(None, "state", "not_before"),
        Index(None, "state", "not_after"),
        Index(None, "merchant_id", "queued_at"),
        Index(None, "member_id", "state"),
    )
    id: Mapped[Id]
    member_id: Mapped[Ref]
    purpose: Mapped[str] = mapped_column(String(24))
    facts: Mapped[JsonObject] = mapped_column(JSON, comment="title, valid_to, count … (spec/09)")
    dedupe_key: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(12), default=IntentState.DUE)
    queued_at: Mapped[Instant]
    not_before: Mapped[Instant] = mapped_column(comment="business time")
    not_after: Mapped[Instant] = mapped_column(comment="business time; later it is worthless")
    retry_at: Mapped[Instant | None] = mapped_column(comment="machine time")
    tries: Mapped[int] = mapped_column(default=0)
    wave_id: Mapped[int | None] = mapped_column(RowId)
    claim_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[Instant | None] = mapped_column(comment="machine time")
    channel: Mapped[str | None] = mapped_column(String(12))
    failure: Mapped[str] = mapped_column(String(200), default="")
    sent_at: Mapped[Instant | None] = mapped_column(comment="when the try that stands began")


class Attempt(MerchantRow, BaseModel):
    """发送记录: one try on one channel and what came of it; ``receipt`` is WeChat's later word."""

    __tablename__ = "attempt"
    __table_args__ = table_args(
        Index(None, "intent_id"), Index(None, "app_id", "provider_id"), one_of("outcome", Outcome)
    )
    id: Mapped[Id]
    intent_id: Mapped[Ref]
    channel: Mapped[str] = mapped_column(String(12))
    app_id: Mapped[Code] = mapped_column(default="")
    at: Mapped[Instant]
    outcome: Mapped[str] = mapped_column(String(12))
    code: Mapped[str] = mapped_column(String(20), default="", comment="errcode")
    answer: Mapped[str] = mapped_column(String(300), default="", comment="errmsg with rid")
    provider_id: Mapped[str] = mapped_column(String(64), default="", comment="msgid")
    receipt: Mapped[str] = mapped_column(String(60), default="", comment="success, failed:…")


class MessageTemplate(MerchantRow, BaseModel):
    """消息模板 per purpose, channel and app: ``fields`` maps WeChat's names to ours. Where a mall
    has an account of its own, a purpose has two (S1-23, S1-24)."""

    __tablename__ = "message_template"
    __table_args__ = table_args(UniqueConstraint("merchant_id", "purpose", "channel", "app_id"))
    id: Mapped[Id]
    purpose: Mapped[str] = mapped_column(String(24))
    channel: Mapped[str] = mapped_column(String(12))
    app_id: Mapped[Code] = mapped_column(default="")
    template_id: Mapped[Code] = mapped_column(default="")
    page: Mapped[str] = mapped_column(String(200), default="")
    fields: Mapped[JsonObject] = mapped_column(JSON, default=dict)
    active: Mapped[bool] = mapped_column(default=True)


class Consent(BaseModel):
    """订阅授权余额 (R-16): messages this WeChat user has still accepted for this template."""

    __tablename__ = "consent"
    __table_args__ = table_args(
        UniqueConstraint("wechat_user_id", "template_id"),
        CheckConstraint("remaining >= 0", name="remaining"),
    )
    id: Mapped[Id]
    wechat_user_id: Mapped[int] = mapped_column(RowId, ForeignKey("wechat_user.id"))
    template_id: Mapped[Code]
    remaining: Mapped[int] = mapped_column(default=0)
    banned: Mapped[bool] = mapped_column(default=False)


class ConsentEntry(BaseModel):
    """订阅授权流水: +1 an accept, −1 a send, −n a ban or 43101. ``cause`` is single."""

    __tablename__ = "consent_entry"
    __table_args__ = table_args(UniqueConstraint("consent_id", "cause"))
    id: Mapped[Id]
    consent_id: Mapped[int] = mapped_column(RowId, ForeignKey("consent.id"))
    change: Mapped[int]
    remaining: Mapped[int]
    cause: Mapped[str] = mapped_column(String(80))
    at: Mapped[Instant]


class OptOut(MerchantRow, BaseModel):
    """退订营销消息."""

    __tablename__ = "opt_out"
    __table_args__ = table_args(
        UniqueConstraint("merchant_id", "member_id"), in_merchant("member_id", to="member")
    )
    id: Mapped[Id]
    member_id: Mapped[Ref]
    at: Mapped[Instant]


class ReminderRun(MerchantRow, BaseModel):
    """到期提醒批次. One row per merchant and slot, worked off by member id like a wave."""

    __tablename__ = "reminder_run"
    __table_args__ = table_args(UniqueConstraint("merchant_id", "cycle"))
    id: Mapped[Id]
    cycle: Mapped[str] = mapped_column(String(32), comment="2026-11-23@09:00")
    cursor_id: Mapped[int] = mapped_column(RowId, default=0, comment="members up to here are done")
    last_id: Mapped[int] = mapped_column(RowId, default=0, comment="highest member id at opening")
    told: Mapped[int] = mapped_column(default=0, comment="intents written")
    opened_at: Mapped[Instant]
    finished_at: Mapped[Instant | None]
