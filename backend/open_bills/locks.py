"""解锁 at the till: what a guest is paying with, or has paid with, is not let go."""

from collections.abc import Sequence
from datetime import datetime

from backend.database import transactional
from backend.merchants.queries import Place
from backend.open_bills import queries
from backend.open_bills.errors import BillPaid, GuestIsPaying
from backend.open_bills.models import OpenBillState
from backend.open_bills.till_events import paid_by
from backend.sales import lock as sales


@transactional
def unlock(
    scans: Sequence[str] | None, *, bill: str, here: Place, actor: str, now: datetime
) -> tuple[str, ...]:
    """解锁, as ``sales.unlock``; BillPaid, GuestIsPaying."""
    on_table = queries.held(here.store_id, bill)
    if on_table is not None and on_table.state is OpenBillState.PAID:
        paid = paid_by(here.store_id, on_table.id)
        raise BillPaid(bill=bill, paid_fen=0 if paid is None else paid.amount_fen)
    if on_table is not None and queries.live_payment(on_table.id):
        raise GuestIsPaying(bill=bill)
    return sales.unlock(scans, bill=bill, here=here, actor=actor, now=now)
