"""对账: our payments against WeChat Pay's own book, to the fen."""

import sqlite3
from collections import Counter

from sqlalchemy import select

from backend.database import table_of
from backend.open_bills.models import OpenBill, OpenBillState, PaymentState, ScanPayment
from tests.faults.deployment import Deployment

_payments, _bills = table_of(ScanPayment), table_of(OpenBill)
_PAID = ("SUCCESS", "REFUND")


def assert_books_agree(deployment: Deployment) -> None:
    """Every order that was paid is a paid bill's or went back, whole or as far as refunded; at
    most one for a bill; what was not paid is nobody's money."""
    orders, refunds = _book(deployment)
    with deployment.engine.connect() as connection:
        rows = connection.execute(
            select(_payments, _bills.c.state.label("bill_state")).join(
                _bills, _bills.c.id == _payments.c.open_bill_id
            )
        ).all()
    ours = {row.out_trade_no: row for row in rows}
    assert set(orders) <= set(ours), "no order that we know nothing of"
    kept: Counter[int] = Counter()
    for number, row in ours.items():
        state, total = orders.get(number, ("", row.amount_fen))
        assert total == row.amount_fen, (number, total, row.amount_fen)
        assert row.refunded_fen == refunds[number], (number, row.refunded_fen, refunds[number])
        if state not in _PAID:
            assert row.state in (PaymentState.PREPARED, PaymentState.CLOSED), (number, row.state)
            continue
        assert row.state in (PaymentState.PAID, PaymentState.REFUNDED), (number, row.state)
        assert row.state == PaymentState.PAID or row.refunded_fen > 0
        if row.refunded_fen < row.amount_fen:
            kept[row.open_bill_id] += 1
            assert row.bill_state in (OpenBillState.PAID, OpenBillState.SETTLED), number
    assert set(kept.values()) <= {1}, kept


def paid_orders(deployment: Deployment) -> int:
    return sum(state in _PAID for state, _ in _book(deployment)[0].values())


def refunds_made(deployment: Deployment) -> int:
    """How many refunds WeChat Pay carried out."""
    with sqlite3.connect(f"file:{deployment.platform}?mode=ro", uri=True) as book:
        (made,) = book.execute("SELECT count(*) FROM pay_refund").fetchone()
    book.close()
    return int(made)


def _book(deployment: Deployment) -> tuple[dict[str, tuple[str, int]], Counter[str]]:
    """WeChat Pay's orders (state, fen), and what went back of each."""
    with sqlite3.connect(f"file:{deployment.platform}?mode=ro", uri=True) as book:
        orders = book.execute("SELECT out_trade_no, state, total FROM pay_order").fetchall()
        back = book.execute(
            "SELECT out_trade_no, sum(refund) FROM pay_refund GROUP BY out_trade_no"
        ).fetchall()
    book.close()
    return {number: (state, total) for number, state, total in orders}, Counter(dict(back))
