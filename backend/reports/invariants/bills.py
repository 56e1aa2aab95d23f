"""账单: what was paid adds up, and the coupon on a bill is the one that was redeemed for it."""

from sqlalchemy import and_, func, or_, select

from backend.database import table_of
from backend.quantity import PIECE
from backend.redemption.models import Redemption
from backend.reports.invariants.invariant import Invariant, by
from backend.sales.bill import Method
from backend.sales.models import Bill, BillLine, BillTender, Refund, RefundLine

_bills, _lines, _tenders = table_of(Bill), table_of(BillLine), table_of(BillTender)
_redemptions = table_of(Redemption)
_refunds, _refund_lines = table_of(Refund), table_of(RefundLine)

_MONEY = [method.value for method in Method if method.is_money]
_PARTS = ("level_fen", "points_fen", "manual_fen", "rounding_fen")

# Pieces apart from the rest, so that no product leaves a BIGINT.
_amount_fen = (
    _lines.c.thousandths // PIECE * _lines.c.price_fen
    + (_lines.c.thousandths % PIECE * _lines.c.price_fen + PIECE // 2) // PIECE
)
_goods = (
    select(
        _lines.c.bill_id,
        func.sum(_amount_fen).label("lines_fen"),
        *(func.sum(_lines.c[part]).label(part) for part in ("reduction_fen", *_PARTS)),
    )
    .group_by(_lines.c.bill_id)
    .subquery()
)
_money = (
    select(_tenders.c.bill_id, func.sum(_tenders.c.amount_fen).label("paid_fen"))
    .where(_tenders.c.method.in_(_MONEY))
    .group_by(_tenders.c.bill_id)
    .subquery()
)
_redeemed = (
    select(
        _redemptions.c.bill_id,
        func.sum(func.coalesce(_redemptions.c.reduction_fen, 0)).label("reduction_fen"),
    )
    .where(_redemptions.c.bill_id.is_not(None))
    .group_by(_redemptions.c.bill_id)
    .subquery()
)
_refunded = (
    select(_refunds.c.bill_id, func.sum(_refunds.c.refunded_fen).label("refunded_fen"))
    .group_by(_refunds.c.bill_id)
    .subquery()
)
_refunded_lines = (
    select(_refund_lines.c.refund_id, func.sum(_refund_lines.c.paid_fen).label("paid_fen"))
    .group_by(_refund_lines.c.refund_id)
    .subquery()
)
_returned = (
    select(
        _refund_lines.c.bill_id,
        _refund_lines.c.line,
        func.sum(_refund_lines.c.thousandths).label("thousandths"),
    )
    .group_by(_refund_lines.c.bill_id, _refund_lines.c.line)
    .subquery()
)

INVARIANTS = (
    Invariant(
        "bill.lines",
        "账单的金额与优惠等于各行之和",
        "bill",
        by(
            select(_bills.c.id)
            .outerjoin(_goods, _goods.c.bill_id == _bills.c.id)
            .where(
                or_(
                    _bills.c.lines_fen != func.coalesce(_goods.c.lines_fen, 0),
                    _bills.c.reduction_fen != func.coalesce(_goods.c.reduction_fen, 0),
                )
            )
        ),
    ),
    Invariant(
        "bill.parts",
        "账单的等级折扣、积分抵现、手动批价和抹零等于各行之和",
        "bill",
        by(
            select(_bills.c.id)
            .outerjoin(_goods, _goods.c.bill_id == _bills.c.id)
            .where(or_(*(_bills.c[part] != func.coalesce(_goods.c[part], 0) for part in _PARTS)))
        ),
    ),
    Invariant(
        "bill.paid",
        "账单的实付等于合计减优惠，也等于付款之和（V-33）",
        "bill",
        by(
            select(_bills.c.id)
            .outerjoin(_money, _money.c.bill_id == _bills.c.id)
            .where(
                or_(
                    _bills.c.paid_fen
                    != _bills.c.lines_fen + _bills.c.service_fen - _bills.c.reduction_fen,
                    _bills.c.paid_fen != func.coalesce(_money.c.paid_fen, 0),
                )
            )
        ),
    ),
    Invariant(
        "bill.redemption",
        "账单的优惠，除等级折扣、积分、手动批价和抹零外，就是它核销的券所减的",
        "bill",
        by(
            select(_bills.c.id)
            .outerjoin(_redeemed, _redeemed.c.bill_id == _bills.c.id)
            .where(
                _bills.c.reduction_fen
                - _bills.c.level_fen
                - _bills.c.points_fen
                - _bills.c.manual_fen
                - _bills.c.rounding_fen
                != func.coalesce(_redeemed.c.reduction_fen, 0)
            )
        ),
    ),
    Invariant(
        "bill.refunded",
        "账单的已退金额等于各次退款之和，不超过实付（V-09）",
        "bill",
        by(
            select(_bills.c.id)
            .outerjoin(_refunded, _refunded.c.bill_id == _bills.c.id)
            .where(
                or_(
                    _bills.c.refunded_fen != func.coalesce(_refunded.c.refunded_fen, 0),
                    _bills.c.refunded_fen > _bills.c.paid_fen,
                )
            )
        ),
    ),
    Invariant(
        "refund.lines",
        "退款金额等于各行与服务费之和",
        "refund",
        by(
            select(_refunds.c.id)
            .outerjoin(_refunded_lines, _refunded_lines.c.refund_id == _refunds.c.id)
            .where(
                _refunds.c.refunded_fen
                != func.coalesce(_refunded_lines.c.paid_fen, 0) + _refunds.c.service_fen
            )
        ),
    ),
    Invariant(
        "bill_line.returned",
        "每行退回的数量不超过所点（V-09）",
        "bill_line",
        by(
            select(_lines.c.id)
            .join(
                _returned,
                and_(_returned.c.bill_id == _lines.c.bill_id, _returned.c.line == _lines.c.line),
            )
            .where(_returned.c.thousandths > _lines.c.thousandths)
        ),
    ),
)
