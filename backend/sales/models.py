"""报价, 账单, its lines and tenders, 退款."""

from sqlalchemy import JSON, CheckConstraint, Index, String, Text, UniqueConstraint
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
    table_args,
    within_merchant,
)
from backend.tenancy import MerchantRow


class Quote(MerchantRow, BaseModel):
    """报价. Good for 10 minutes, the price then guaranteed; ``code`` is what the till names."""

    __tablename__ = "quote"
    __table_args__ = table_args(
        UniqueConstraint("code"), in_merchant("store_id", to="store"), Index(None, "expires_at")
    )
    id: Mapped[Id]
    code: Mapped[str] = mapped_column(String(40))
    store_id: Mapped[Ref]
    member_id: Mapped[int | None] = mapped_column(RowId)
    asked: Mapped[JsonObject] = mapped_column(JSON, comment="the bill as asked")
    plan: Mapped[JsonObject] = mapped_column(JSON, comment="the answer")
    judged_at: Mapped[Instant] = mapped_column(comment="its coupons were good then")
    expires_at: Mapped[Instant]


class Bill(MerchantRow, BaseModel):
    """账单 (结账). One settlement per store and bill number, for ever."""

    __tablename__ = "bill"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("store_id", "number"),
        in_merchant("store_id", to="store"),
        CheckConstraint("paid_fen >= 0 and reduction_fen >= 0", name="amounts"),
        CheckConstraint("refunded_fen >= 0 and refunded_fen <= paid_fen", name="refunded"),
        Index(None, "merchant_id", "settled_at"),
        Index(None, "merchant_id", "member_id", "settled_at"),
    )
    id: Mapped[Id]
    store_id: Mapped[Ref]
    number: Mapped[Code]
    fingerprint: Mapped[str] = mapped_column(String(64), comment="sha256 of the settled content")
    member_id: Mapped[int | None] = mapped_column(RowId)
    table_name: Mapped[str] = mapped_column(String(20), default="", comment="台位")
    guests: Mapped[int] = mapped_column(default=0)
    cashier: Mapped[Name] = mapped_column(default="")
    opened_at: Mapped[Instant | None]
    settled_at: Mapped[Instant] = mapped_column(comment="as the till says; judged at this time")
    recorded_at: Mapped[Instant]
    lines_fen: Mapped[Fen]
    service_fen: Mapped[Fen] = mapped_column(default=0)
    reduction_fen: Mapped[Fen] = mapped_column(
        default=0, comment="coupons, level discount, points, manual change and 抹零"
    )
    level_fen: Mapped[Fen] = mapped_column(default=0, comment="等级折扣")
    points_fen: Mapped[Fen] = mapped_column(default=0, comment="积分抵现")
    points_spent: Mapped[int] = mapped_column(default=0, comment="积分 paid for points_fen")
    manual_fen: Mapped[Fen] = mapped_column(default=0, comment="手动批价, of reduction_fen")
    rounding_fen: Mapped[Fen] = mapped_column(default=0, comment="抹零, of reduction_fen")
    paid_fen: Mapped[Fen] = mapped_column(comment="cash + wechat + card + balance")
    refunded_fen: Mapped[Fen] = mapped_column(default=0, comment="of what was paid")
    earning: Mapped[JsonObject] = mapped_column(
        JSON, default=dict, comment="the rule that its points were earned by"
    )
    answer: Mapped[JsonObject] = mapped_column(JSON, comment="what the till was told")
    receipt_text: Mapped[str] = mapped_column(Text, default="")
    printed: Mapped[int] = mapped_column(default=1, comment="第几次打印")
    request_id: Mapped[str] = mapped_column(String(64), default="")


class BillLine(MerchantRow, BaseModel):
    """账单明细."""

    __tablename__ = "bill_line"
    __table_args__ = table_args(
        UniqueConstraint("bill_id", "line"), in_merchant("bill_id", to="bill")
    )
    id: Mapped[Id]
    bill_id: Mapped[Ref]
    line: Mapped[int]
    dish: Mapped[Code]
    name: Mapped[Name]
    category: Mapped[Code] = mapped_column(default="")
    thousandths: Mapped[int] = mapped_column(comment="数量 × 1000")
    price_fen: Mapped[Fen]
    reduction_fen: Mapped[Fen] = mapped_column(
        default=0, comment="coupons, level discount, points, manual change and 抹零"
    )
    level_fen: Mapped[Fen] = mapped_column(default=0)
    manual_fen: Mapped[Fen] = mapped_column(default=0)
    rounding_fen: Mapped[Fen] = mapped_column(default=0)
    points_fen: Mapped[Fen] = mapped_column(default=0)


class BillTender(MerchantRow, BaseModel):
    """付款方式: money, or 票券 by number."""

    __tablename__ = "bill_tender"
    __table_args__ = table_args(
        UniqueConstraint("bill_id", "position"), in_merchant("bill_id", to="bill")
    )
    id: Mapped[Id]
    bill_id: Mapped[Ref]
    position: Mapped[int]
    method: Mapped[str] = mapped_column(String(10))
    amount_fen: Mapped[Fen]
    coupon_id: Mapped[int | None] = mapped_column(RowId)


class Refund(MerchantRow, BaseModel):
    """退款, whole or by lines. One per bill and the till's own number of it, for ever."""

    __tablename__ = "refund"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("bill_id", "number"),
        in_merchant("bill_id", to="bill"),
        Index(None, "merchant_id", "bill_id"),
        Index(None, "merchant_id", "refunded_at"),
        CheckConstraint("refunded_fen >= 0", name="amount"),
    )
    id: Mapped[Id]
    bill_id: Mapped[Ref]
    number: Mapped[Code]
    fingerprint: Mapped[str] = mapped_column(String(64), comment="sha256 of what was asked")
    refunded_at: Mapped[Instant]
    refunded_fen: Mapped[Fen] = mapped_column(comment="of what was paid in money")
    service_fen: Mapped[Fen] = mapped_column(default=0, comment="of it, service fee")
    reason: Mapped[str] = mapped_column(String(200), default="")
    by: Mapped[str] = mapped_column(String(80), default="")
    answer: Mapped[JsonObject] = mapped_column(JSON, comment="what the till was told")
    request_id: Mapped[str] = mapped_column(String(64), default="")


class RefundLine(MerchantRow, BaseModel):
    """退款明细: units of a line, and what they give back."""

    __tablename__ = "refund_line"
    __table_args__ = table_args(
        UniqueConstraint("refund_id", "line"),
        in_merchant("refund_id", to="refund"),
        in_merchant("bill_id", to="bill"),
        Index(None, "bill_id", "line"),
        CheckConstraint("thousandths > 0", name="thousandths"),
    )
    id: Mapped[Id]
    refund_id: Mapped[Ref]
    bill_id: Mapped[Ref]
    line: Mapped[int]
    thousandths: Mapped[int] = mapped_column(comment="数量 × 1000")
    paid_fen: Mapped[Fen] = mapped_column(comment="in money")
    level_fen: Mapped[Fen] = mapped_column(default=0)
    points_fen: Mapped[Fen] = mapped_column(default=0)


class RefusedBill(MerchantRow, BaseModel):
    """离线补传未入账: a bill settled offline that could not be entered, kept until someone has
    looked at it, or a bill of this number is settled."""

    __tablename__ = "refused_bill"
    __table_args__ = table_args(
        UniqueConstraint("store_id", "number", "fingerprint"),
        in_merchant("store_id", to="store"),
        Index(None, "merchant_id", "received_at"),
    )
    id: Mapped[Id]
    store_id: Mapped[Ref]
    number: Mapped[Code]
    fingerprint: Mapped[str] = mapped_column(String(64))
    content: Mapped[JsonObject] = mapped_column(JSON, comment="the bill as sent")
    code: Mapped[str] = mapped_column(String(40), comment="why not")
    message: Mapped[str] = mapped_column(String(300))
    received_at: Mapped[Instant]
    handled_at: Mapped[Instant | None]
    handled_by: Mapped[str] = mapped_column(String(80), default="")
    note: Mapped[str] = mapped_column(String(200), default="", comment="what was done about it")
