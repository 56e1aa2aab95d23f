"""账单 on the phone: what lies on the table, what it costs this guest at best, who pays or paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.members.view import member_view
from backend.merchants.queries import Place
from backend.open_bills import queries
from backend.open_bills.errors import BillAlreadyPaid, TableWithoutBill
from backend.open_bills.models import OpenBillState
from backend.open_bills.paying import LASTS
from backend.open_bills.promise import quote_for
from backend.open_bills.queries import BillOnTable
from backend.open_bills.table_codes import read_table_code
from backend.open_bills.till_events import PaidBy, paid_by
from backend.sales.errors import BillNotFound
from backend.sales.quote import Quoted


@dataclass(frozen=True)
class Payer:
    """Who pays the bill now, or paid it; ``payment`` and the quote are told to themselves alone."""

    is_me: bool
    name: str
    amount_fen: int
    payment: str | None
    quote_code: str | None


@dataclass(frozen=True)
class Shown:
    """``best`` while it is open and nobody else is paying."""

    bill: BillOnTable
    here: Place
    best: Quoted | None
    paying: Payer | None
    paid: Payer | None


def show(token: str, *, member_ids: Sequence[int], now: datetime) -> Shown:
    """The bill behind a token. Once settled, only who paid it still sees it."""
    bill = queries.by_token(token)
    here = queries.place_of(bill.store_id)
    paid = _paid(bill, member_ids)
    if bill.state is OpenBillState.SETTLED and not (paid and paid.is_me):
        raise BillNotFound()
    paying = best = None
    if bill.state is OpenBillState.OPEN:
        paying = _paying(bill, member_ids, now=now)
        if paying is None or paying.is_me:
            best = quote_for(bill, member_ids=member_ids, now=now)
    return Shown(bill, here, best, paying, paid)


def payable(token: str) -> BillOnTable:
    """The bill behind a token while it may be paid; BillAlreadyPaid, BillNotFound."""
    bill = queries.by_token(token)
    if bill.state is OpenBillState.PAID:
        raise BillAlreadyPaid()
    if bill.state is not OpenBillState.OPEN:
        raise BillNotFound()
    return bill


def bill_at_table(code: str) -> str:
    """台码 → the token of the bill that lies there; TableWithoutBill."""
    table = read_table_code(code)
    bill = None if table is None else queries.at_table(table.store_id, table.name)
    if bill is None:
        raise TableWithoutBill()
    return bill.token


def _paying(bill: BillOnTable, member_ids: Sequence[int], *, now: datetime) -> Payer | None:
    live = queries.live_payment(bill.id)
    if live is None or now >= live.created_at + LASTS:
        return None
    return _payer(
        PaidBy(live.quote_code, live.member_id, live.amount_fen, live.out_trade_no), member_ids
    )


def _paid(bill: BillOnTable, member_ids: Sequence[int]) -> Payer | None:
    paid = paid_by(bill.store_id, bill.id)
    return None if paid is None else _payer(paid, member_ids)


def _payer(by: PaidBy, member_ids: Sequence[int]) -> Payer:
    is_me = by.member_id in member_ids
    name = member_view(by.member_id).nickname
    return Payer(
        is_me,
        f"{name[:1]}**" if name else "微信用户",
        by.amount_fen,
        by.payment if is_me else None,
        by.quote_code if is_me else None,
    )
