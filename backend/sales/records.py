"""账单入账: the rows of a settled bill, its lines and tenders."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import bindparam, exists, insert, not_, select, update

from backend import requesting, tenancy
from backend.database import changed, db, table_of
from backend.merchants.queries import Place
from backend.points.earn import Rules
from backend.sales import models
from backend.sales.bill import Bill
from backend.sales.due import Due
from backend.sales.queries import Settlement
from backend.sales.receipt import kept

_bills = table_of(models.Bill)
_lines, _tenders = table_of(models.BillLine), table_of(models.BillTender)

_CLAIM_COLUMNS = (
    "merchant_id", "store_id", "number", "fingerprint", "table_name", "guests", "cashier",
    "opened_at", "settled_at", "recorded_at", "lines_fen", "service_fen", "paid_fen", "answer",
    "request_id",
)  # fmt: skip
_CLAIM = (
    insert(_bills)
    .from_select(
        _CLAIM_COLUMNS,
        select(*(bindparam(name, type_=_bills.c[name].type) for name in _CLAIM_COLUMNS)).where(
            not_(
                exists().where(
                    _bills.c.merchant_id == bindparam("merchant_id"),
                    _bills.c.store_id == bindparam("store_id"),
                    _bills.c.number == bindparam("number"),
                )
            )
        ),
    )
    .returning(_bills.c.id)
)
_NEW_LINES, _NEW_TENDERS = insert(_lines), insert(_tenders)
_THIS = update(_bills).where(
    _bills.c.id == bindparam("this"), _bills.c.merchant_id == bindparam("merchant")
)


def claim_number(bill: Bill, *, here: Place, now: datetime) -> int | None:
    """The bill's id; None when the number is taken. Whoever comes second at the same moment waits
    here, and then finds it taken."""
    claimed: int | None = db.session.connection().scalar(
        _CLAIM,
        {
            "merchant_id": tenancy.merchant_id(),
            "store_id": here.store_id,
            "number": bill.number,
            "fingerprint": bill.fingerprint,
            "table_name": bill.table,
            "guests": bill.guests,
            "cashier": bill.cashier,
            "opened_at": bill.opened_at,
            "settled_at": bill.settled_at,
            "recorded_at": now,
            "lines_fen": bill.goods.lines_fen,
            "service_fen": bill.goods.service_fen,
            "paid_fen": bill.money_fen,
            "answer": {},
            "request_id": requesting.request_id(),
        },
    )
    return claimed


def write_content(bill: Bill, bill_id: int, *, to_pay: Due) -> None:
    """Lines with what was taken off each, and tenders."""
    merchant_id, connection = tenancy.merchant_id(), db.session.connection()
    plan = to_pay.price.plan
    off, none = plan.off, (0,) * len(plan.amounts)
    manual, rounding = plan.manual_lines or none, plan.rounding_lines or none
    if bill.goods.lines:
        connection.execute(
            _NEW_LINES,
            [
                {
                    "merchant_id": merchant_id,
                    "bill_id": bill_id,
                    "line": place,
                    "dish": each.line.dish,
                    "name": each.name,
                    "category": each.line.category or "",
                    "thousandths": each.line.thousandths,
                    "price_fen": each.line.price_fen,
                    "reduction_fen": off[place],
                    "level_fen": plan.level_lines[place],
                    "manual_fen": manual[place],
                    "rounding_fen": rounding[place],
                    "points_fen": plan.points_lines[place],
                }
                for place, each in enumerate(bill.goods.lines)
            ],
        )
    coupon_ids = {used.coupon.number: used.coupon.id for used in to_pay.price.chosen}
    if to_pay.tenders:
        connection.execute(
            _NEW_TENDERS,
            [
                {
                    "merchant_id": merchant_id,
                    "bill_id": bill_id,
                    "position": position,
                    "method": tender.method.value,
                    "amount_fen": tender.amount_fen,
                    "coupon_id": coupon_ids[tender.number] if tender.number else None,
                }
                for position, tender in enumerate(to_pay.tenders)
            ],
        )


def write_answer(
    bill_id: int,
    settlement: Settlement,
    *,
    member_id: int | None,
    to_pay: Due,
    earning: Rules | None,
) -> None:
    """Whose bill it is, what the till is told, now and every other time, and what points were
    earned by."""
    answer = {**vars(settlement), "receipt": kept(settlement.receipt)}
    text = answer.pop("receipt_text")
    changed(
        _THIS,
        {
            "this": bill_id,
            "merchant": tenancy.merchant_id(),
            "member_id": member_id,
            "reduction_fen": settlement.reduction_fen,
            "level_fen": to_pay.price.plan.level_fen,
            "manual_fen": to_pay.price.plan.manual_fen,
            "rounding_fen": to_pay.price.plan.rounding_fen,
            "points_fen": to_pay.price.plan.points_fen,
            "points_spent": to_pay.points,
            "earning": {} if earning is None else asdict(earning),
            "answer": answer,
            "receipt_text": text,
        },
    )
