"""待办: payments that are not at their end, and what is to be done about each."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from backend import tenancy
from backend.database import db, end_read, table_of
from backend.open_bills.models import PaymentState, ScanPayment
from backend.open_bills.paying import LASTS

_payments = table_of(ScanPayment)


class PaymentStep(StrEnum):
    END = "end"
    ASK = "ask"
    GIVE_BACK = "give_back"


@dataclass(frozen=True)
class DuePayment:
    """One payment to look after."""

    merchant_id: int
    payment_id: int
    deed: PaymentStep


def due(now: datetime, *, machine: datetime, most: int = 200) -> list[DuePayment]:
    """The oldest first; ``machine`` is the machine's time."""
    with tenancy.across_merchants("the tick looks after every merchant's payments"):
        rows = db.session.connection().execute(
            select(
                _payments.c.id,
                _payments.c.merchant_id,
                _payments.c.live_key,
                _payments.c.state,
                _payments.c.prepay_id,
                _payments.c.preparing_until,
                _payments.c.created_at,
            )
            .where(
                _payments.c.state.in_(
                    (PaymentState.PREPARED, PaymentState.STRAY, PaymentState.REFUNDING)
                )
            )
            .order_by(_payments.c.created_at, _payments.c.id)
            .limit(most)
        )
        found = [
            DuePayment(row.merchant_id, row.id, deed)
            for row in rows
            if (
                deed := next_step(
                    PaymentState(row.state),
                    is_live=row.live_key is not None,
                    is_prepared=bool(row.prepay_id),
                    is_being_prepared=not row.prepay_id and machine < row.preparing_until,
                    is_over=now >= row.created_at + LASTS,
                )
            )
        ]
    end_read()
    return found


def next_step(
    state: PaymentState, *, is_live: bool, is_prepared: bool, is_being_prepared: bool, is_over: bool
) -> PaymentStep | None:
    """A payment under way is asked for; one that is over, was given up or whose preparing died is
    ended."""
    if state is not PaymentState.PREPARED:
        return PaymentStep.GIVE_BACK
    if is_being_prepared and not is_over:
        return None
    return PaymentStep.ASK if is_live and is_prepared and not is_over else PaymentStep.END
