"""绑定的微信账号 and 商户号, and the inbox of what WeChat pushed."""

from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import BaseModel, Code, Id, Instant, JsonObject, RowId, one_of, table_args
from backend.keys import Sealed, SealedText
from backend.tenancy import MerchantRow


class AppKind(StrEnum):
    OFFICIAL_ACCOUNT = "official_account"
    MINIPROGRAM = "miniprogram"

    @property
    def label(self) -> str:
        """As people call it."""
        return {"official_account": "公众号", "miniprogram": "小程序"}[self.value]


class WechatApp(BaseModel):
    """公众号 or 小程序. ``merchant_id`` is empty for the operator's shared ones (S0-03)."""

    __tablename__ = "wechat_app"
    __table_args__ = table_args(UniqueConstraint("app_id"), one_of("kind", AppKind))
    id: Mapped[Id]
    app_id: Mapped[Code]
    kind: Mapped[str] = mapped_column(String(20))
    merchant_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("merchant.id"), index=True)
    name: Mapped[str] = mapped_column(String(60), default="")
    secret: Mapped[str] = mapped_column(Sealed)
    token: Mapped[str | None] = mapped_column(Sealed)
    aes_key: Mapped[str | None] = mapped_column(Sealed)


class InboxState(StrEnum):
    """``unread``: rightly signed and not readable; ``content`` holds the body as it came."""

    DONE = "done"
    IGNORED = "ignored"
    UNREAD = "unread"


class CallbackInbox(BaseModel):
    """推送收件箱. One row per push; the key is spelt from MsgId, or sender, time, event and key."""

    __tablename__ = "callback_inbox"
    __table_args__ = table_args(
        UniqueConstraint("app_id", "dedupe_key"), Index(None, "received_at")
    )
    id: Mapped[Id]
    app_id: Mapped[Code]
    dedupe_key: Mapped[str] = mapped_column(String(64), comment="sha256 of the push's identity")
    kind: Mapped[str] = mapped_column(String(40))
    openid: Mapped[Code] = mapped_column(default="")
    content: Mapped[JsonObject] = mapped_column(JSON)
    reply: Mapped[str] = mapped_column(String(2048), default="", comment="the first answer's text")
    state: Mapped[str] = mapped_column(String(10))
    received_at: Mapped[Instant]


class PayAccount(MerchantRow, BaseModel):
    """微信支付商户号: what signs our calls and proves WeChat's. One per merchant."""

    __tablename__ = "pay_account"
    __table_args__ = table_args(UniqueConstraint("merchant_id"), UniqueConstraint("mch_id"))
    id: Mapped[Id]
    mch_id: Mapped[Code]
    serial_no: Mapped[Code] = mapped_column(comment="of our API certificate")
    private_key: Mapped[str] = mapped_column(SealedText, comment="PEM")
    api_v3_key: Mapped[str] = mapped_column(Sealed)
    public_key_id: Mapped[Code] = mapped_column(comment="微信支付公钥 ID")
    public_key: Mapped[str] = mapped_column(Text, comment="PEM")
    active: Mapped[bool] = mapped_column(default=True)
