"""第三方商城: what bound shops sent."""

from sqlalchemy import JSON, String, UniqueConstraint
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
    table_args,
)
from backend.tenancy import MerchantRow


class MallEvent(MerchantRow, BaseModel):
    """商城推送. One per shop and event id, for ever; the same again answers the same."""

    __tablename__ = "mall_event"
    __table_args__ = table_args(
        UniqueConstraint("shop_id", "event_id"), in_merchant("shop_id", to="mall_shop")
    )
    id: Mapped[Id]
    shop_id: Mapped[Ref]
    event_id: Mapped[Code]
    fingerprint: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(10))
    voucher_id: Mapped[int | None] = mapped_column(RowId)
    answer: Mapped[JsonObject] = mapped_column(JSON)
    received_at: Mapped[Instant]
