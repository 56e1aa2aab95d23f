"""商城回报: a mall's voucher was used or given back; the row that its mall is told from.

Written in the transaction of the fact itself. Shops and vouchers stand in a package above this
one, so their tables are taken by name.
"""

from datetime import datetime

from sqlalchemy import insert, select

from backend import clock, tenancy
from backend.background import wake
from backend.database import db, table_of
from backend.redemption.models import ReportKind, ReportState, VoucherReport

_reports = table_of(VoucherReport)


def report(redemption_id: int, voucher_id: int | None, kind: ReportKind, *, at: datetime) -> None:
    """Have the voucher's mall told, if it is a mall's; once per redemption and kind."""
    if voucher_id is None:
        return
    db.session.connection().execute(
        insert(_reports).values(
            merchant_id=tenancy.merchant_id(),
            redemption_id=redemption_id,
            voucher_id=voucher_id,
            kind=kind.value,
            at=at,
            state=ReportState.WAITING.value,
            tries=0,
            due_at=clock.machine_now(),
            last_error="",
        )
    )
    wake("jobs.malls.tick")


def account_of(voucher_id: int | None) -> str:
    """The official account of the mall that sold it (S1-24); empty: none is bound here."""
    if voucher_id is None:
        return ""
    tables = VoucherReport.metadata.tables
    vouchers, shops = tables["mall_voucher"], tables["mall_shop"]
    found = db.session.connection().scalar(
        select(shops.c.app_id)
        .join(vouchers, vouchers.c.shop_id == shops.c.id)
        .where(vouchers.c.merchant_id == tenancy.merchant_id(), vouchers.c.id == voucher_id)
    )
    return str(found or "")
