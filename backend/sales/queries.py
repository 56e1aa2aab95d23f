"""结账查询: what a till was told of a bill number before."""

from dataclasses import dataclass

from sqlalchemy import select

from backend import tenancy
from backend.database import db, table_of
from backend.sales import models
from backend.sales.receipt import ReceiptData, read

_bills = table_of(models.Bill)


@dataclass(frozen=True)
class Settlement:
    """结账结果, as the till is told, the first time and every other time. ``gift`` is the code of
    the claim link made for it (S2-51)."""

    bill: str
    paid_fen: int
    reduction_fen: int
    points_earned: int
    points_total: int | None
    balance_fen: int | None
    customer_class: str | None
    level: str | None
    receipt: ReceiptData
    receipt_text: str
    gift: str | None = None


@dataclass(frozen=True)
class Earlier:
    """An earlier settlement under this number, and what was settled."""

    settlement: Settlement
    fingerprint: str


def settled(store_id: int, number: str) -> Earlier | None:
    """The settlement of this store's bill number, if there is one."""
    row = (
        db.session.connection()
        .execute(
            select(_bills.c.answer, _bills.c.fingerprint, _bills.c.receipt_text).where(
                _bills.c.merchant_id == tenancy.merchant_id(),
                _bills.c.store_id == store_id,
                _bills.c.number == number,
            )
        )
        .one_or_none()
    )
    if row is None:
        return None
    answer = {**row.answer, "receipt": read(row.answer["receipt"])}
    return Earlier(Settlement(**answer, receipt_text=row.receipt_text), row.fingerprint)
