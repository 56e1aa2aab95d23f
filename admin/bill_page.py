"""账单详情: lines with what was taken off each, payments, coupons used, refunds, the receipt."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, select

from admin import queries, words
from admin.columns import coupon_number
from backend.coupons.models import Coupon, TemplateRevision
from backend.coupons.numbers import coupon_numbers
from backend.database import db, table_of
from backend.merchants.models import Store
from backend.quantity import Quantity, amount_fen, from_thousandths
from backend.redemption.models import Redemption
from backend.sales.bill import Method
from backend.sales.models import Bill, BillLine, BillTender, Refund, RefundLine


@dataclass(frozen=True)
class LineRow:
    """账单明细: ``coupons_fen`` is what nothing else took off."""

    line: int
    name: str
    category: str
    quantity: Quantity
    price_fen: int
    coupons_fen: int
    level_fen: int
    points_fen: int
    manual_fen: int
    rounding_fen: int
    left_fen: int
    refunded: Quantity
    total_fen: int


@dataclass(frozen=True)
class UsedCoupon:
    """A coupon that was used on the bill, also one that came back."""

    coupon_id: int
    number: str
    title: str
    reduction_fen: int | None
    undone: bool


def facts(bill: Bill) -> Mapping[str, object]:
    """Everything the page of one bill shows."""
    lines = _lines(bill.id)
    refunds = db.session.scalars(
        select(Refund).where(Refund.bill_id == bill.id).order_by(Refund.id)
    ).all()
    used = _used(bill.id)
    tenders = db.session.scalars(
        select(BillTender).where(BillTender.bill_id == bill.id).order_by(BillTender.position)
    ).all()
    person = queries.people([bill.member_id])[bill.member_id] if bill.member_id else None
    return {
        "row": bill,
        "store": queries.names(Store, [bill.store_id]).get(bill.store_id, ""),
        "person": person,
        "lines": lines,
        "used": used,
        "by_coupon": {one.coupon_id: one for one in used},
        "tenders": tenders,
        "refunds": refunds,
        "returned": _returned(bill.id),
        "names": {line.line: line.name for line in lines},
        "points": points_earned(bill),
        "quantity": from_thousandths,
        "methods": {**words.TENDERS, Method.BALANCE: "会员余额"},
    }


def points_earned(bill: Bill) -> int:
    """积分 that the bill earned, as the till was told."""
    found = bill.answer.get("points_earned", 0)
    return found if isinstance(found, int) else 0


def has_refund() -> ColumnElement[bool]:
    """有退款, of nothing but coupons too."""
    refunds = table_of(Refund)  # by the bill alone: it is the merchant's
    return exists().where(refunds.c.bill_id == Bill.id)


def coupon_titles(bill_ids: Collection[int]) -> dict[int, list[str]]:
    """用券 per bill: what its coupons are called; those that came back are left out."""
    found: dict[int, list[str]] = {}
    for row in db.session.execute(
        select(Redemption.bill_id, TemplateRevision.title)
        .join(Coupon, Coupon.id == Redemption.coupon_id)
        .join(TemplateRevision, TemplateRevision.id == Coupon.revision_id)
        .where(Redemption.bill_id.in_(bill_ids), Redemption.undone_at.is_(None))
        .order_by(Redemption.id)
    ):
        found.setdefault(row.bill_id, []).append(row.title)
    return found


def _lines(bill_id: int) -> list[LineRow]:
    refunded: dict[int, int] = {
        row[0]: int(row[1])
        for row in db.session.execute(
            select(RefundLine.line, func.sum(RefundLine.thousandths))
            .where(RefundLine.bill_id == bill_id)
            .group_by(RefundLine.line)
        )
    }
    rows = db.session.scalars(
        select(BillLine).where(BillLine.bill_id == bill_id).order_by(BillLine.line)
    )
    return [
        LineRow(
            line=row.line,
            name=row.name,
            category=row.category,
            quantity=from_thousandths(row.thousandths),
            price_fen=row.price_fen,
            coupons_fen=row.reduction_fen
            - row.level_fen
            - row.points_fen
            - row.manual_fen
            - row.rounding_fen,
            level_fen=row.level_fen,
            points_fen=row.points_fen,
            manual_fen=row.manual_fen,
            rounding_fen=row.rounding_fen,
            left_fen=amount_fen(row.thousandths, row.price_fen) - row.reduction_fen,
            refunded=from_thousandths(refunded.get(row.line, 0)),
            total_fen=amount_fen(row.thousandths, row.price_fen),
        )
        for row in rows
    ]


def _used(bill_id: int) -> list[UsedCoupon]:
    rows = db.session.execute(
        select(Redemption, Coupon.voucher_id, TemplateRevision.title)
        .join(Coupon, Coupon.id == Redemption.coupon_id)
        .join(TemplateRevision, TemplateRevision.id == Coupon.revision_id)
        .where(Redemption.bill_id == bill_id)
        .order_by(Redemption.id)
    )
    return [
        UsedCoupon(
            coupon_id=redemption.coupon_id,
            number=coupon_number(coupon_numbers().of(redemption.coupon_id, voucher_id)),
            title=title,
            reduction_fen=redemption.reduction_fen,
            undone=redemption.undone_at is not None,
        )
        for redemption, voucher_id, title in rows
    ]


def _returned(bill_id: int) -> dict[int, list[RefundLine]]:
    """退款明细 by refund."""
    found: dict[int, list[RefundLine]] = {}
    rows: Sequence[RefundLine] = db.session.scalars(
        select(RefundLine).where(RefundLine.bill_id == bill_id).order_by(RefundLine.line)
    ).all()
    for row in rows:
        found.setdefault(row.refund_id, []).append(row)
    return found
