"""会员, their WeChat identities, levels, cards, classes and what they spent."""

from datetime import date
from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import (
    BaseModel,
    Code,
    Fen,
    Id,
    Instant,
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


class CustomerClass(StrEnum):
    """客户分类 (S0-04…06): 0, 1, 2 or more settled bills."""

    NEW = "new"
    ORDINARY = "ordinary"
    LOYAL = "loyal"


class Gender(StrEnum):
    MALE = "male"
    FEMALE = "female"
    UNKNOWN = ""


class CardState(StrEnum):
    NORMAL = "normal"
    FROZEN = "frozen"
    DESTROYED = "destroyed"


class MemberLevel(MerchantRow, BaseModel):
    """会员等级. ``position`` 0 is the first, which every new member has."""

    __tablename__ = "member_level"
    __table_args__ = table_args(within_merchant(), UniqueConstraint("merchant_id", "name"))
    id: Mapped[Id]
    position: Mapped[int]
    name: Mapped[Name]
    discount_bp: Mapped[int] = mapped_column(default=10000)
    upgrade: Mapped[JsonObject] = mapped_column(JSON, default=dict)
    rights: Mapped[str] = mapped_column(String(500), default="", comment="权益, in words")


_JOINED = text("alias_of_id is not null")
"""Few ever are: statistics over all the empty ones would say that an index leads nowhere."""


class Member(MerchantRow, BaseModel):
    """会员. Counters are kept by settlement, never by hand.

    A joined member is the survivor's alias: its row stays, ``alias_of_id`` leads to the survivor.
    """

    __tablename__ = "member"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("merchant_id", "phone"),
        UniqueConstraint("merchant_id", "unionid"),
        in_merchant("level_id", to="member_level"),
        one_of("customer_class", CustomerClass),
        one_of("gender", Gender),
        CheckConstraint("points >= 0", name="points"),
        CheckConstraint("principal_fen >= 0 and bonus_fen >= 0", name="balance"),
        CheckConstraint("consumption_count >= 0", name="consumption_count"),
        Index(None, "merchant_id", "joined_at"),
        Index(None, "alias_of_id", sqlite_where=_JOINED, postgresql_where=_JOINED),
        Index(None, "merchant_id", "alias_of_id", sqlite_where=_JOINED, postgresql_where=_JOINED),
    )
    id: Mapped[Id]
    nickname: Mapped[Name] = mapped_column(default="")
    avatar: Mapped[str] = mapped_column(String(300), default="")
    phone: Mapped[str | None] = mapped_column(String(20))
    unionid: Mapped[str | None] = mapped_column(
        String(64), comment="the first one known: two first visits at once make one member"
    )
    gender: Mapped[str] = mapped_column(String(8), default="")
    birthday: Mapped[date | None]
    joined_at: Mapped[Instant] = mapped_column(comment="first follow or login")
    registered_at: Mapped[Instant | None]
    channel: Mapped[str] = mapped_column(String(20), default="", comment="how they came")
    store_id: Mapped[int | None] = mapped_column(RowId, comment="where they came")
    inviter_id: Mapped[int | None] = mapped_column(RowId)
    level_id: Mapped[int | None] = mapped_column(RowId)
    customer_class: Mapped[str] = mapped_column(String(10), default=CustomerClass.NEW)
    follows: Mapped[bool] = mapped_column(default=False, comment="follows the merchant's OA now")
    follow_gift_at: Mapped[Instant | None] = mapped_column(comment="S0-22: once in a lifetime")
    consumption_count: Mapped[int] = mapped_column(default=0)
    consumption_fen: Mapped[Fen] = mapped_column(default=0)
    last_consumed_at: Mapped[Instant | None]
    recharged_fen: Mapped[Fen] = mapped_column(default=0)
    points: Mapped[int] = mapped_column(default=0)
    principal_fen: Mapped[Fen] = mapped_column(default=0)
    bonus_fen: Mapped[Fen] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(String(200), default="")
    blacklisted: Mapped[bool] = mapped_column(default=False)
    alias_of_id: Mapped[int | None] = mapped_column(RowId, comment="the survivor, once joined")


class MemberTag(MerchantRow, BaseModel):
    """会员标签."""

    __tablename__ = "member_tag"
    __table_args__ = table_args(
        UniqueConstraint("member_id", "tag"), in_merchant("member_id", to="member")
    )
    id: Mapped[Id]
    member_id: Mapped[Ref]
    tag: Mapped[str] = mapped_column(String(40))


class WechatUser(BaseModel):
    """微信用户. One person in one app; belongs to no merchant."""

    __tablename__ = "wechat_user"
    __table_args__ = table_args(
        UniqueConstraint("app_id", "openid"), Index(None, "openid"), Index(None, "unionid")
    )
    id: Mapped[Id]
    app_id: Mapped[Code]
    openid: Mapped[Code]
    unionid: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[Instant]
    asked_at: Mapped[Instant | None] = mapped_column(
        comment="machine time; WeChat has told what it knows of the unionid"
    )
    unfollow_push: Mapped[int | None] = mapped_column(
        BigInteger, comment="CreateTime of the newest unfollow: orders pushes, is no time"
    )


class Identity(MerchantRow, BaseModel):
    """会员的微信身份. One WeChat user may be a member of several merchants (a shared OA).

    ``followed_at`` is empty for a mini-program; following = followed and not unfollowed since.
    """

    __tablename__ = "identity"
    __table_args__ = table_args(
        UniqueConstraint("merchant_id", "wechat_user_id"),
        in_merchant("member_id", to="member"),
        Index(None, "merchant_id", "followed_at"),
        Index(None, "member_id", "merchant_id"),
        Index(None, "wechat_user_id"),
        Index(None, "followed_at"),
    )
    id: Mapped[Id]
    member_id: Mapped[Ref]
    wechat_user_id: Mapped[int] = mapped_column(RowId, ForeignKey("wechat_user.id"))
    store_id: Mapped[int | None] = mapped_column(RowId, comment="of the QR code scanned")
    followed_at: Mapped[Instant | None]
    unfollowed_at: Mapped[Instant | None]
    interacted_at: Mapped[Instant | None] = mapped_column(comment="last message, click or scan")
    follow_push: Mapped[int | None] = mapped_column(
        BigInteger, comment="CreateTime of the newest follow: orders pushes, is no time"
    )


class MemberCard(MerchantRow, BaseModel):
    """实体卡 (S2-48)."""

    __tablename__ = "member_card"
    __table_args__ = table_args(
        UniqueConstraint("merchant_id", "number"),
        in_merchant("member_id", to="member"),
        one_of("state", CardState),
        Index(None, "merchant_id", "member_id"),
    )
    id: Mapped[Id]
    member_id: Mapped[Ref]
    number: Mapped[Code]
    state: Mapped[str] = mapped_column(String(10), default=CardState.NORMAL)


class ClassChange(MerchantRow, BaseModel):
    """客户分类变动, one row per move: the report shows the flow by day."""

    __tablename__ = "class_change"
    __table_args__ = table_args(
        in_merchant("member_id", to="member"), Index(None, "merchant_id", "at")
    )
    id: Mapped[Id]
    member_id: Mapped[Ref]
    before: Mapped[str] = mapped_column(String(10))
    after: Mapped[str] = mapped_column(String(10))
    at: Mapped[Instant]
    cause: Mapped[str] = mapped_column(String(64), comment="bill-<id> or refund-<id>")


class LevelChange(MerchantRow, BaseModel):
    """等级变动, one row per move; the first level of a new member is none."""

    __tablename__ = "level_change"
    __table_args__ = table_args(
        UniqueConstraint("merchant_id", "member_id", "cause"),
        in_merchant("member_id", to="member"),
        in_merchant("before_level_id", to="member_level"),
        in_merchant("after_level_id", to="member_level"),
        Index(None, "merchant_id", "at"),
    )
    id: Mapped[Id]
    member_id: Mapped[Ref]
    before_level_id: Mapped[int | None] = mapped_column(RowId)
    after_level_id: Mapped[Ref]
    at: Mapped[Instant]
    cause: Mapped[str] = mapped_column(
        String(120),
        comment="bill-<id>, refund-<id>, recharge-<number>, review-<period>, join-<id>, given-<…>",
    )
    reason: Mapped[str] = mapped_column(String(200), default="", comment="of one by hand")
    actor: Mapped[str] = mapped_column(String(80), default="")


class Spending(MerchantRow, BaseModel):
    """消费记录. One row per settled bill with the member; a full refund marks it reversed."""

    __tablename__ = "spending"
    __table_args__ = table_args(
        UniqueConstraint("cause"),
        in_merchant("member_id", to="member"),
        Index(None, "merchant_id", "member_id", "spent_at"),
    )
    id: Mapped[Id]
    member_id: Mapped[Ref]
    cause: Mapped[str] = mapped_column(String(64), comment="bill-<id>")
    paid_fen: Mapped[Fen]
    spent_at: Mapped[Instant]
    reversed_at: Mapped[Instant | None]


class Recharge(MerchantRow, BaseModel):
    """充值记录, written by the wallet beside its entry: what counts towards a level."""

    __tablename__ = "recharge"
    __table_args__ = table_args(
        UniqueConstraint("merchant_id", "cause"),
        in_merchant("member_id", to="member"),
        Index(None, "merchant_id", "member_id", "recharged_at"),
    )
    id: Mapped[Id]
    member_id: Mapped[Ref]
    cause: Mapped[str] = mapped_column(String(120), comment="recharge-<number>, as in the ledger")
    principal_fen: Mapped[Fen]
    recharged_at: Mapped[Instant]
    reversed_at: Mapped[Instant | None] = mapped_column(comment="no longer counts")
