"""手动批价: a price changed by hand by somebody who may, and the log of it. (S2-45, S2-49)"""

from dataclasses import dataclass
from datetime import datetime

from backend import tenancy
from backend.merchants import audit, authority
from backend.merchants.queries import Place
from backend.sales.errors import BeyondThePrice
from backend.sales.pricing import Price


@dataclass(frozen=True)
class ManualPrice:
    """What ``staff`` (a login) asks for: the figure to pay, or an amount to take off."""

    staff: str
    reason: str
    to_pay_fen: int | None = None
    reduce_fen: int | None = None

    def off_fen(self, price: Price) -> int:
        """What it takes off; BeyondThePrice above what is to pay, and into the service fee."""
        if self.to_pay_fen is None:
            off_fen = self.reduce_fen or 0
        else:
            off_fen = price.to_pay_fen - self.to_pay_fen
        if not 0 <= off_fen <= price.plan.to_pay_fen:
            raise BeyondThePrice(most_fen=price.plan.to_pay_fen)
        return off_fen


def changed(price: Price, asked: ManualPrice, *, here: Place) -> Price:
    """改价 by whoever may at this store; MayNotChangePrice for everybody else."""
    authority.price_changer(asked.staff, store_code=here.code)
    return price.by_hand(asked.off_fen(price))


def log(
    asked: ManualPrice, price: Price, *, quote: str, bill: str | None, till: str, now: datetime
) -> None:
    """操作日志: who, what, before, after, why, at which till; in the transaction of the quote."""
    manual_fen = price.plan.manual_fen
    audit.record(
        "price.change",
        subject=f"账单 {bill}" if bill else f"报价 {quote}",
        actor=asked.staff,
        merchant_id=tenancy.merchant_id(),
        before={"to_pay_fen": price.to_pay_fen + manual_fen},
        after={
            "to_pay_fen": price.to_pay_fen,
            "manual_fen": manual_fen,
            "reason": asked.reason,
            "quote": quote,
        },
        origin=till,
        now=now,
    )
