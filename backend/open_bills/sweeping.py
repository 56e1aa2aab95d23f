"""清理: quotes that nobody can settle by any more, and what tills were told more than a month ago.

How a bill was paid stays for ever: a refund years later asks for it. Of the numbers that go each
store keeps the count (``TillNumbers``): what else is missing was taken by somebody.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select, update

from backend import tenancy
from backend.database import MetAnother, changed, db, end_read, table_of, transactional
from backend.open_bills.models import (
    OpenBill,
    OpenBillState,
    PaymentState,
    ScanPayment,
    TillEvent,
    TillNumbers,
)
from backend.open_bills.till_events import PASSING
from backend.sales.models import Quote

QUOTES_KEPT = timedelta(days=30)
"""After they are over: a till that was offline names them when it sends its bills."""

EVENTS_KEPT = timedelta(days=30)
AT_ONCE = 500

_quotes, _events, _numbers = table_of(Quote), table_of(TillEvent), table_of(TillNumbers)
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
    old = db.session.connection().execute(
        select(_events.c.id, _events.c.store_id)
        .where(
            _events.c.kind.in_(PASSING),
            _events.c.at < now - EVENTS_KEPT,
            _events.c.seq.is_not(None),
        )
        .limit(AT_ONCE)
    )
    store_of = {row.id: row.store_id for row in old}
    if not store_of:
        return 0
    gone = changed(delete(_events).where(_events.c.id.in_(store_of)))
    for store_id, many in sorted(Counter(store_of.values()).items()):
        mine = update(_numbers).where(_numbers.c.store_id == store_id)
        changed(mine.values(swept=_numbers.c.swept + many))
    if gone != len(store_of):
        raise MetAnother("another sweep took some of them")
    return gone
