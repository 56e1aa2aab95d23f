"""结账 of a bill that may lie open on a table: settled here, it is over on every phone.

Whoever was first wins. Paid by phone, it is settled with that money; a till that had settled it
before the guest paid keeps its settlement, and the guest's money goes back.
"""

from datetime import datetime

from sqlalchemy import update

from backend import tenancy
from backend.database import MetAnother, changed, table_of, transactional
from backend.merchants.queries import Place
from backend.open_bills import held_points, queries
from backend.open_bills.errors import BillPaid
from backend.open_bills.models import OpenBillState, PaymentState, ScanPayment
from backend.open_bills.put import give_up_payment, move
from backend.open_bills.queries import BillOnTable
from backend.open_bills.taking import tell_stray
from backend.open_bills.till_events import paid_by
from backend.redemption.redeem import Redeemer
from backend.sales import settle as sales
from backend.sales.bill import Bill, Method
from backend.sales.bill import paid_by as paid_with
from backend.sales.queries import Settlement

_payments = table_of(ScanPayment)


def settle(bill: Bill, *, here: Place, by: Redeemer, now: datetime) -> Settlement:
    """结账, as ``sales.settle``; BillPaid when it leaves out what a guest has paid by phone."""
    if not queries.lies_open(here.store_id, bill.number):
        return sales.settle(bill, here=here, by=by, now=now)
    return _settle(bill, here=here, by=by, now=now)


@transactional
def _settle(bill: Bill, *, here: Place, by: Redeemer, now: datetime) -> Settlement:
    on_table = queries.held(here.store_id, bill.number)
    if on_table is None or on_table.state is OpenBillState.SETTLED:
        return sales.settle(bill, here=here, by=by, now=now)
    kept = ""
    if on_table.state is OpenBillState.PAID:
        _honour(on_table, bill, now=now)
        kept = _kept_points(on_table, bill, now=now)
    settlement = sales.settle(bill, here=here, by=by, held_points=kept, now=now)
    move(on_table, OpenBillState.SETTLED)
    give_up_payment(on_table.id)
    return settlement


def _kept_points(on_table: BillOnTable, bill: Bill, *, now: datetime) -> str:
    """The cause of the points that the guest paid with; a till that settles without their quote
    takes none, they go back."""
    paid = paid_by(on_table.store_id, on_table.id)
    if paid is None:
        return ""
    cause = held_points.of_paid(paid)
    if bill.quote_id == paid.quote_code:
        return cause
    held_points.give_back(cause, now=now)
    return ""


def _honour(on_table: BillOnTable, bill: Bill, *, now: datetime) -> None:
    """The money paid by phone stands among the tenders, or it goes back since it came later."""
    paid = paid_by(on_table.store_id, on_table.id)
    if paid is None or paid.payment is None:
        return
    if paid_with(bill.tenders, Method.WECHAT) >= paid.amount_fen:
        return
    if on_table.paid_at is None or bill.settled_at >= on_table.paid_at:
        raise BillPaid(bill=bill.number, paid_fen=paid.amount_fen)
    payment = queries.payment_of_order(paid.payment)
    if payment is None:
        return
    step = update(_payments).where(
        _payments.c.merchant_id == tenancy.merchant_id(),
        _payments.c.id == payment.id,
        _payments.c.state == PaymentState.PAID,
    )
    if not changed(step.values(state=PaymentState.STRAY)):
        raise MetAnother("the payment changed between look and write")
    tell_stray(on_table, payment, now=now)
