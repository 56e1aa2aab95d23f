"""退还: what was paid by phone goes back through WeChat Pay, each part once by a number of its own.

A stray payment goes back whole. Of a settled bill that the till refunded goes back what each
refund gave in money beyond the balance, in their order, never more than was paid by phone.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import select, update

from backend import background, faults, tenancy
from backend.database import changed, db, table_of, transactional
from backend.merchants.queries import Place
from backend.open_bills import queries
from backend.open_bills.models import PaymentState, ScanPayment
from backend.open_bills.queries import BillOnTable, Payment
from backend.open_bills.till_events import REFUND_FAILED, REFUNDED, paid_by, tell, was_told
from backend.sales import refund as sales
from backend.sales.models import Bill, Refund
from backend.sales.refund import RefundAnswer
from backend.sales.refund_records import RefundOrder
from backend.wechat import pay as wechat_pay
from backend.wechat.pay import RefundNotice, RefundState

log = logging.getLogger(__name__)

_payments, _bills, _refunds = table_of(ScanPayment), table_of(Bill), table_of(Refund)
_GOES_BACK = (RefundState.SUCCESS, RefundState.PROCESSING)


@dataclass(frozen=True)
class Part:
    """One refund at WeChat Pay: its number there, and what has gone back once it is done."""

    number: str
    after_fen: int


@transactional
def refund(order: RefundOrder, *, bill: str, here: Place, by: str, now: datetime) -> RefundAnswer:
    """退款, as ``sales.refund``; what was paid by phone goes back there, soon."""
    on_table = queries.held(here.store_id, bill)
    answer = sales.refund(order, bill=bill, here=here, by=by, now=now)
    if on_table is not None and (payment := _payment_of(on_table)) is not None:
        _owe(payment, on_table)
    return answer


def give_back(payment_id: int, *, now: datetime) -> None:
    """Send what is due to go back; sent again after a lost answer, it is the same refund."""
    while payment := queries.payment(payment_id):
        if payment.state not in (PaymentState.STRAY, PaymentState.REFUNDING):
            return
        bill = queries.bill(payment.open_bill_id)
        part = next(_parts(payment, bill), None)
        if part is None:
            _done(payment_id)
            return
        told = wechat_pay.refund(
            out_trade_no=payment.out_trade_no,
            out_refund_no=part.number,
            refund_fen=part.after_fen - payment.refunded_fen,
            total_fen=payment.amount_fen,
            reason=f"账单{bill.number}退款",
            notify_url=wechat_pay.notify_address(tenancy.merchant_id()),
        )
        faults.point("give_back.told")
        if told.state not in _GOES_BACK:
            _tell_failed(told, now=now)
            return
        if not _went_back(payment, bill, part, told, now=now):
            return
        faults.point("give_back.recorded")


def hear(notice: RefundNotice, *, now: datetime) -> None:
    """退款通知: only what failed is news."""
    if notice.state in _GOES_BACK:
        return
    with tenancy.acting_for(notice.merchant_id):
        _tell_failed(notice, now=now)


@transactional
def _tell_failed(told: RefundNotice, *, now: datetime) -> None:
    """Once per refund: the guest's account does not take it, staff must see to it."""
    payment = queries.payment_of_order(told.out_trade_no)
    if payment is None:
        return
    bill = queries.held_by_id(payment.open_bill_id)
    log.error("WeChat Pay cannot give back %s: %s", told.out_refund_no, told.state)
    if not was_told(bill.store_id, REFUND_FAILED, subject=told.out_refund_no):
        content = _content(bill, payment, told.out_refund_no, told.refund_fen)
        tell(bill.store_id, REFUND_FAILED, subject=told.out_refund_no, content=content, now=now)


def _payment_of(on_table: BillOnTable) -> Payment | None:
    paid = paid_by(on_table.store_id, on_table.id)
    if paid is None or paid.payment is None:
        return None
    return queries.payment_of_order(paid.payment)


def _owe(payment: Payment, on_table: BillOnTable) -> None:
    if next(_parts(payment, on_table), None) is None:
        return
    changed(
        update(_payments)
        .where(
            _payments.c.merchant_id == tenancy.merchant_id(),
            _payments.c.id == payment.id,
            _payments.c.state.in_((PaymentState.PAID, PaymentState.REFUNDED)),
        )
        .values(state=PaymentState.REFUNDING)
    )
    background.enqueue(
        "jobs.open_bills.give_back", tenancy.merchant_id(), payment.id, queue=background.PROMPT
    )


def _parts(payment: Payment, bill: BillOnTable) -> Iterator[Part]:
    """What is still to go back, each once for ever by its number."""
    if payment.state is PaymentState.STRAY:
        if payment.refunded_fen < payment.amount_fen:
            yield Part(f"{payment.out_trade_no}-0", payment.amount_fen)
        return
    after_fen = 0
    for refund_id, part_fen in _refunds_of(bill):
        after_fen = min(payment.amount_fen, after_fen + part_fen)
        if after_fen > payment.refunded_fen:
            yield Part(f"{payment.out_trade_no}-{refund_id}", after_fen)
            if after_fen == payment.amount_fen:
                return


def _refunds_of(bill: BillOnTable) -> list[tuple[int, int]]:
    """The till's refunds of the bill, in order: id, and the money beyond the balance."""
    rows = db.session.connection().execute(
        select(_refunds.c.id, _refunds.c.refunded_fen, _refunds.c.answer)
        .join(_bills, _bills.c.id == _refunds.c.bill_id)
        .where(
            _refunds.c.merchant_id == tenancy.merchant_id(),
            _bills.c.store_id == bill.store_id,
            _bills.c.number == bill.number,
        )
        .order_by(_refunds.c.id)
    )
    return [(row.id, row.refunded_fen - row.answer["balance_back_fen"]) for row in rows]


@transactional
def _went_back(
    payment: Payment, bill: BillOnTable, part: Part, told: RefundNotice, *, now: datetime
) -> bool:
    """Whether it was this call that wrote it down; another worker may have sent the same."""
    wrote = changed(
        update(_payments)
        .where(
            _payments.c.merchant_id == tenancy.merchant_id(),
            _payments.c.id == payment.id,
            _payments.c.state == payment.state,
            _payments.c.refunded_fen == payment.refunded_fen,
        )
        .values(refunded_fen=part.after_fen, refund_id=told.refund_id, refunded_at=now)
    )
    if wrote:
        back_fen = part.after_fen - payment.refunded_fen
        content = _content(bill, payment, part.number, back_fen)
        tell(bill.store_id, REFUNDED, subject=part.number, content=content, now=now)
    return bool(wrote)


@transactional
def _done(payment_id: int) -> None:
    """Nothing is owed any more; a refund that was made meanwhile is seen under the held bill."""
    found = queries.payment(payment_id)
    if found is None:
        return
    bill = queries.held_by_id(found.open_bill_id)
    payment = queries.payment(payment_id) or found
    if next(_parts(payment, bill), None) is not None:
        return
    changed(
        update(_payments)
        .where(
            _payments.c.merchant_id == tenancy.merchant_id(),
            _payments.c.id == payment_id,
            _payments.c.state.in_((PaymentState.STRAY, PaymentState.REFUNDING)),
        )
        .values(state=PaymentState.REFUNDED)
    )


def _content(
    bill: BillOnTable, payment: Payment, number: str, amount_fen: int
) -> dict[str, JsonValue]:
    return {
        "bill": bill.number,
        "table": bill.content.table,
        "amount_fen": amount_fen,
        "member_id": payment.member_id,
        "payment": payment.out_trade_no,
        "refund": number,
    }
