"""Meals: bills with lines and payments, the coupon used on them, and what they make of a guest."""

from datetime import datetime, timedelta
from hashlib import sha256
from random import Random

from backend.calendar import local
from backend.coupons.bill import BillLine
from backend.coupons.discount import Reduction
from backend.members.classes import class_after
from backend.members.models import ClassChange, Spending
from backend.members.phones import masked
from backend.members.view import MemberView
from backend.messaging.models import Purpose
from backend.money import yuan
from backend.sales import models, receipt_layout
from backend.sales.bill import Bill, DishLine, Goods, Method, Tender
from backend.sales.receipt import kept, receipt
from scripts.demo import words
from scripts.demo.guests import Guest, Held
from scripts.demo.ledger import Ledger, Row
from scripts.demo.letters import Letters
from scripts.demo.shop import Shop, Till
from scripts.demo.using import Using

CASHIERS = ("小燕", "阿芳", "小陈")
MONEY = (Method.WECHAT, Method.WECHAT, Method.WECHAT, Method.WECHAT, Method.CASH, Method.CARD)


class Meals:
    """Whoever eats here leaves a bill."""

    def __init__(
        self, shop: Shop, ledger: Ledger, letters: Letters, using: Using, chance: Random
    ) -> None:
        self._shop, self._ledger, self._letters = shop, ledger, letters
        self._using, self._chance = using, chance
        self._numbers: dict[str, int] = {}

    def eat(self, guest: Guest | None, till: Till, at: datetime, *, told: bool) -> None:
        """One table settles at ``at``; a member may use a coupon, by the till or by a scan."""
        goods = self._ordered()
        used = self._using.choose(guest, till, goods, at) if guest else None
        by_scan = bool(guest and used and self._using.redeem_by_scan(guest, used[0], till, at))
        off = None if used is None or by_scan else used[1]
        coupon = used[0] if used and not by_scan else None
        bill = self._bill(guest, goods, till, at, coupon, off)
        bill_id = self._write(bill, till, guest, coupon, off)
        if guest is None:
            return
        self._count(guest, bill_id, bill.money_fen, at)
        if coupon is not None and off is not None:
            self._using.use(guest, coupon, till, at, bill_id=bill_id, off=off.total_fen)
        if told:
            self._tell(guest, bill, bill_id, till)

    def _ordered(self) -> Goods:
        people = self._chance.choices((1, 2, 3, 4, 6, 8), weights=(8, 34, 22, 20, 11, 5))[0]
        ordered = words.order(self._chance, people)
        lines = tuple(
            DishLine(dish.name, BillLine(dish.code, dish.category, quantity, dish.price_fen))
            for dish, quantity in ordered.items()
        )
        return Goods(lines, service_fen=people * 200)

    def _bill(
        self,
        guest: Guest | None,
        goods: Goods,
        till: Till,
        at: datetime,
        coupon: Held | None,
        off: Reduction | None,
    ) -> Bill:
        day = f"{local(at, self._shop.zone):%y%m%d}"
        key = till.place.code + day
        self._numbers[key] = self._numbers.get(key, 0) + 1
        to_pay = goods.total_fen - (off.total_fen if off else 0)
        paid = Tender(self._chance.choice(MONEY), to_pay)
        number = coupon.promise.number if coupon else None
        with_coupon = () if off is None else (Tender(Method.COUPON, off.total_fen, number),)
        return Bill(
            number=f"{day}{self._numbers[key]:04d}",
            goods=goods,
            tenders=(*with_coupon, paid),
            settled_at=at,
            opened_at=at - timedelta(minutes=self._chance.randint(35, 110)),
            table=f"{self._chance.choice('ABC')}{self._chance.randint(1, 18)}",
            guests=goods.service_fen // 200,
            cashier=self._chance.choice(CASHIERS),
            member_id=guest.id if guest else None,
        )

    def _write(
        self,
        bill: Bill,
        till: Till,
        guest: Guest | None,
        coupon: Held | None,
        off: Reduction | None,
    ) -> int:
        reduction_fen = off.total_fen if off else 0
        member = _standing(guest, self._shop) if guest else None
        printed = receipt(
            bill, here=till.place, tenders=bill.tenders, member=member, points_earned=0
        )
        answer: Row = {
            "bill": bill.number,
            "paid_fen": bill.money_fen,
            "reduction_fen": reduction_fen,
            "points_earned": 0,
            "points_total": None if member is None else 0,
            "balance_fen": None if member is None else 0,
            "customer_class": None if member is None else member.customer_class,
            "level": None if member is None else member.level,
            "receipt": kept(printed),
        }
        row = self._ledger.add(
            models.Bill,
            store_id=till.place.store_id,
            number=bill.number,
            fingerprint=sha256(f"{till.place.code}/{bill.number}".encode()).hexdigest(),
            member_id=bill.member_id,
            table_name=bill.table,
            guests=bill.guests,
            cashier=bill.cashier,
            opened_at=bill.opened_at,
            settled_at=bill.settled_at,
            recorded_at=bill.settled_at,
            lines_fen=bill.goods.lines_fen,
            service_fen=bill.goods.service_fen,
            reduction_fen=reduction_fen,
            paid_fen=bill.money_fen,
            answer=answer,
            receipt_text=receipt_layout.text(printed),
        )
        self._write_parts(bill, int(str(row["id"])), coupon, off)
        return int(str(row["id"]))

    def _write_parts(
        self, bill: Bill, bill_id: int, coupon: Held | None, off: Reduction | None
    ) -> None:
        taken = off.lines if off else (0,) * len(bill.goods.lines)
        for place, (each, fen) in enumerate(zip(bill.goods.lines, taken, strict=True)):
            self._ledger.add(
                models.BillLine,
                bill_id=bill_id,
                line=place,
                dish=each.line.dish,
                name=each.name,
                category=each.line.category,
                quantity=each.line.quantity,
                price_fen=each.line.price_fen,
                reduction_fen=fen,
            )
        for position, tender in enumerate(bill.tenders):
            is_coupon = tender.method is Method.COUPON and coupon is not None
            self._ledger.add(
                models.BillTender,
                bill_id=bill_id,
                position=position,
                method=tender.method.value,
                amount_fen=tender.amount_fen,
                coupon_id=coupon.row["id"] if coupon and is_coupon else None,
            )

    def _count(self, guest: Guest, bill_id: int, paid_fen: int, at: datetime) -> None:
        before = guest.customer_class
        guest.spent.append((at, paid_fen))
        guest.customer_class = class_after(len(guest.spent))
        self._ledger.add(
            Spending,
            member_id=guest.id,
            cause=f"bill-{bill_id}",
            paid_fen=paid_fen,
            spent_at=at,
            reversed_at=None,
        )
        if guest.customer_class is not before:
            self._ledger.add(
                ClassChange,
                member_id=guest.id,
                before=before.value,
                after=guest.customer_class.value,
                at=at,
                cause=f"bill-{bill_id}",
            )

    def _tell(self, guest: Guest, bill: Bill, bill_id: int, till: Till) -> None:
        self._letters.tell(
            guest,
            Purpose.CONSUMPTION_COMPLETE,
            {
                "title": "消费完成",
                "number": bill.number,
                "store": till.place.name,
                "merchant": till.place.merchant_name,
                "amount": yuan(bill.money_fen),
                "points": 0,
                "points_total": 0,
                "level": "",
                "time": local(bill.settled_at, self._shop.zone).isoformat(timespec="seconds"),
            },
            key=f"bill-{bill_id}",
            at=bill.settled_at,
        )


def _standing(guest: Guest, shop: Shop) -> MemberView:
    """会员 after this bill, as the receipt shows them."""
    phone, registered_at = guest.row["phone"], guest.row["registered_at"]
    assert registered_at is None or isinstance(registered_at, datetime)
    return MemberView(
        id=guest.id,
        nickname=str(guest.row["nickname"]),
        phone_masked=masked(str(phone)) if phone else None,
        customer_class=class_after(len(guest.spent) + 1).value,
        level=shop.levels[0].name if shop.levels else None,
        level_discount_bp=10000,
        level_rights="",
        points=0,
        balance_fen=0,
        registered_at=registered_at,
    )
