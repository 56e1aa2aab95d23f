"""收款: WeChat Pay says that a bill was paid, by notice or asked; each payment is taken once."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import update

from backend import background, faults, tenancy
from backend.card_pack import queries as card_pack
from backend.database import MetAnother, changed, table_of, transactional
from backend.open_bills import held_points, queries
from backend.open_bills.errors import PaymentMismatch, PaymentUnknown
from backend.open_bills.models import OpenBillState, PaymentState, ScanPayment
from backend.open_bills.promise import keep, release, rounding_of
from backend.open_bills.put import move
from backend.open_bills.queries import BillOnTable, Payment
from backend.open_bills.till_events import (
    MISMATCH,
    PAID,
    STRAY,
    bill_subject,
    paid_by,
    tell,
    was_told,
)
from backend.sales.bill import Method
from backend.sales.queries import settled
from backend.wechat.pay import PaidNotice

log = logging.getLogger(__name__)

KEPT = timedelta(days=30)
"""How long a paid bill's price and locks hold for the till to settle it."""

_payments = table_of(ScanPayment)


def take(notice: PaidNotice, *, now: datetime) -> None:
    """收款. Any number of times; PaymentUnknown, PaymentMismatch."""
    if not notice.is_paid:
        return
    with tenancy.acting_for(notice.merchant_id):
        try:
            _take(notice, now=now)
        except PaymentMismatch:
            _tell_mismatch(notice, now=now)
            raise
    faults.point("payment.after_commit")


@transactional
def _take(notice: PaidNotice, *, now: datetime) -> None:
    """The bill is held first, as everybody who moves it does. Paid for a bill that is still open
    by its live payment: the bill is paid. Else the money goes back."""
    found = queries.payment_of_order(notice.out_trade_no)
    if found is None:
        raise PaymentUnknown()
    bill = queries.held_by_id(found.open_bill_id)
    payment = queries.payment(found.id) or found
    _refuse_mismatch(payment, notice)
    if payment.state not in (PaymentState.PREPARED, PaymentState.CLOSED):
        return
    is_wanted = (
        payment.live
        and bill.state is OpenBillState.OPEN
        and settled(bill.store_id, bill.number) is None
    )
    _move(payment, PaymentState.PAID if is_wanted else PaymentState.STRAY, notice, now=now)
    if is_wanted:
        mark_paid(
            bill,
            quote_code=payment.quote_code,
            member_id=payment.member_id,
            payment=payment,
            transaction_id=notice.transaction_id,
            now=now,
        )
    else:
        give_up(payment, bill, now=now)
        tell_stray(bill, payment, now=now)
    faults.point("payment.before_commit")


def mark_paid(
    bill: BillOnTable,
    *,
    quote_code: str,
    member_id: int,
    payment: Payment | None = None,
    transaction_id: str = "",
    now: datetime,
) -> None:
    """已支付: the till is told all that it needs to settle with one call."""
    move(bill, OpenBillState.PAID, paid_at=now)
    coupon_ids = keep(quote_code, bill, lasts=KEPT, now=now)
    amount_fen = 0 if payment is None else payment.amount_fen
    tell(
        bill.store_id,
        PAID,
        subject=bill_subject(bill.id),
        content={
            "bill": bill.number,
            "table": bill.content.table,
            "amount_fen": amount_fen,
            "quote_id": quote_code,
            "member_id": member_id,
            "rounding_fen": rounding_of(quote_code),
            "coupons": [coupon.number for coupon in card_pack.by_ids(coupon_ids, now=now)],
            "tenders": [{"method": Method.WECHAT.value, "amount_fen": amount_fen}]
            if amount_fen
            else [],
            "payment": None if payment is None else payment.out_trade_no,
            "transaction_id": transaction_id,
        },
        now=now,
    )


def tell_stray(bill: BillOnTable, payment: Payment, *, now: datetime) -> None:
    """The till is told of money that came too late, and that it goes back by itself."""
    tell(
        bill.store_id,
        STRAY,
        subject=payment.out_trade_no,
        content={
            "bill": bill.number,
            "table": bill.content.table,
            "amount_fen": payment.amount_fen,
            "member_id": payment.member_id,
            "payment": payment.out_trade_no,
        },
        now=now,
    )
    background.enqueue(
        "jobs.open_bills.give_back", tenancy.merchant_id(), payment.id, queue=background.PROMPT
    )


def give_up(payment: Payment, bill: BillOnTable, *, now: datetime) -> None:
    """The payment does not pay the bill: its coupons are free, unless the bill is being paid or
    was paid with them too; its points go back."""
    live, paid = queries.live_payment(bill.id), paid_by(bill.store_id, bill.id)
    others = [each.quote_code for each in (live, paid) if each is not None]
    release(payment.quote_code, bill, but=others, now=now)
    held_points.give_back(held_points.kept_as(payment.out_trade_no), now=now)


def _move(payment: Payment, state: PaymentState, notice: PaidNotice, *, now: datetime) -> None:
    step = update(_payments).where(
        _payments.c.merchant_id == tenancy.merchant_id(),
        _payments.c.id == payment.id,
        _payments.c.state == payment.state,
    )
    values = {"state": state, "live_key": None, "paid_at": now}
    if not changed(step.values(**values, transaction_id=notice.transaction_id)):
        raise MetAnother("the payment changed between look and write")


def _refuse_mismatch(payment: Payment, notice: PaidNotice) -> None:
    asked = (payment.amount_fen, payment.openid, payment.app_id)
    if (notice.amount_fen, notice.openid, notice.app_id) != asked:
        raise PaymentMismatch()


@transactional
def _tell_mismatch(notice: PaidNotice, *, now: datetime) -> None:
    """Staff are told once, at the till and at the desk, however often WeChat Pay says it."""
    payment = queries.payment_of_order(notice.out_trade_no)
    if payment is None:
        return
    bill = queries.held_by_id(payment.open_bill_id)
    if was_told(bill.store_id, MISMATCH, subject=payment.out_trade_no):
        return
    log.error(
        "A payment differs from its order; it is not taken",
        extra={"out_trade_no": payment.out_trade_no, "amount_fen": notice.amount_fen},
    )
    tell(
        bill.store_id,
        MISMATCH,
        subject=payment.out_trade_no,
        content={
            "bill": bill.number,
            "table": bill.content.table,
            "amount_fen": payment.amount_fen,
            "paid_fen": notice.amount_fen,
            "member_id": payment.member_id,
            "payment": payment.out_trade_no,
            "transaction_id": notice.transaction_id,
        },
        now=now,
    )
