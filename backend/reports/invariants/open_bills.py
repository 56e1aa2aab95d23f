"""扫码付: whose money a bill has, and that no other payment may still pay it."""

from sqlalchemy import and_, exists, func, or_, select

from backend.database import table_of
from backend.merchants.models import Store
from backend.open_bills.models import (
    OpenBill,
    OpenBillState,
    PaymentState,
    ScanPayment,
    TillEvent,
    TillNumbers,
)
from backend.open_bills.till_events import PAID
from backend.reports.invariants.invariant import Invariant, by
from backend.sales.models import Bill

_bills, _payments, _events = table_of(OpenBill), table_of(ScanPayment), table_of(TillEvent)
_settled, _stores, _numbers = table_of(Bill), table_of(Store), table_of(TillNumbers)

_numbered = (
    select(
        _events.c.store_id,
        func.count().label("kept"),
        func.max(_events.c.seq).label("highest"),
    )
    .where(_events.c.seq.is_not(None))
    .group_by(_events.c.store_id)
    .subquery()
)
_given = func.coalesce(_numbers.c.given, 0)
_accounted_for = func.coalesce(_numbers.c.swept, 0) + func.coalesce(_numbered.c.kept, 0)

_HAS_MONEY = (PaymentState.PAID, PaymentState.REFUNDING)
_WAS_PAID = (OpenBillState.PAID, OpenBillState.SETTLED)


INVARIANTS = (
    Invariant(
        "scan_payment.paid",
        "已收的扫码支付，其账单已支付或已结账",
        "scan_payment",
        by(
            select(_payments.c.id)
            .join(_bills, _bills.c.id == _payments.c.open_bill_id)
            .where(_payments.c.state.in_(_HAS_MONEY), _bills.c.state.not_in(_WAS_PAID))
        ),
    ),
    Invariant(
        "scan_payment.once",
        "一张账单最多由一笔扫码支付付清",
        "open_bill",
        by(
            select(_payments.c.open_bill_id)
            .where(_payments.c.state.in_(_HAS_MONEY))
            .group_by(_payments.c.open_bill_id)
            .having(func.count() > 1)
        ),
    ),
    Invariant(
        "scan_payment.live",
        "进行中的支付是它自己账单的，尚未付款，账单未结",
        "scan_payment",
        by(
            select(_payments.c.id)
            .join(_bills, _bills.c.id == _payments.c.open_bill_id)
            .where(
                _payments.c.live_key.is_not(None),
                or_(
                    _payments.c.live_key != _payments.c.open_bill_id,
                    _payments.c.state != PaymentState.PREPARED,
                    _bills.c.state != OpenBillState.OPEN,
                ),
            )
        ),
    ),
    Invariant(
        "scan_payment.refunded",
        "退回的钱是收到过的；退完的支付有退款",
        "scan_payment",
        by(
            select(_payments.c.id).where(
                or_(
                    and_(
                        _payments.c.state.in_((PaymentState.PREPARED, PaymentState.CLOSED)),
                        _payments.c.refunded_fen != 0,
                    ),
                    and_(
                        _payments.c.state == PaymentState.REFUNDED,
                        _payments.c.refunded_fen == 0,
                    ),
                )
            )
        ),
    ),
    Invariant(
        "open_bill.told",
        "由手机支付的账单已通知收银",
        "open_bill",
        by(
            select(_bills.c.id).where(
                _bills.c.state.in_(_WAS_PAID),
                _bills.c.paid_at.is_not(None),
                ~exists().where(
                    _events.c.store_id == _bills.c.store_id,
                    _events.c.kind == PAID,
                    _events.c.at == _bills.c.paid_at,
                ),
            )
        ),
    ),
    Invariant(
        "open_bill.settled",
        "已结账的挂单有结账账单",
        "open_bill",
        by(
            select(_bills.c.id).where(
                _bills.c.state == OpenBillState.SETTLED,
                ~exists().where(
                    _settled.c.store_id == _bills.c.store_id,
                    _settled.c.number == _bills.c.number,
                ),
            )
        ),
    ),
    Invariant(
        "till_event.kept",
        "门店发出的收银事件编号，一个不少：不在的都是清理掉的",
        "store",
        by(
            select(_stores.c.id)
            .outerjoin(_numbers, _numbers.c.store_id == _stores.c.id)
            .outerjoin(_numbered, _numbered.c.store_id == _stores.c.id)
            .where(or_(_given != _accounted_for, _given < func.coalesce(_numbered.c.highest, 0)))
        ),
    ),
)
