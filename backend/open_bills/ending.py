"""了结支付: a payment that is over or given up is asked for and closed at WeChat Pay.

Closed there, it can never be paid; only then are its coupons free again. What was paid after all
is taken.
"""

from datetime import datetime

from sqlalchemy import update

from backend import faults, tenancy
from backend.database import changed, table_of, transactional
from backend.open_bills import queries
from backend.open_bills.models import PaymentState, ScanPayment
from backend.open_bills.queries import Payment
from backend.open_bills.taking import give_up, take
from backend.wechat import pay as wechat_pay
from backend.wechat.errors import AlreadyPaid
from backend.wechat.pay import TradeState

_OVER = (TradeState.CLOSED, TradeState.REVOKED)
_payments = table_of(ScanPayment)


def ask(payment_id: int, *, now: datetime) -> None:
    """查单: take the payment if its notice was lost; what WeChat Pay has closed is over."""
    payment = queries.payment(payment_id)
    if payment is None or payment.state is not PaymentState.PREPARED:
        return
    told = wechat_pay.ask(payment.out_trade_no)
    if told is not None and told.is_paid:
        take(told, now=now)
    elif told is not None and told.state in _OVER:
        _close(payment, now=now)


def end(payment_id: int, *, now: datetime) -> None:
    """Ask, then close, or take what was paid; a payment that is over is left alone."""
    payment = queries.payment(payment_id)
    if payment is None or payment.state is not PaymentState.PREPARED:
        return
    told = wechat_pay.ask(payment.out_trade_no)
    if told is not None and told.is_paid:
        take(told, now=now)
        return
    try:
        if told is None or told.state not in _OVER:
            wechat_pay.close(payment.out_trade_no)
    except AlreadyPaid:
        ask(payment_id, now=now)
        return
    faults.point("pay.closed")
    _close(payment, now=now)


@transactional
def _close(payment: Payment, *, now: datetime) -> None:
    bill = queries.held_by_id(payment.open_bill_id)
    closed = changed(
        update(_payments)
        .where(
            _payments.c.merchant_id == tenancy.merchant_id(),
            _payments.c.id == payment.id,
            _payments.c.state == PaymentState.PREPARED,
        )
        .values(state=PaymentState.CLOSED, live_key=None)
    )
    if closed:
        give_up(payment, bill, now=now)
