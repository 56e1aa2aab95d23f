"""清理: quotes that nobody can settle by any more, and what tills were told more than a month ago.

How a bill was paid stays for ever: a refund years later asks for it. So does the newest number of
each store: numbers are never given twice.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, select

from backend import tenancy
from backend.database import changed, db, end_read, table_of, transactional
from backend.open_bills.models import OpenBill, OpenBillState, PaymentState, ScanPayment, TillEvent
from backend.open_bills.till_events import PAID
from backend.sales.models import Quote

QUOTES_KEPT = timedelta(days=30)
"""After they are over: a till that was offline names them when it sends its bills."""

EVENTS_KEPT = timedelta(days=30)
AT_ONCE = 500

_quotes, _events = table_of(Quote), table_of(TillEvent)
_bills, _payments = table_of(OpenBill), table_of(ScanPayment)


def sweep(*, now: datetime, most: int = 20) -> int:
    """How many rows went, in at most ``most`` chunks of either kind."""
    with tenancy.across_merchants("the tick puts away what is old at every merchant"):
        return sum(_sweep(chunk, now=now, most=most) for chunk in (_forget_quotes, _forget_events))


def _sweep(chunk: Callable[..., int], *, now: datetime, most: int) -> int:
    gone = 0
    for _ in range(most):
        went = chunk(now=now)
        gone += went
        if went < AT_ONCE:
            break
    end_read()
    return gone


@transactional
def _forget_quotes(*, now: datetime) -> int:
    """All but those by which a guest pays, or has paid a bill that is not settled."""
    is_needed = exists().where(
        _payments.c.quote_code == _quotes.c.code,
        _payments.c.open_bill_id == _bills.c.id,
        _payments.c.state.in_((PaymentState.PREPARED, PaymentState.PAID)),
        _bills.c.state.in_((OpenBillState.OPEN, OpenBillState.PAID)),
    )
    old = (
        select(_quotes.c.id)
        .where(_quotes.c.expires_at < now - QUOTES_KEPT, ~is_needed)
        .order_by(_quotes.c.expires_at)
        .limit(AT_ONCE)
    )
    ids = list(db.session.connection().scalars(old))
    return changed(delete(_quotes).where(_quotes.c.id.in_(ids))) if ids else 0


@transactional
def _forget_events(*, now: datetime) -> int:
    newer = _events.alias("newer")
    newest = (
        select(func.max(newer.c.seq))
        .where(newer.c.store_id == _events.c.store_id)
        .correlate(_events)
        .scalar_subquery()
    )
    old = (
        select(_events.c.id)
        .where(_events.c.at < now - EVENTS_KEPT, _events.c.kind != PAID, _events.c.seq < newest)
        .order_by(_events.c.id)
        .limit(AT_ONCE)
    )
    ids = list(db.session.connection().scalars(old))
    return changed(delete(_events).where(_events.c.id.in_(ids))) if ids else 0
