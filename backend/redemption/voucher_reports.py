"""商城回报: a mall's voucher was used or given back; the row that its mall is told from.

Written in the transaction of the fact itself.
"""

from datetime import datetime

from sqlalchemy import insert, select

from backend import clock, tenancy
from backend.background import wake
from backend.database import db, table_of
from backend.redemption.models import ReportKind, ReportState, VoucherReport
from backend.vouchers.models import MallShop, MallVoucher

_reports = table_of(VoucherReport)
_vouchers, _shops = table_of(MallVoucher), table_of(MallShop)


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
    found = db.session.connection().scalar(
        select(_shops.c.app_id)
        .join(_vouchers, _vouchers.c.shop_id == _shops.c.id)
        .where(_vouchers.c.merchant_id == tenancy.merchant_id(), _vouchers.c.id == voucher_id)
    )
    return str(found or "")
