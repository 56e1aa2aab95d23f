"""商城回报 sent: the mall hears of every use of its vouchers, and of every undoing, in this order.

Rows are leased, the call is made outside of any transaction, what came of it is recorded by the
lease's token. A call whose answer is lost is made again under the same event id; the mall knows it
by that. Machine time throughout; given up after about three days, then staff may send it anew.
"""

import json
import logging
import secrets
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, select, update

from backend import clock, deployment, faults, tenancy
from backend.background import side_by_side, wake
from backend.calendar import local
from backend.database import changed, db, end_read, table_of, transactional
from backend.leases import Lease, Leases, pause_after
from backend.malls import callback
from backend.malls.callback import CallbackFailed
from backend.malls.errors import ReportNotFound
from backend.merchants import queries as merchants
from backend.merchants.models import Store
from backend.redemption.models import Redemption, ReportState, VoucherReport
from backend.sales.models import Bill
from backend.signing import authorization
from backend.vouchers.models import MallShop, MallVoucher

PAUSES = tuple(timedelta(seconds=s) for s in (2, 5, 15, 60, 300, 900, 1800, 3600))
"""Before the second, third … try; then every hour."""
MOST_TRIES = len(PAUSES) + 72
LEASE = timedelta(seconds=60)
BATCH, THREADS = 20, 4
TICK_SECONDS = 20.0

HELD = "恢复备份后暂停：可能已经告知商城，请核对后重新发送"

log = logging.getLogger(__name__)
_reports = table_of(VoucherReport)
_leases = Leases(VoucherReport, token="lease", until="due_at")


@dataclass(frozen=True)
class Call:
    """One report as the mall takes it; ``secret`` signs it."""

    url: str
    key: str
    secret: str
    body: bytes


def send_due(*, seconds: float = TICK_SECONDS) -> Counter[str]:
    """Send what is due until nothing is, or the time is up; how many ended in which state."""
    ended: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    while taken := _take_due(clock.machine_now()):
        ended.update(side_by_side(_send, taken, threads=THREADS))
        if time.monotonic() > deadline:
            break
    return ended


@transactional
def send_again(report_id: int) -> None:
    """重新发送 of what was given up, by staff."""
    revived = changed(
        update(_reports)
        .where(
            _reports.c.merchant_id == tenancy.merchant_id(),
            _reports.c.id == report_id,
            _reports.c.state == ReportState.FAILED,
        )
        .values(state=ReportState.WAITING.value, tries=0, due_at=clock.machine_now())
    )
    if not revived:
        raise ReportNotFound()
    wake("jobs.malls.tick")


@transactional
@tenancy.across_merchants("a backup holds every merchant")
def hold_due() -> int:
    """After a restore: what was still to be told may have been told since the backup. It stands as
    given up, with the reason, until staff send it again; how many."""
    return changed(
        update(_reports)
        .where(_reports.c.state.in_((ReportState.WAITING, ReportState.SENDING)))
        .values(state=ReportState.FAILED.value, lease=None, last_error=HELD)
    )


def _is_due(machine: datetime) -> ColumnElement[bool]:
    return _reports.c.state.in_((ReportState.WAITING, ReportState.SENDING)) & (
        _reports.c.due_at <= machine
    )


@tenancy.across_merchants("the tick reports for every merchant")
def _take_due(machine: datetime) -> list[Lease]:
    """Lease the next ones; nothing of a voucher while an earlier word of it is not taken."""
    end_read()
    earlier = _reports.alias()
    first_of_its_voucher = ~exists().where(
        earlier.c.voucher_id == _reports.c.voucher_id,
        earlier.c.id < _reports.c.id,
        earlier.c.state != ReportState.TAKEN,
    )
    due = _is_due(machine)
    ids = list(
        db.session.connection().scalars(
            select(_reports.c.id)
            .where(due, first_of_its_voucher)
            .order_by(_reports.c.due_at, _reports.c.id)
            .limit(BATCH)
        )
    )
    end_read()
    if not ids:
        return []
    sending = ReportState.SENDING.value
    return _leases.lease(ids, due, until=machine + LEASE, state=sending)


def _send(lease: Lease) -> str:
    """One report; what goes wrong with it must not stop the others."""
    with tenancy.acting_for(lease.merchant_id):
        try:
            call = _call(lease.row_id)
            end_read()
            failure = _told(call)
        except Exception as error:
            log.exception("A mall could not be told", extra={"report_id": lease.row_id})
            failure = f"内部错误 {type(error).__name__}"
        faults.point("mall.told")
        return _record(lease, failure)


def _told(call: Call) -> str:
    """Why the mall did not take it; empty: it did."""
    if not call.url:
        return "没有设置回调地址"
    timestamp, nonce = str(int(clock.machine_now().timestamp())), secrets.token_hex(16)
    signed = authorization(
        call.key,
        call.secret,
        method="POST",
        path=callback.path_of(call.url),
        timestamp=timestamp,
        nonce=nonce,
        body=call.body,
    )
    headers = {"Authorization": signed, "Content-Type": "application/json; charset=utf-8"}
    try:
        status = callback.post(
            call.url, call.body, headers=headers, production=deployment.is_production()
        )
    except CallbackFailed as error:
        return str(error)
    return "" if 200 <= status < 300 else f"HTTP {status}"


@transactional
def _record(lease: Lease, failure: str) -> str:
    """What came of it, if the row is still this lease's."""
    ours = _leases.held(lease)
    if not failure:
        changed(
            update(_reports)
            .where(ours)
            .values(state=ReportState.TAKEN.value, lease=None, last_error="", taken_at=clock.now())
        )
        return ReportState.TAKEN.value
    tries = 1 + int(db.session.connection().scalar(select(_reports.c.tries).where(ours)) or 0)
    state = ReportState.WAITING if tries < MOST_TRIES else ReportState.FAILED
    changed(
        update(_reports)
        .where(ours)
        .values(
            state=state.value,
            lease=None,
            tries=tries,
            due_at=clock.machine_now() + pause_after(tries, PAUSES),
            last_error=failure[:200],
        )
    )
    return state.value


def _call(report_id: int) -> Call:
    row = db.session.execute(
        select(
            VoucherReport,
            MallVoucher.voucher,
            MallShop,
            Store.code.label("store"),
            Bill.number.label("bill"),
        )
        .join(MallVoucher, MallVoucher.id == VoucherReport.voucher_id)
        .join(MallShop, MallShop.id == MallVoucher.shop_id)
        .join(Redemption, Redemption.id == VoucherReport.redemption_id)
        .join(Store, Store.id == Redemption.store_id)
        .outerjoin(Bill, Bill.id == Redemption.bill_id)
        .where(VoucherReport.id == report_id)
    ).one()
    report, shop = row.VoucherReport, row.MallShop
    body = {
        "event_id": f"redemption-{report.redemption_id}-{report.kind}",
        "type": report.kind,
        "voucher": row.voucher,
        "store": row.store,
        "bill": row.bill,
        "at": local(report.at, merchants.zone()).isoformat(timespec="seconds"),
    }
    return Call(
        shop.callback_url, shop.code, shop.secret, json.dumps(body, ensure_ascii=False).encode()
    )
