"""未结账单, its payments by phone, and what the till is told of."""

from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import (
    BaseModel,
    Code,
    Fen,
    Id,
    Instant,
    JsonObject,
    Ref,
    RowId,
    in_merchant,
    one_of,
    table_args,
    within_merchant,
)
from backend.tenancy import MerchantRow

ORDER_NUMBER_CHARS = 30
"""商户单号: as long as every one of ours is; a refund's number begins with its order's."""


class OpenBillState(StrEnum):
    """``paid``: by phone, waiting for the till to settle it. ``withdrawn``: the till dropped it."""

    OPEN = "open"
    PAID = "paid"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"


class PaymentState(StrEnum):
    """``prepared`` waits for the guest; without a ``live_key`` it was given up and is to be closed.
    ``closed`` can no longer be paid. ``stray``: paid although the bill was settled or paid
    otherwise, to be refunded whole. ``refunding``: its settled bill was refunded, not yet it."""

    PREPARED = "prepared"
    PAID = "paid"
    CLOSED = "closed"
    STRAY = "stray"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class OpenBill(MerchantRow, BaseModel):
    """未结账单 (挂单) as the till last put it. ``token`` is what its table code leads to."""

    __tablename__ = "open_bill"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("store_id", "number"),
        UniqueConstraint("token"),
        in_merchant("store_id", to="store"),
        one_of("state", OpenBillState),
        Index(None, "store_id", "table_name"),
        Index(None, "merchant_id", "state"),
    )
    id: Mapped[Id]
    store_id: Mapped[Ref]
    number: Mapped[Code]
    token: Mapped[str] = mapped_column(String(40))
    table_name: Mapped[str] = mapped_column(String(20), default="", comment="台位")
    state: Mapped[str] = mapped_column(String(10), default=OpenBillState.OPEN)
    content: Mapped[JsonObject] = mapped_column(JSON, comment="lines, service_fen, guests …")
    fingerprint: Mapped[str] = mapped_column(String(64), comment="of the content")
    put_at: Mapped[Instant]
    paid_at: Mapped[Instant | None]


class ScanPayment(MerchantRow, BaseModel):
    """扫码支付: one order at WeChat Pay. At most one live payment per open bill (``live_key``)."""

    __tablename__ = "scan_payment"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("out_trade_no"),
        UniqueConstraint("live_key"),
        in_merchant("open_bill_id", to="open_bill"),
        one_of("state", PaymentState),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint("refunded_fen >= 0 and refunded_fen <= amount_fen", name="refunded"),
        Index(None, "state", "created_at"),
        Index(None, "quote_code"),
    )
    id: Mapped[Id]
    open_bill_id: Mapped[Ref]
    live_key: Mapped[int | None] = mapped_column(RowId, comment="the bill while it may be paid")
    out_trade_no: Mapped[str] = mapped_column(String(32))
    app_id: Mapped[Code]
    openid: Mapped[Code]
    member_id: Mapped[Ref]
    quote_code: Mapped[str] = mapped_column(String(40))
    amount_fen: Mapped[Fen]
    state: Mapped[str] = mapped_column(String(10), default=PaymentState.PREPARED)
    preparing_until: Mapped[Instant] = mapped_column(comment="machine time; no prepay id yet")
    prepay_id: Mapped[str] = mapped_column(String(80), default="")
    transaction_id: Mapped[str] = mapped_column(String(40), default="")
    refund_id: Mapped[str] = mapped_column(String(40), default="", comment="WeChat's newest")
    refunded_fen: Mapped[Fen] = mapped_column(default=0, comment="what WeChat Pay gave back")
    created_at: Mapped[Instant]
    paid_at: Mapped[Instant | None]
    refunded_at: Mapped[Instant | None]


class TillEvent(MerchantRow, BaseModel):
    """收银事件: what a store's till is told at once, and finds again by polling. ``seq`` is given
    by whoever reads it first, so that a till never sees a higher one before a lower one."""

    __tablename__ = "till_event"
    __table_args__ = table_args(
        UniqueConstraint("store_id", "kind", "subject"),
        UniqueConstraint("store_id", "seq"),
        in_merchant("store_id", to="store"),
        Index(None, "store_id", "at"),
        Index(None, "kind", "at"),
    )
    id: Mapped[Id]
    store_id: Mapped[Ref]
    seq: Mapped[int | None] = mapped_column(RowId, comment="per store, in the order read")
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(64), comment="what it is about: told once")
    content: Mapped[JsonObject] = mapped_column(JSON)
    at: Mapped[Instant]


class TillNumbers(MerchantRow, BaseModel):
    """收银事件的编号: how many a store has given, and how many of those were swept; the others
    stand in ``till_event``. There is a row as soon as one is given."""

    __tablename__ = "till_numbers"
    __table_args__ = table_args(UniqueConstraint("store_id"), in_merchant("store_id", to="store"))
    id: Mapped[Id]
    store_id: Mapped[Ref]
    given: Mapped[int] = mapped_column(RowId, comment="the highest; none is left out")
    swept: Mapped[int] = mapped_column(RowId, default=0, comment="清理")
