"""待办: payments that are not at their end, and what is to be done about each."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from backend import tenancy
from backend.database import db, end_read, table_of
from backend.open_bills.models import PaymentState, ScanPayment
from backend.open_bills.paying import LASTS, ON_ITS_WAY

_payments = table_of(ScanPayment)


class Deed(StrEnum):
    END = "end"
    ASK = "ask"
    GIVE_BACK = "give_back"


@dataclass(frozen=True)
class DuePayment:
    """One payment to look after."""

    merchant_id: int
    payment_id: int
    deed: Deed


def due(now: datetime, *, most: int = 200) -> list[DuePayment]:
    """The oldest first."""
    with tenancy.across_merchants("the tick looks after every merchant's payments"):
        rows = db.session.connection().execute(
            select(
                _payments.c.id,
                _payments.c.merchant_id,
                _payments.c.live_key,
                _payments.c.state,
                _payments.c.prepay_id,
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
                deed := deed_for(
                    PaymentState(row.state),
                    is_live=row.live_key is not None,
                    is_prepared=bool(row.prepay_id),
                    created_at=row.created_at,
                    now=now,
                )
            )
        ]
    end_read()
    return found


def deed_for(
    state: PaymentState, *, is_live: bool, is_prepared: bool, created_at: datetime, now: datetime
) -> Deed | None:
    """A payment under way is asked for, one that is over or given up ended; one whose preparing
    died is over after half a minute."""
    if state is not PaymentState.PREPARED:
        return Deed.GIVE_BACK
    if now >= created_at + LASTS:
        return Deed.END
    if not is_prepared:
        return Deed.END if now >= created_at + ON_ITS_WAY else None
    return Deed.ASK if is_live else Deed.END
