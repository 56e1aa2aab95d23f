"""退回顾客: a bill that was paid by phone and will not be settled is withdrawn; the guest gets back
their money, whole, and the coupons and points that they paid with."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update

from backend import background, faults, tenancy
from backend.database import MetAnother, after_commit, changed, table_of, transactional
from backend.merchants import audit
from backend.open_bills import held_points, queries
from backend.open_bills.errors import BillNotPaid
from backend.open_bills.models import OpenBillState, PaymentState, ScanPayment
from backend.open_bills.promise import lapse, release
from backend.open_bills.put import move
from backend.open_bills.queries import BillOnTable
from backend.open_bills.till_events import PaidBy, paid_by, put_aside
from backend.sales.errors import BillConflict, BillNotFound

_payments = table_of(ScanPayment)


@dataclass(frozen=True)
class CalledOff:
    """``amount_fen`` goes back through WeChat Pay, soon."""

    bill: str
    state: OpenBillState
    amount_fen: int


@transactional
def call_off(
    number: str, *, store_id: int, reason: str, by: str, origin: str = "", now: datetime
) -> CalledOff:
    """退回顾客, once; asked again it is withdrawn already, with nothing more to go back.
    BillNotPaid while nobody has paid it, BillConflict once it is settled."""
    bill = queries.held(store_id, number)
    if bill is None:
        raise BillNotFound()
    if bill.state is OpenBillState.WITHDRAWN:
        return CalledOff(number, bill.state, 0)
    if bill.state is OpenBillState.SETTLED:
        raise BillConflict(bill=number)
    paid = paid_by(store_id, bill.id)
    if bill.state is not OpenBillState.PAID or paid is None:
        raise BillNotPaid(bill=number)
    move(bill, OpenBillState.WITHDRAWN)
    _free(paid, bill, now=now)
    audit.record(
        "payment.return",
        subject=f"账单 {number}",
        actor=by,
        merchant_id=tenancy.merchant_id(),
        after={"amount_fen": paid.amount_fen, "payment": paid.payment, "reason": reason},
        origin=origin,
        now=now,
    )
    after_commit(lambda: faults.point("call_off.after_commit"))
    faults.point("call_off.before_commit")
    return CalledOff(number, OpenBillState.WITHDRAWN, paid.amount_fen)


def _free(paid: PaidBy, bill: BillOnTable, *, now: datetime) -> None:
    """Coupons and points are the guest's again, the quote is over, the money is on its way; the
    bill may be put and paid anew."""
    release(paid.quote_code, bill, now=now)
    held_points.give_back(held_points.of_paid(paid), now=now)
    lapse(paid.quote_code, now=now)
    put_aside(bill.store_id, bill.id, known_as=paid.payment or paid.quote_code)
    payment = None if paid.payment is None else queries.payment_of_order(paid.payment)
    if payment is None:
        return
    step = update(_payments).where(
        _payments.c.merchant_id == tenancy.merchant_id(),
        _payments.c.id == payment.id,
        _payments.c.state == PaymentState.PAID,
    )
    if not changed(step.values(state=PaymentState.STRAY)):
        raise MetAnother("the payment changed between look and write")
    background.enqueue(
        "jobs.open_bills.give_back", tenancy.merchant_id(), payment.id, queue=background.PROMPT
    )
