"""每日数据: what happened on one day, summed."""

from datetime import date
from enum import StrEnum

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import BaseModel, Fen, Id, Ref, one_of, table_args
from backend.tenancy import MerchantRow


class Figure(StrEnum):
    """``made``: the day was summed, when this was the newest redemption. ``people``: members
    granted something by the campaign for the first time, so that days add up. What is undone
    counts on its own day (spec/07): ``undone`` coupons, ``reduced_back`` and ``sales_back`` fen."""

    MADE = "made"
    GRANTED = "granted"
    PEOPLE = "people"
    CLAIMED = "claimed"
    REDEEMED = "redeemed"
    UNDONE = "undone"
    REDUCED = "reduced"
    REDUCED_BACK = "reduced_back"
    SALES = "sales"
    SALES_BACK = "sales_back"


class DailyFigure(MerchantRow, BaseModel):
    """每日数据 of a day of the merchant's zone. Derived: the ledgers make it again at any time."""

    __tablename__ = "daily_figure"
    __table_args__ = table_args(
        UniqueConstraint("merchant_id", "figure", "day", "campaign_id", "template_id"),
        one_of("figure", Figure),
        Index(None, "merchant_id", "campaign_id"),
        Index(None, "merchant_id", "template_id"),
    )
    id: Mapped[Id]
    day: Mapped[date]
    figure: Mapped[str] = mapped_column(String(16))
    campaign_id: Mapped[Ref] = mapped_column(default=0, comment="0: of none")
    template_id: Mapped[Ref] = mapped_column(default=0, comment="0: of none")
    value: Mapped[Fen] = mapped_column(comment="pieces, people, fen")
