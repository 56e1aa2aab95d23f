"""退款入账: a settled bill as its refunds find it, and the rows that a refund leaves."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update

from backend import requesting, tenancy
from backend.database import changed, db, table_of
from backend.merchants.queries import Place
from backend.points.earn import EarnRule, Multiple, Rules
from backend.quantity import Quantity, amount_fen
from backend.redemption.models import Redemption
from backend.sales import models
from backend.sales.bill import Method
from backend.sales.errors import BillNotFound
from backend.sales.remaining import BillState, LineState, Parts, Step

_bills, _lines = table_of(models.Bill), table_of(models.BillLine)
_tenders, _redemptions = table_of(models.BillTender), table_of(Redemption)
_refunds, _refund_lines = table_of(models.Refund), table_of(models.RefundLine)


@dataclass(frozen=True)
class RefundOrder:
    """退款 as the till asks for it; ``lines`` are (line, quantity), None: all that is left."""

    number: str
    lines: tuple[tuple[int, Quantity], ...] | None = None
    reason: str = ""

    @property
    def fingerprint(self) -> str:
        """Equal only for the same refund."""
        return hashlib.sha256(json.dumps(asdict(self), default=str).encode()).hexdigest()


@dataclass(frozen=True)
class SettledBill:
    """A bill that may be refunded; ``earning`` is what its points were earned by."""

    id: int
    member_id: int | None
    service_fen: int
    points_spent: int
    earning: Rules | None


@dataclass(frozen=True)
class Refunded:
    """退款结果: what went back in money, of it to the balance, and how the member stands now."""

    refund: str
    refunded_fen: int
    balance_back_fen: int
    points_back: int
    points_taken: int
    coupon_ids: list[int]
    points_total: int | None
    balance_fen: int | None
    customer_class: str | None
    level: str | None


@dataclass(frozen=True)
class Earlier:
    """An earlier refund of this number, and what was asked."""

    refunded: Refunded
    fingerprint: str


def held(number: str, *, here: Place) -> SettledBill:
    """The store's bill, nobody else's to refund until we commit; BillNotFound."""
    row = (
        db.session.connection()
        .execute(
            select(
                _bills.c.id,
                _bills.c.member_id,
                _bills.c.service_fen,
                _bills.c.points_spent,
                _bills.c.earning,
            )
            .where(
                _bills.c.merchant_id == tenancy.merchant_id(),
                _bills.c.store_id == here.store_id,
                _bills.c.number == number,
            )
            .with_for_update()
        )
        .one_or_none()
    )
    if row is None:
        raise BillNotFound()
    said = row.earning
    earning = Rules(EarnRule(**said["rule"]), Multiple(**said["multiple"])) if said else None
    return SettledBill(row.id, row.member_id, row.service_fen, row.points_spent, earning)


def refunded(bill: SettledBill, number: str) -> Earlier | None:
    """The bill's refund of this number, if there is one."""
    row = (
        db.session.connection()
        .execute(
            select(_refunds.c.answer, _refunds.c.fingerprint).where(
                _refunds.c.merchant_id == tenancy.merchant_id(),
                _refunds.c.bill_id == bill.id,
                _refunds.c.number == number,
            )
        )
        .one_or_none()
    )
    return None if row is None else Earlier(Refunded(**row.answer), row.fingerprint)


def state(bill: SettledBill) -> BillState:
    """The bill, and what of it went back so far."""
    connection, merchant_id = db.session.connection(), tenancy.merchant_id()
    returned = (
        select(_refund_lines.c.line, func.sum(_refund_lines.c.thousandths).label("count"))
        .where(_refund_lines.c.merchant_id == merchant_id, _refund_lines.c.bill_id == bill.id)
        .group_by(_refund_lines.c.line)
        .subquery()
    )
    rows = connection.execute(
        select(
            _lines.c.thousandths,
            _lines.c.price_fen,
            _lines.c.reduction_fen,
            _lines.c.points_fen,
            _lines.c.level_fen,
            _lines.c.manual_fen,
            _lines.c.rounding_fen,
            func.coalesce(returned.c.count, 0).label("returned"),
        )
        .outerjoin(returned, returned.c.line == _lines.c.line)
        .where(_lines.c.merchant_id == merchant_id, _lines.c.bill_id == bill.id)
        .order_by(_lines.c.line)
    )
    lines = tuple(
        LineState(
            Parts(
                amount_fen=amount_fen(row.thousandths, row.price_fen),
                paid_fen=amount_fen(row.thousandths, row.price_fen) - row.reduction_fen,
                points_fen=row.points_fen,
                level_fen=row.level_fen,
                manual_fen=row.manual_fen,
                rounding_fen=row.rounding_fen,
            ),
            row.thousandths,
            int(row.returned),
        )
        for row in rows
    )
    service_back = connection.scalar(
        select(func.coalesce(func.sum(_refunds.c.service_fen), 0)).where(
            _refunds.c.merchant_id == merchant_id, _refunds.c.bill_id == bill.id
        )
    )
    balance_fen = connection.scalar(
        select(func.coalesce(func.sum(_tenders.c.amount_fen), 0)).where(
            _tenders.c.merchant_id == merchant_id,
            _tenders.c.bill_id == bill.id,
            _tenders.c.method == Method.BALANCE,
        )
    )
    return BillState(
        lines, bill.service_fen, bool(service_back), int(balance_fen or 0), bill.points_spent
    )


def live_redemptions(bill_id: int) -> dict[int, int]:
    """The coupons still used on this bill: by redemption, in the order of the coupons."""
    rows = db.session.connection().execute(
        select(_redemptions.c.id, _redemptions.c.coupon_id)
        .where(
            _redemptions.c.merchant_id == tenancy.merchant_id(),
            _redemptions.c.bill_id == bill_id,
            _redemptions.c.live_key.is_not(None),
        )
        .order_by(_redemptions.c.coupon_id)
    )
    return {row.id: row.coupon_id for row in rows}


def write(order: RefundOrder, bill: SettledBill, step: Step, *, by: str, now: datetime) -> int:
    """The refund and its lines; its id."""
    merchant_id, connection = tenancy.merchant_id(), db.session.connection()
    written = connection.execute(
        insert(_refunds).values(
            merchant_id=merchant_id,
            bill_id=bill.id,
            number=order.number,
            fingerprint=order.fingerprint,
            refunded_at=now,
            refunded_fen=step.paid_fen,
            service_fen=step.service_fen,
            reason=order.reason,
            by=by[:80],
            answer={},
            request_id=requesting.request_id(),
        )
    )
    (refund_id,) = written.inserted_primary_key or (0,)
    lines = [
        {
            "merchant_id": merchant_id,
            "refund_id": refund_id,
            "bill_id": bill.id,
            "line": place,
            "thousandths": after.returned - before.returned,
            "paid_fen": after.back.paid_fen - before.back.paid_fen,
            "level_fen": after.back.level_fen - before.back.level_fen,
            "points_fen": after.back.points_fen - before.back.points_fen,
        }
        for place, (before, after) in enumerate(
            zip(step.before.lines, step.after.lines, strict=True)
        )
        if after.returned > before.returned
    ]
    if lines:
        connection.execute(insert(_refund_lines), lines)
    changed(
        update(_bills)
        .where(_bills.c.id == bill.id, _bills.c.merchant_id == merchant_id)
        .values(refunded_fen=_bills.c.refunded_fen + step.paid_fen)
    )
    return int(refund_id)


def write_answer(refund_id: int, refunded: Refunded) -> None:
    """What the till is told, now and every other time."""
    changed(
        update(_refunds)
        .where(_refunds.c.id == refund_id, _refunds.c.merchant_id == tenancy.merchant_id())
        .values(answer=asdict(refunded))
    )
