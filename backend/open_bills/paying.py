"""扫码支付 by a guest: one payment per bill at a time, at the price that their quote promised.

Two phases around the call to WeChat Pay: the row and the locks first, what WeChat answered after.
Dying between them leaves a row that the tick ends (``ending.py``).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, update

from backend import clock, faults, tenancy
from backend.database import changed, db, table_of, transactional
from backend.errors import Busy
from backend.open_bills import held_points, queries
from backend.open_bills.ending import end
from backend.open_bills.errors import BillAlreadyPaid, BillBeingPaid
from backend.open_bills.guest import Guest
from backend.open_bills.models import (
    ORDER_NUMBER_CHARS,
    OpenBillState,
    PaymentState,
    ScanPayment,
)
from backend.open_bills.promise import lock_coupons, promised
from backend.open_bills.queries import BillOnTable, Payment
from backend.open_bills.taking import mark_paid
from backend.open_bills.till_events import paid_by
from backend.sales.errors import BillConflict, BillNotFound
from backend.sales.queries import settled
from backend.wechat import pay as wechat_pay
from backend.wechat.errors import PayNotOffered, PayRefused
from backend.wechat.pay import PayParams

LASTS = timedelta(minutes=15)
"""How long the pay sheet is good."""

LOCKED_FOR = timedelta(days=1)
"""Longer than the pay sheet: whoever ends the payment releases the coupons, however late."""

ON_ITS_WAY = timedelta(seconds=30)
"""How long preparing a payment may take, by the machine's clock: a set clock may stand still."""

_payments = table_of(ScanPayment)


@dataclass(frozen=True)
class Paying:
    """支付 as the phone is told. Without ``params`` nothing was left to pay: the bill is paid."""

    amount_fen: int
    payment: str | None = None
    params: PayParams | None = None
    expires_at: datetime | None = None


def pay(token: str, quote_code: str, *, guest: Guest, now: datetime) -> Paying:
    """支付. The same quote again is the same payment; another quote of the same guest ends the
    payment before it. BillBeingPaid while it is somebody else's."""
    bill = queries.by_token(token)
    if (paid := _paid_by_me(bill, guest)) is not None:
        return paid
    if live := queries.live_payment(bill.id):
        if _goes_on(live, quote_code, guest=guest, now=now):
            return _told(live, wechat_pay.params(live.app_id, live.prepay_id))
        _refuse_others(live, guest=guest, now=now)
        end(live.id, now=now)
        if (paid := _paid_by_me(queries.by_token(token), guest)) is not None:
            return paid
    payment = _begin(bill.id, quote_code, guest=guest, now=now)
    return Paying(0) if payment is None else _prepare(payment, bill, now=now)


@transactional
def _begin(bill_id: int, quote_code: str, *, guest: Guest, now: datetime) -> Payment | None:
    """First phase: coupons locked, the payment written. None: nothing was left to pay."""
    bill = queries.held_by_id(bill_id)
    if bill.state is OpenBillState.PAID:
        raise BillAlreadyPaid()
    if bill.state is not OpenBillState.OPEN:
        raise BillNotFound()
    if settled(bill.store_id, bill.number) is not None:
        raise BillConflict(bill=bill.number)
    if queries.live_payment(bill.id):
        raise BillBeingPaid()
    member_id = guest.member_ids[0]
    promise = promised(quote_code, bill, member_id=member_id, now=now)
    lock_coupons(promise, bill, until=now + LOCKED_FOR, now=now)
    amount_fen = promise.price.to_pay_fen
    if not amount_fen:
        held_points.take(member_id, promise.points, number=quote_code, now=now)
        mark_paid(bill, quote_code=quote_code, member_id=member_id, now=now)
        return None
    if not wechat_pay.available(tenancy.merchant_id()):
        raise PayNotOffered()
    payment = _write(bill, quote_code, guest=guest, amount_fen=amount_fen, now=now)
    held_points.take(member_id, promise.points, number=payment.out_trade_no, now=now)
    return payment


def _prepare(payment: Payment, bill: BillOnTable, *, now: datetime) -> Paying:
    """Second phase. When WeChat's answer is lost, the row stays: the tick asks and ends it."""
    faults.point("pay.begun")
    here = queries.place_of(bill.store_id)
    try:
        prepared = wechat_pay.prepare(
            out_trade_no=payment.out_trade_no,
            amount_fen=payment.amount_fen,
            description=f"{here.merchant_name} {here.name} 账单{bill.number}",
            app_id=payment.app_id,
            openid=payment.openid,
            lasts=LASTS,
            notify_url=wechat_pay.notify_address(tenancy.merchant_id()),
        )
    except PayRefused:
        end(payment.id, now=now)
        raise
    faults.point("pay.prepared")
    if not _keep_prepay_id(payment.id, prepared.prepay_id):
        end(payment.id, now=now)
        raise Busy()
    faults.point("pay.kept")
    return _told(payment, prepared.params)


@transactional
def _keep_prepay_id(payment_id: int, prepay_id: str) -> bool:
    """Whether the payment is still wanted."""
    return bool(
        changed(
            update(_payments)
            .where(
                _payments.c.merchant_id == tenancy.merchant_id(),
                _payments.c.id == payment_id,
                _payments.c.state == PaymentState.PREPARED,
                _payments.c.live_key.is_not(None),
            )
            .values(prepay_id=prepay_id)
        )
    )


def _write(
    bill: BillOnTable, quote_code: str, *, guest: Guest, amount_fen: int, now: datetime
) -> Payment:
    written = db.session.connection().execute(
        insert(_payments).values(
            merchant_id=tenancy.merchant_id(),
            open_bill_id=bill.id,
            live_key=bill.id,
            out_trade_no=f"qb{secrets.token_hex(ORDER_NUMBER_CHARS // 2 - 1)}",
            app_id=guest.app_id,
            openid=guest.openid,
            member_id=guest.member_ids[0],
            quote_code=quote_code,
            amount_fen=amount_fen,
            state=PaymentState.PREPARED,
            preparing_until=clock.machine_now() + ON_ITS_WAY,
            prepay_id="",
            transaction_id="",
            refund_id="",
            refunded_fen=0,
            created_at=now,
        )
    )
    (payment_id,) = written.inserted_primary_key or (0,)
    payment = queries.payment(int(payment_id))
    if payment is None:
        raise RuntimeError("a payment that was just written is there")
    return payment


def _goes_on(live: Payment, quote_code: str, *, guest: Guest, now: datetime) -> bool:
    same = (live.quote_code, live.app_id, live.openid) == (quote_code, guest.app_id, guest.openid)
    return same and live.prepay_id != "" and now < live.created_at + LASTS


def _refuse_others(live: Payment, *, guest: Guest, now: datetime) -> None:
    """Who may end the payment under way: the one who began it, and anybody once it is over."""
    if live.member_id not in guest.member_ids:
        if now < live.created_at + LASTS:
            raise BillBeingPaid()
    elif not live.prepay_id and clock.machine_now() < live.preparing_until:
        raise Busy()


def _paid_by_me(bill: BillOnTable, guest: Guest) -> Paying | None:
    """What this guest paid, None while nobody has; BillAlreadyPaid by another."""
    if bill.state is OpenBillState.OPEN:
        return None
    paid = paid_by(bill.store_id, bill.id)
    if paid is None or paid.member_id not in guest.member_ids:
        raise BillAlreadyPaid()
    return Paying(paid.amount_fen, paid.payment)


def _told(payment: Payment, params: PayParams) -> Paying:
    return Paying(payment.amount_fen, payment.out_trade_no, params, payment.created_at + LASTS)
