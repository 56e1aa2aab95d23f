"""商城券 sold, and the shops of malls that sold them."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import (
    BaseModel,
    Code,
    Fen,
    Id,
    Instant,
    Name,
    Ref,
    RowId,
    in_merchant,
    one_of,
    table_args,
    within_merchant,
)
from backend.keys import Sealed
from backend.tenancy import MerchantRow


class VoucherState(StrEnum):
    """``waiting``: sold before its product was linked."""

    WAITING = "waiting"
    LINKED = "linked"
    REVOKED = "revoked"


class MallShop(MerchantRow, BaseModel):
    """商城店铺 bound to a store (S1-08, S1-09). ``code`` is the id with which it signs; up to two
    live secrets, for rotation. ``app_id``: the mall's official account, where it is bound here."""

    __tablename__ = "mall_shop"
    __table_args__ = table_args(
        within_merchant(), UniqueConstraint("code"), in_merchant("store_id", to="store")
    )
    id: Mapped[Id]
    store_id: Mapped[Ref]
    code: Mapped[Code]
    secret: Mapped[str] = mapped_column(Sealed)
    next_secret: Mapped[str | None] = mapped_column(Sealed)
    callback_url: Mapped[str] = mapped_column(String(300), default="")
    app_id: Mapped[Code] = mapped_column(default="")
    active: Mapped[bool] = mapped_column(default=True)
    bound_at: Mapped[Instant]
    heard_at: Mapped[Instant | None] = mapped_column(comment="its first good event: 已绑定")


class MallVoucher(MerchantRow, BaseModel):
    """商城券. Its row id spells its number from the sale on; linked, it has a coupon."""

    __tablename__ = "mall_voucher"
    __table_args__ = table_args(
        within_merchant(),
        UniqueConstraint("merchant_id", "voucher"),
        in_merchant("shop_id", to="mall_shop"),
        one_of("state", VoucherState),
        CheckConstraint("paid_fen >= 0", name="paid"),
        Index(None, "merchant_id", "sold_at"),
        Index(None, "merchant_id", "product", "state"),
        Index(None, "merchant_id", "state"),
        Index(None, "merchant_id", "member_id"),
    )
    id: Mapped[Id]
    shop_id: Mapped[Ref]
    product: Mapped[Code] = mapped_column(comment="the mall's")
    order_number: Mapped[Code] = mapped_column(comment="商城订单号")
    voucher: Mapped[Name] = mapped_column(comment="the mall's own number of it")
    paid_fen: Mapped[Fen]
    sold_at: Mapped[Instant]
    member_id: Mapped[Ref] = mapped_column(comment="the buyer")
    state: Mapped[str] = mapped_column(String(10), default=VoucherState.WAITING)
    campaign_id: Mapped[int | None] = mapped_column(RowId)
    coupon_id: Mapped[int | None] = mapped_column(RowId)
    created_at: Mapped[Instant]
    linked_at: Mapped[Instant | None]
    refunded_at: Mapped[Instant | None]
