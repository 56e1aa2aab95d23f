"""结账. One paid bill, once: coupon used, bill written, counters and class moved, customer told."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import insert, update

from backend import faults, requesting, tenancy
from backend.calendar import local
from backend.coupons.applicability import UseFacts
from backend.coupons.errors import CouponNotFound, NotCombinable
from backend.database import changed, db, table_of, transactional
from backend.members import spending
from backend.members.queries import survivor_id
from backend.members.view import MemberView, member_view
from backend.merchants.queries import Place
from backend.messaging import outbox
from backend.messaging.models import Purpose
from backend.money import yuan
from backend.redemption import facts
from backend.redemption.facts import CouponFacts
from backend.redemption.look_up import find, use_at
from backend.redemption.redeem import OnBill, Redeemer, take
from backend.sales import models, queries
from backend.sales.bill import Bill, Method, Tender, bill_key
from backend.sales.errors import BillConflict, TenderMismatch, TenderNotOffered
from backend.sales.lock import unlock
from backend.sales.pricing import Candidate, Price, judged
from backend.sales.queries import Settlement
from backend.sales.quote import guaranteed
from backend.sales.receipt import receipt

_bills = table_of(models.Bill)
_lines, _tenders = table_of(models.BillLine), table_of(models.BillTender)

OFFERED = (Method.COUPON, Method.CASH, Method.WECHAT, Method.CARD)


def settle(bill: Bill, *, here: Place, by: Redeemer, now: datetime) -> Settlement:
    """结账. The same store and bill number always answer the same settlement."""
    settlement = _settle(bill, here=here, by=by, now=now)
    faults.point("settle.after_commit")
    return settlement


@transactional
def _settle(bill: Bill, *, here: Place, by: Redeemer, now: datetime) -> Settlement:
    """The number is claimed before anything is judged: who comes second waits, then finds it."""
    if earlier := queries.settled(here.store_id, bill.number):
        if earlier.fingerprint != bill.fingerprint:
            raise BillConflict(bill=bill.number)
        return earlier.settlement
    _refuse_what_is_not_offered(bill)
    member_id = None if bill.member_id is None else survivor_id(bill.member_id)
    bill_id = _claim_number(bill, here=here, member_id=member_id, now=now)
    price, use = _price(bill, here=here, member_id=member_id)
    if bill.money_fen != price.to_pay_fen:
        raise TenderMismatch(to_pay_fen=price.to_pay_fen, tendered_fen=bill.money_fen)
    if price.chosen is not None:
        _use(price.chosen, bill, bill_id, use=use, here=here, by=by, now=now)
    unlock(None, bill=bill.number, here=here, actor=by.name, now=now)
    tenders = _with_coupon(bill, price.chosen)
    _write_content(bill, bill_id, price=price, tenders=tenders)
    member = None
    if member_id is not None:
        spending.add_bill(
            member_id, bill_id=bill_id, paid_fen=bill.money_fen, spent_at=bill.settled_at, now=now
        )
        member = member_view(member_id)
        _tell(member_id, bill, bill_id, here=here, member=member, now=now)
    settlement = _settlement(bill, price, here=here, tenders=tenders, member=member)
    _write_answer(bill_id, settlement)
    faults.point("settle.before_commit")
    return settlement


def _refuse_what_is_not_offered(bill: Bill) -> None:
    for tender in bill.tenders:
        if tender.method not in OFFERED:
            raise TenderNotOffered(method=tender.method.label)


def _price(bill: Bill, *, here: Place, member_id: int | None) -> tuple[Price, UseFacts]:
    """批价 anew; what a quote promised is judged at the quote's time."""
    at, coupons = bill.settled_at, {}
    if bill.quote_id is not None:
        promised = guaranteed(
            bill.quote_id, goods=bill.goods, here=here, member_id=member_id, at=at
        )
        at = promised.judged_at
        if promised.coupon_id is not None:
            coupon = facts.coupon(promised.coupon_id)
            if coupon is None:
                raise CouponNotFound()
            coupons[coupon.id] = coupon
    for number in bill.coupon_numbers:
        coupon = find(number, now=bill.settled_at)
        coupons.setdefault(coupon.id, coupon)
    use = use_at(here, lines=bill.goods.judged, bill=bill_key(here.store_id, bill.number), at=at)
    return Price(bill.goods.total_fen, _the_one(list(coupons.values()), use), ()), use


def _the_one(coupons: list[CouponFacts], use: UseFacts) -> Candidate | None:
    """The bill's coupon, which must be good; a second one cannot go with it."""
    if len(coupons) > 1:
        raise NotCombinable(name=coupons[0].title)
    for coupon in coupons:
        candidate = judged(coupon, use)
        if candidate.refusal is not None:
            raise candidate.refusal
        return candidate
    return None


def _use(
    chosen: Candidate,
    bill: Bill,
    bill_id: int,
    *,
    use: UseFacts,
    here: Place,
    by: Redeemer,
    now: datetime,
) -> None:
    on_bill = OnBill(
        bill_id=bill_id, reduction_fen=chosen.reduction.total_fen, redeemed_at=bill.settled_at
    )
    take(chosen.coupon, use=use, here=here, by=by, on_bill=on_bill, now=now)


def _with_coupon(bill: Bill, chosen: Candidate | None) -> tuple[Tender, ...]:
    """The tenders as kept: 票券 by its number and what it took off, named again or not."""
    money = tuple(tender for tender in bill.tenders if tender.method is not Method.COUPON)
    if chosen is None:
        return money
    return Tender(Method.COUPON, chosen.reduction.total_fen, chosen.coupon.number), *money


def _claim_number(bill: Bill, *, here: Place, member_id: int | None, now: datetime) -> int:
    written = db.session.connection().execute(
        insert(_bills).values(
            merchant_id=tenancy.merchant_id(),
            store_id=here.store_id,
            number=bill.number,
            fingerprint=bill.fingerprint,
            member_id=member_id,
            table_name=bill.table,
            guests=bill.guests,
            cashier=bill.cashier,
            opened_at=bill.opened_at,
            settled_at=bill.settled_at,
            recorded_at=now,
            lines_fen=bill.goods.lines_fen,
            service_fen=bill.goods.service_fen,
            reduction_fen=0,
            paid_fen=bill.money_fen,
            answer={},
            receipt_text="",
            request_id=requesting.request_id(),
        )
    )
    (bill_id,) = written.inserted_primary_key or (0,)
    return int(bill_id)


def _write_content(bill: Bill, bill_id: int, *, price: Price, tenders: tuple[Tender, ...]) -> None:
    merchant_id = tenancy.merchant_id()
    off = price.chosen.reduction.lines if price.chosen is not None else (0,) * len(bill.goods.lines)
    coupon_id = None if price.chosen is None else price.chosen.coupon.id
    connection = db.session.connection()
    if bill.goods.lines:
        connection.execute(
            insert(_lines),
            [
                {
                    "merchant_id": merchant_id,
                    "bill_id": bill_id,
                    "line": place,
                    "dish": each.line.dish,
                    "name": each.name,
                    "category": each.line.category or "",
                    "quantity": each.line.quantity,
                    "price_fen": each.line.price_fen,
                    "reduction_fen": off[place],
                }
                for place, each in enumerate(bill.goods.lines)
            ],
        )
    if tenders:
        connection.execute(
            insert(_tenders),
            [
                {
                    "merchant_id": merchant_id,
                    "bill_id": bill_id,
                    "position": position,
                    "method": tender.method.value,
                    "amount_fen": tender.amount_fen,
                    "coupon_id": coupon_id if tender.method is Method.COUPON else None,
                }
                for position, tender in enumerate(tenders)
            ],
        )


def _tell(
    member_id: int,
    bill: Bill,
    bill_id: int,
    *,
    here: Place,
    member: MemberView,
    now: datetime,
) -> None:
    """消费完成 to the member, beside the bill it reports."""
    outbox.queue(
        member_id,
        Purpose.CONSUMPTION_COMPLETE,
        {
            "title": "消费完成",
            "number": bill.number,
            "store": here.name,
            "merchant": here.merchant_name,
            "amount": yuan(bill.money_fen),
            "points": 0,
            "points_total": member.points,
            "level": member.level or "",
            "time": local(bill.settled_at, here.zone).isoformat(timespec="seconds"),
        },
        dedupe_key=f"bill-{bill_id}",
        now=now,
    )


def _settlement(
    bill: Bill,
    price: Price,
    *,
    here: Place,
    tenders: tuple[Tender, ...],
    member: MemberView | None,
) -> Settlement:
    return Settlement(
        bill=bill.number,
        paid_fen=bill.money_fen,
        reduction_fen=price.reduction_fen,
        points_earned=0,
        points_total=None if member is None else member.points,
        balance_fen=None if member is None else member.balance_fen,
        customer_class=None if member is None else member.customer_class,
        level=None if member is None else member.level,
        receipt_text=receipt(bill, here=here, tenders=tenders, member=member, points_earned=0),
    )


def _write_answer(bill_id: int, settlement: Settlement) -> None:
    answer = asdict(settlement)
    text = answer.pop("receipt_text")
    changed(
        update(_bills)
        .where(_bills.c.id == bill_id, _bills.c.merchant_id == tenancy.merchant_id())
        .values(reduction_fen=settlement.reduction_fen, answer=answer, receipt_text=text)
    )
