"""挂单: the till puts a table's open bill, again with every order, until it is paid or settled."""

import secrets
from datetime import datetime

from sqlalchemy import insert, update

from backend import background, tenancy
from backend.database import MetAnother, changed, db, table_of, transactional
from backend.merchants.queries import Place
from backend.open_bills import queries
from backend.open_bills.content import Content
from backend.open_bills.errors import BillPaid, NothingToPay
from backend.open_bills.models import OpenBill, OpenBillState, PaymentState, ScanPayment
from backend.open_bills.queries import BillOnTable
from backend.open_bills.till_events import paid_by
from backend.sales.bill import lines_key
from backend.sales.discount_rules import discount_rules
from backend.sales.errors import BillConflict, BillNotFound, RoundingBeyond
from backend.sales.queries import settled

_bills, _payments = table_of(OpenBill), table_of(ScanPayment)


@transactional
def put(content: Content, *, number: str, here: Place, now: datetime) -> BillOnTable:
    """挂单. The same content changes nothing; another price ends the payment that was under way.
    RoundingBeyond above the house's limit."""
    if not content.goods.lines:
        raise NothingToPay()
    most_fen = min(discount_rules().rounding_fen, content.goods.lines_fen)
    if content.rounding_fen > most_fen:
        raise RoundingBeyond(most_fen=most_fen)
    found = queries.held(here.store_id, number)
    if found is None:
        return _first(content, number=number, here=here, now=now)
    _refuse_over(found)
    if found.state is OpenBillState.OPEN and found.fingerprint == content.fingerprint:
        return found
    is_new = found.state is OpenBillState.WITHDRAWN
    _write(found, content, token=_token() if is_new else found.token, now=now)
    if _price_key(found.content) != _price_key(content):
        give_up_payment(found.id)
    return _as_put(here, number)


@transactional
def withdraw(number: str, *, here: Place, now: datetime) -> BillOnTable:
    """撤单. Its token is dead from now on; not once it is paid or settled."""
    found = queries.held(here.store_id, number)
    if found is None:
        raise BillNotFound()
    _refuse_over(found)
    if found.state is OpenBillState.OPEN:
        move(found, OpenBillState.WITHDRAWN)
        give_up_payment(found.id)
    return _as_put(here, number)


def move(bill: BillOnTable, state: OpenBillState, *, paid_at: datetime | None = None) -> None:
    """From the state in which it was held to another."""
    step = update(_bills).where(
        _bills.c.merchant_id == tenancy.merchant_id(),
        _bills.c.id == bill.id,
        _bills.c.state == bill.state,
    )
    values = {"state": state} if paid_at is None else {"state": state, "paid_at": paid_at}
    if not changed(step.values(values)):
        raise MetAnother("the open bill changed between look and write")


def give_up_payment(bill_id: int) -> None:
    """The bill can no longer be paid by the payment under way; WeChat Pay is told soon. Money that
    comes all the same goes back."""
    payment = queries.live_payment(bill_id)
    if payment is None:
        return
    changed(
        update(_payments)
        .where(
            _payments.c.merchant_id == tenancy.merchant_id(),
            _payments.c.id == payment.id,
            _payments.c.state == PaymentState.PREPARED,
        )
        .values(live_key=None)
    )
    background.enqueue(
        "jobs.open_bills.end", tenancy.merchant_id(), payment.id, queue=background.PROMPT
    )


def _first(content: Content, *, number: str, here: Place, now: datetime) -> BillOnTable:
    if settled(here.store_id, number) is not None:
        raise BillConflict(bill=number)
    db.session.connection().execute(
        insert(_bills).values(
            merchant_id=tenancy.merchant_id(),
            store_id=here.store_id,
            number=number,
            token=_token(),
            table_name=content.table,
            state=OpenBillState.OPEN,
            content=content.kept(),
            fingerprint=content.fingerprint,
            put_at=now,
        )
    )
    return _as_put(here, number)


def _write(bill: BillOnTable, content: Content, *, token: str, now: datetime) -> None:
    wrote = changed(
        update(_bills)
        .where(
            _bills.c.merchant_id == tenancy.merchant_id(),
            _bills.c.id == bill.id,
            _bills.c.state == bill.state,
        )
        .values(
            token=token,
            table_name=content.table,
            state=OpenBillState.OPEN,
            content=content.kept(),
            fingerprint=content.fingerprint,
            put_at=now,
        )
    )
    if not wrote:
        raise MetAnother("the open bill changed between look and write")


def _price_key(content: Content) -> tuple[str, int]:
    """What a guest's price hangs on."""
    return lines_key(content.goods), content.rounding_fen


def _refuse_over(bill: BillOnTable) -> None:
    if bill.state is OpenBillState.SETTLED:
        raise BillConflict(bill=bill.number)
    if bill.state is OpenBillState.PAID:
        paid = paid_by(bill.store_id, bill.id)
        raise BillPaid(bill=bill.number, paid_fen=0 if paid is None else paid.amount_fen)


def _as_put(here: Place, number: str) -> BillOnTable:
    bill = queries.held(here.store_id, number)
    if bill is None:
        raise BillNotFound()
    return bill


def _token() -> str:
    return secrets.token_urlsafe(18)
