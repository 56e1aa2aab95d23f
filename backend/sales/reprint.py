"""重打小票: a settled bill's receipt once more, saying which time it is."""

from dataclasses import replace

from sqlalchemy import select, update

from backend import tenancy
from backend.database import changed, db, table_of, transactional
from backend.merchants.queries import Place
from backend.sales import models
from backend.sales.errors import BillNotFound
from backend.sales.receipt import ReceiptData, read

_bills = table_of(models.Bill)


@transactional
def reprint(number: str, *, here: Place) -> ReceiptData:
    """第n次打印; no two of them bear the same n. BillNotFound for what was not settled here."""
    ours = (
        _bills.c.merchant_id == tenancy.merchant_id(),
        _bills.c.store_id == here.store_id,
        _bills.c.number == number,
    )
    if not changed(update(_bills).where(*ours).values(printed=_bills.c.printed + 1)):
        raise BillNotFound()
    row = (
        db.session.connection()
        .execute(select(_bills.c.answer, _bills.c.printed, _bills.c.refunded_fen).where(*ours))
        .one()
    )
    return replace(read(row.answer["receipt"]), printed=row.printed, refunded_fen=row.refunded_fen)
