"""运营者, 商家, 门店, 员工, 核销员, 收银密钥, 操作日志."""

from datetime import date
from enum import StrEnum

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import MEDIUMBLOB
from sqlalchemy.orm import Mapped, mapped_column

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
from backend.keys import Sealed
from backend.merchants.settings import HouseSettings, Registration, Sharing
from backend.tenancy import MerchantRow

_UNSET = HouseSettings()


class Role(StrEnum):
    OPERATOR = "operator"
    OWNER = "owner"
    MARKETING = "marketing"
    STORE_MANAGER = "store_manager"
    CASHIER = "cashier"
    VERIFIER = "verifier"
    READ_ONLY = "read_only"


class Operator(BaseModel):
    """运营者. At most one row: who runs the deployment for many merchants."""

    __tablename__ = "operator"
    __table_args__ = table_args()
    id: Mapped[Id]
    name: Mapped[Name]


class Merchant(BaseModel):
    """商家. The tenant; its settings that have no table of their own."""

    __tablename__ = "merchant"
    __table_args__ = table_args(
        UniqueConstraint("code"), one_of("sharing", Sharing), one_of("registration", Registration)
    )
    id: Mapped[Id]
    code: Mapped[Code]
    name: Mapped[Name]
    zone: Mapped[str] = mapped_column(String(40), default=_UNSET.zone)
    contact: Mapped[str] = mapped_column(String(60), default="")
    phone: Mapped[str] = mapped_column(String(20), default="")
    address: Mapped[str] = mapped_column(String(200), default="")
    introduction: Mapped[str] = mapped_column(Text, default="")
    receipt_footer: Mapped[str] = mapped_column(String(200), default="")
    logo: Mapped[bytes | None] = mapped_column(
        LargeBinary().with_variant(MEDIUMBLOB, "mysql", "mariadb"),
        deferred=True,
        comment="PNG or JPEG",
    )
    sharing: Mapped[str] = mapped_column(String(16), default=_UNSET.sharing)
    registration: Mapped[str] = mapped_column(String(16), default=_UNSET.registration)
    levels_match: Mapped[str] = mapped_column(String(8), default=_UNSET.levels_match)
    levels_period: Mapped[str] = mapped_column(
        String(12),
        default=_UNSET.levels_period,
        comment="figures of all time, or of the last 12_months",
    )
    levels_keep: Mapped[str] = mapped_column(
        String(8),
        default=_UNSET.levels_keep,
        comment="保级: a level holds until the month or year is over",
    )
    levels_reviewed: Mapped[str] = mapped_column(
        String(8), default="", comment="the period whose review is done: 2026-12 or 2026"
    )
    rolling_week: Mapped[bool] = mapped_column(
        default=False, comment="本周 = rolling 7 days (R-01)"
    )
    reminder_quiet_days: Mapped[int] = mapped_column(
        default=_UNSET.reminder_quiet_days, comment="R-04: days without contact"
    )
    points: Mapped[JsonObject] = mapped_column(JSON, default=dict)
    recharge: Mapped[JsonObject] = mapped_column(
        JSON, default=dict, comment="充值赠送 tiers, 余额上限 caps"
    )
    refund_reissue: Mapped[bool] = mapped_column(
        default=False, comment="coupons back from a refund are good for at least 1 day"
    )
    rounding_fen: Mapped[Fen] = mapped_column(
        default=_UNSET.rounding_fen, comment="the most that 抹零 takes off a bill; 0: none"
    )
    sms: Mapped[JsonObject] = mapped_column(JSON, default=dict)
    message_rules: Mapped[JsonObject] = mapped_column(JSON, default=dict)
    replies: Mapped[JsonObject] = mapped_column(JSON, default=dict)
    menu: Mapped[JsonList] = mapped_column(JSON, default=list)
    created_at: Mapped[Instant]


class Subscription(MerchantRow, BaseModel):
    """营销包年 (S0-16). Days are inclusive; outside them campaigns neither grant nor send, nor do
    kinds of campaign that it leaves out."""

    __tablename__ = "subscription"
    __table_args__ = table_args(Index(None, "merchant_id", "ends_on"))
    id: Mapped[Id]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    kinds: Mapped[JsonList] = mapped_column(JSON, default=list, comment="所含活动种类; empty: all")


class Store(MerchantRow, BaseModel):
    """门店. ``code`` is unique within the merchant."""

    __tablename__ = "store"
    __table_args__ = table_args(within_merchant(), UniqueConstraint("merchant_id", "code"))
    id: Mapped[Id]
    code: Mapped[Code]
    name: Mapped[Name]
    address: Mapped[str] = mapped_column(String(200), default="")
    phone: Mapped[str] = mapped_column(String(20), default="")
    longitude: Mapped[str] = mapped_column(String(20), default="")
    latitude: Mapped[str] = mapped_column(String(20), default="")
    hours: Mapped[str] = mapped_column(String(60), default="", comment="营业时间")
    active: Mapped[bool] = mapped_column(default=True)


class PosKey(MerchantRow, BaseModel):
    """收银密钥. A till's key id and up to two live secrets, for rotation."""

    __tablename__ = "pos_key"
    __table_args__ = table_args(UniqueConstraint("key"), in_merchant("store_id", to="store"))
    id: Mapped[Id]
    store_id: Mapped[Ref]
    key: Mapped[Code]
    secret: Mapped[str] = mapped_column(Sealed)
    next_secret: Mapped[str | None] = mapped_column(Sealed)
    active: Mapped[bool] = mapped_column(default=True)


class PosNonce(BaseModel):
    """A nonce is good once; machine time, swept after the clock window."""

    __tablename__ = "pos_nonce"
    __table_args__ = table_args(UniqueConstraint("key", "nonce"), Index(None, "used_at"))
    id: Mapped[Id]
    key: Mapped[Code]
    nonce: Mapped[Code]
    used_at: Mapped[Instant]


class Staff(BaseModel):
    """员工. Signs in at the desk; ``merchant_id`` is empty for the operator's people."""

    __tablename__ = "staff"
    __table_args__ = table_args(
        UniqueConstraint("merchant_id", "login"),
        one_of("role", Role),
        CheckConstraint("(role = 'operator') = (merchant_id is null)", name="place"),
        CheckConstraint("password_hash <> ''", name="password"),
    )
    id: Mapped[Id]
    merchant_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("merchant.id"))
    login: Mapped[Code]
    name: Mapped[Name] = mapped_column(default="")
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))
    stores: Mapped[JsonList | None] = mapped_column(
        JSON(none_as_null=True), comment="codes of the stores it is limited to; empty: all"
    )
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[Instant]


class StaffSession(BaseModel):
    """登录会话, on the server: only the hash of the cookie is stored; logout deletes the row."""

    __tablename__ = "staff_session"
    __table_args__ = table_args(UniqueConstraint("token_hash"))
    id: Mapped[Id]
    staff_id: Mapped[int] = mapped_column(RowId, ForeignKey("staff.id"))
    token_hash: Mapped[str] = mapped_column(String(64))
    content: Mapped[JsonObject] = mapped_column(JSON, default=dict)
    acting_merchant_id: Mapped[int | None] = mapped_column(RowId)
    created_at: Mapped[Instant]
    seen_at: Mapped[Instant]


class Verifier(MerchantRow, BaseModel):
    """核销员 (S4-20). A member's WeChat that may redeem at the listed stores until unbound."""

    __tablename__ = "verifier"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("merchant_id", "member_id"),
        in_merchant("member_id", to="member"),
    )
    id: Mapped[Id]
    member_id: Mapped[Ref]
    name: Mapped[Name] = mapped_column(default="")
    stores: Mapped[JsonList] = mapped_column(JSON, comment="store codes")
    active: Mapped[bool] = mapped_column(default=True)
    bound_at: Mapped[Instant]
    unbound_at: Mapped[Instant | None]


class VerifierInvite(MerchantRow, BaseModel):
    """核销员邀请 (S4-21). One use, 10 minutes; only the token's hash is stored."""

    __tablename__ = "verifier_invite"
    __table_args__ = table_args(UniqueConstraint("token_hash"), in_merchant("store_id", to="store"))
    id: Mapped[Id]
    store_id: Mapped[Ref]
    name: Mapped[Name] = mapped_column(default="")
    token_hash: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[Instant]
    used_at: Mapped[Instant | None]


class Picture(MerchantRow, BaseModel):
    """活动图片 (S2-30), uploaded at the desk and shown to customers under its code."""

    __tablename__ = "picture"
    __table_args__ = table_args(UniqueConstraint("code"))
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(String(40), comment="of merchant and content")
    content: Mapped[bytes] = mapped_column(
        LargeBinary().with_variant(MEDIUMBLOB, "mysql", "mariadb"), comment="PNG or JPEG"
    )
    created_at: Mapped[Instant]


class AuditEntry(BaseModel):
    """操作日志. Append-only: who, what, before, after, from where. Numbered without a gap within
    its merchant (0: the operator), each under a seal of its own: ``doctor`` sees what was changed,
    taken out or put in past the product."""

    __tablename__ = "audit_entry"
    __table_args__ = table_args(Index(None, "merchant_id", "at"), UniqueConstraint("book", "seq"))
    id: Mapped[Id]
    merchant_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("merchant.id"))
    at: Mapped[Instant]
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(80))
    before: Mapped[JsonObject | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[JsonObject | None] = mapped_column(JSON(none_as_null=True))
    origin: Mapped[str] = mapped_column(String(60), default="", comment="address or command")
    request_id: Mapped[str] = mapped_column(String(64), default="")
    book: Mapped[int] = mapped_column(RowId, comment="the merchant's id; 0: the operator's")
    seq: Mapped[int] = mapped_column(RowId, comment="1, 2, 3 … within its book")
    seal: Mapped[str] = mapped_column(String(64), comment="of all of it, under SECRET_KEY")


class AuditBook(BaseModel):
    """日志簿: how many entries a merchant's log has, under a seal, so that its end is not lost."""

    __tablename__ = "audit_book"
    __table_args__ = table_args()
    book: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    entries: Mapped[int] = mapped_column(RowId)
    seal: Mapped[str] = mapped_column(String(64))
