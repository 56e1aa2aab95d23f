"""未结账单查询: a bill by number, token or table, held or only looked at; its payments."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from backend import tenancy
from backend.database import db, table_of
from backend.merchants.models import Store
from backend.merchants.queries import Place, place
from backend.open_bills.content import Content
from backend.open_bills.errors import TableWithoutBill
from backend.open_bills.models import OpenBill, OpenBillState, PaymentState, ScanPayment
from backend.open_bills.table_codes import read_table_code
from backend.sales.errors import BillNotFound

_bills, _payments, _stores = table_of(OpenBill), table_of(ScanPayment), table_of(Store)


@dataclass(frozen=True)
class BillOnTable:
    """未结账单 as its row was read."""

    id: int
    store_id: int
    number: str
    token: str
    state: OpenBillState
    content: Content
    fingerprint: str
    put_at: datetime
    paid_at: datetime | None


@dataclass(frozen=True)
class Payment:
    """扫码支付 as its row was read; ``live``: its bill is still to be paid by it."""

    id: int
    open_bill_id: int
    live: bool
    out_trade_no: str
    app_id: str
    openid: str
    member_id: int
    quote_code: str
    amount_fen: int
    refunded_fen: int
    state: PaymentState
    preparing_until: datetime
    prepay_id: str
    created_at: datetime


def held(store_id: int, number: str) -> BillOnTable | None:
    """The store's open bill, nobody else's to move until we commit."""
    return _bill(_bills.c.store_id == store_id, _bills.c.number == number, hold=True)


def held_by_id(bill_id: int) -> BillOnTable:
    """The bill of an id, nobody else's to move until we commit."""
    return _known(_bill(_bills.c.id == bill_id, hold=True))


def bill(bill_id: int) -> BillOnTable:
    """The bill of an id."""
    return _known(_bill(_bills.c.id == bill_id))


def lies_open(store_id: int, number: str) -> bool:
    """Whether the store's bill was ever put."""
    return _bill(_bills.c.store_id == store_id, _bills.c.number == number) is not None


def by_token(token: str) -> BillOnTable:
    """The bill behind a token; BillNotFound once it was withdrawn."""
    found = _known(_bill(_bills.c.token == token))
    if found.state is OpenBillState.WITHDRAWN:
        raise BillNotFound()
    return found


def at_table(store_id: int, table: str) -> BillOnTable | None:
    """The table's newest open bill; else the newest that waits for the till after being paid."""
    for state in (OpenBillState.OPEN, OpenBillState.PAID):
        here = (_bills.c.store_id == store_id, _bills.c.table_name == table)
        if found := _bill(*here, _bills.c.state == state):
            return found
    return None


def merchant_of_bill(token: str) -> int:
    """Whose bill this is, for pages that know nothing else; BillNotFound."""
    with tenancy.across_merchants("a bill's address names no merchant"):
        found: int | None = db.session.connection().scalar(
            select(_bills.c.merchant_id).where(_bills.c.token == token)
        )
    if found is None:
        raise BillNotFound()
    return found


def merchant_of_table(code: str) -> int:
    """Whose table this is, for pages that know nothing else; TableWithoutBill."""
    table = read_table_code(code)
    if table is None:
        raise TableWithoutBill()
    with tenancy.across_merchants("a table's address names no merchant"):
        found: int | None = db.session.connection().scalar(
            select(_stores.c.merchant_id).where(_stores.c.id == table.store_id)
        )
    if found is None:
        raise TableWithoutBill()
    return found


def place_of(store_id: int) -> Place:
    """门店 of a bill."""
    code = db.session.connection().scalar(
        select(_stores.c.code).where(
            _stores.c.merchant_id == tenancy.merchant_id(), _stores.c.id == store_id
        )
    )
    return place(str(code))


def live_payment(bill_id: int) -> Payment | None:
    """Whoever is paying the bill now."""
    return _payment(_payments.c.live_key == bill_id)


def payment(payment_id: int) -> Payment | None:
    """The payment of an id."""
    return _payment(_payments.c.id == payment_id)


def payment_of_order(out_trade_no: str) -> Payment | None:
    """The payment of a number at WeChat Pay."""
    return _payment(_payments.c.out_trade_no == out_trade_no)


def _known(found: BillOnTable | None) -> BillOnTable:
    if found is None:
        raise BillNotFound()
    return found


def _bill(*wanted: ColumnElement[bool], hold: bool = False) -> BillOnTable | None:
    asked = (
        select(_bills)
        .where(_bills.c.merchant_id == tenancy.merchant_id(), *wanted)
        .order_by(_bills.c.put_at.desc(), _bills.c.id.desc())
        .limit(1)
    )
    row: Any = db.session.connection().execute(asked.with_for_update() if hold else asked).first()
    if row is None:
        return None
    return BillOnTable(
        id=row.id,
        store_id=row.store_id,
        number=row.number,
        token=row.token,
        state=OpenBillState(row.state),
        content=Content.read(row.content, table=row.table_name),
        fingerprint=row.fingerprint,
        put_at=row.put_at,
        paid_at=row.paid_at,
    )


def _payment(*wanted: ColumnElement[bool]) -> Payment | None:
    asked = (
        select(_payments)
        .where(_payments.c.merchant_id == tenancy.merchant_id(), *wanted)
        .order_by(_payments.c.id.desc())
        .limit(1)
    )
    row: Any = db.session.connection().execute(asked).first()
    if row is None:
        return None
    return Payment(
        id=row.id,
        open_bill_id=row.open_bill_id,
        live=row.live_key is not None,
        out_trade_no=row.out_trade_no,
        app_id=row.app_id,
        openid=row.openid,
        member_id=row.member_id,
        quote_code=row.quote_code,
        amount_fen=row.amount_fen,
        refunded_fen=row.refunded_fen,
        state=PaymentState(row.state),
        preparing_until=row.preparing_until,
        prepay_id=row.prepay_id,
        created_at=row.created_at,
    )
