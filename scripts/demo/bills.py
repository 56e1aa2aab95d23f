"""Meals: bills with lines and payments, the coupon used on them, and what they make of a guest."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random

from backend.calendar import local
from backend.coupons.bill import BillLine
from backend.members.classes import class_after
from backend.members.levels import Figures, Match, all_levels, level_reached
from backend.members.models import ClassChange, LevelChange, Spending
from backend.members.phones import masked
from backend.members.view import MemberView
from backend.messaging.models import Purpose
from backend.money import yuan
from backend.points import earn
from backend.sales import models, receipt_layout
from backend.sales.best_plan import FULL_PRICE_BP, Benefits, plan_of
from backend.sales.bill import Bill, DishLine, Goods, Method, Tender
from backend.sales.receipt import kept, receipt
from scripts.demo import words
from scripts.demo.gifts import Gifts
from scripts.demo.guests import Guest, Held
from scripts.demo.ledger import Ledger, Row
from scripts.demo.letters import Letters
from scripts.demo.points import Points
from scripts.demo.shop import Shop, Till
from scripts.demo.using import Using

CASHIERS = ("小燕", "阿芳", "小陈")
MONEY = (Method.WECHAT, Method.WECHAT, Method.WECHAT, Method.WECHAT, Method.CASH, Method.CARD)


@dataclass(frozen=True)
class Taken:
    """What was taken off a bill's lines, by a coupon or by the level: never both (S2-40)."""

    lines: tuple[int, ...] = ()
    coupon: Held | None = None

    @property
    def fen(self) -> int:
        return sum(self.lines)

    @property
    def level_fen(self) -> int:
        """等级折扣."""
        return 0 if self.coupon else self.fen


class Meals:
    """Whoever eats here leaves a bill."""

    def __init__(
        self,
        shop: Shop,
        ledger: Ledger,
        letters: Letters,
        using: Using,
        points: Points,
        gifts: Gifts,
        chance: Random,
    ) -> None:
        self._shop, self._ledger, self._letters = shop, ledger, letters
        self._using, self._points, self._gifts, self._chance = using, points, gifts, chance
        self._levels = all_levels()
        self._numbers: dict[str, int] = {}

    def eat(self, guest: Guest | None, till: Till, at: datetime, *, told: bool) -> None:
        """One table settles at ``at``; a member may use a coupon, by the till or by a scan."""
        goods = an_order(self._chance)
        used = self._using.choose(guest, till, goods, at) if guest else None
        by_scan = bool(guest and used and self._using.redeem_by_scan(guest, used[0], till, at))
        if guest and used and not by_scan:
            taken = Taken(used[1].lines, used[0])
        else:
            taken = Taken(_off_by_level(guest, goods))
        bill = self._bill(guest, goods, till, at, taken)
        row = self._write(bill, till, taken)
        bill_id = int(str(row["id"]))
        earned, link = 0, None
        if guest is not None:
            rules = self._points.rules(guest.level, at)
            if rules is not None:
                payable_fen = goods.total_fen - taken.level_fen
                earned = earn.points_for(payable_fen, rule=rules.rule, multiple=rules.multiple)
                row["earning"] = asdict(rules)
                self._points.earn(guest, earned, bill_id=bill_id, at=at)
                link = self._gifts.for_bill(guest, bill_id, bill.money_fen, at)
            self._count(guest, bill_id, bill.money_fen, at)
            if taken.coupon is not None:
                self._using.use(guest, taken.coupon, till, at, bill_id=bill_id, off=taken.fen)
        self._answer(row, bill, till, guest, taken, earned=earned, link=link)
        if guest is not None and told:
            self._tell(guest, bill, bill_id, till, earned=earned)

    def number(self, till: Till, at: datetime) -> str:
        """The next bill number of this till and day."""
        day = f"{local(at, self._shop.zone):%y%m%d}"
        key = till.place.code + day
        self._numbers[key] = self._numbers.get(key, 0) + 1
        return f"{day}{self._numbers[key]:04d}"

    def _bill(
        self, guest: Guest | None, goods: Goods, till: Till, at: datetime, taken: Taken
    ) -> Bill:
        paid = Tender(self._chance.choice(MONEY), goods.total_fen - taken.fen)
        coupon = taken.coupon
        by_coupon = (
            () if coupon is None else (Tender(Method.COUPON, taken.fen, coupon.promise.number),)
        )
        return Bill(
            number=self.number(till, at),
            goods=goods,
            tenders=(*by_coupon, paid),
            settled_at=at,
            opened_at=at - timedelta(minutes=self._chance.randint(35, 110)),
            table=a_table(self._chance),
            guests=goods.service_fen // 200,
            cashier=self._chance.choice(CASHIERS),
            member_id=guest.id if guest else None,
        )

    def _write(self, bill: Bill, till: Till, taken: Taken) -> Row:
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
            reduction_fen=taken.fen,
            level_fen=taken.level_fen,
            paid_fen=bill.money_fen,
            earning={},
        )
        lines = taken.lines or (0,) * len(bill.goods.lines)
        for place, (each, fen) in enumerate(zip(bill.goods.lines, lines, strict=True)):
            self._ledger.add(
                models.BillLine,
                bill_id=row["id"],
                line=place,
                dish=each.line.dish,
                name=each.name,
                category=each.line.category,
                thousandths=each.line.thousandths,
                price_fen=each.line.price_fen,
                reduction_fen=fen,
                level_fen=0 if taken.coupon else fen,
            )
        for position, tender in enumerate(bill.tenders):
            by_coupon = taken.coupon is not None and tender.method is Method.COUPON
            self._ledger.add(
                models.BillTender,
                bill_id=row["id"],
                position=position,
                method=tender.method.value,
                amount_fen=tender.amount_fen,
                coupon_id=taken.coupon.row["id"] if taken.coupon and by_coupon else None,
            )
        return row

    def _answer(
        self,
        row: Row,
        bill: Bill,
        till: Till,
        guest: Guest | None,
        taken: Taken,
        *,
        earned: int,
        link: str | None,
    ) -> None:
        """What the till was told, and its receipt."""
        member = None if guest is None else _standing(guest)
        printed = receipt(
            bill,
            here=till.place,
            tenders=bill.tenders,
            member=member,
            points_earned=earned,
            level_fen=taken.level_fen,
            claim_url=link,
        )
        row["answer"] = {
            "bill": bill.number,
            "paid_fen": bill.money_fen,
            "reduction_fen": taken.fen,
            "points_earned": earned,
            "points_total": None if member is None else member.points,
            "balance_fen": None if member is None else 0,
            "customer_class": None if member is None else member.customer_class,
            "level": None if member is None else member.level,
            "receipt": kept(printed),
            "gift": None if link is None else link.rpartition("/")[2],
        }
        row["receipt_text"] = receipt_layout.text(printed)

    def _count(self, guest: Guest, bill_id: int, paid_fen: int, at: datetime) -> None:
        """消费记录, and the class and the level that follow from it."""
        before, level = guest.customer_class, guest.level
        guest.spent.append((at, paid_fen))
        guest.paid_fen += paid_fen
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
        figures = Figures(guest.paid_fen, len(guest.spent), 0)
        reached = level_reached(self._levels, figures, Match(self._shop.merchant.levels_match))
        if reached is not None and level is not None and reached.position > level.position:
            guest.level = self._shop.levels[self._levels.index(reached)]
            self._ledger.add(
                LevelChange,
                member_id=guest.id,
                before_level_id=level.id,
                after_level_id=reached.id,
                at=at,
                cause=f"bill-{bill_id}",
            )

    def _tell(self, guest: Guest, bill: Bill, bill_id: int, till: Till, *, earned: int) -> None:
        self._letters.tell(
            guest,
            Purpose.CONSUMPTION_COMPLETE,
            {
                "title": "消费完成",
                "number": bill.number,
                "store": till.place.name,
                "merchant": till.place.merchant_name,
                "amount": yuan(bill.money_fen),
                "points": earned,
                "points_total": guest.points,
                "level": guest.level.name if guest.level else "",
                "time": local(bill.settled_at, self._shop.zone).isoformat(timespec="seconds"),
            },
            key=f"bill-{bill_id}",
            at=bill.settled_at,
        )


def an_order(chance: Random) -> Goods:
    """What one table has eaten."""
    people = chance.choices((1, 2, 3, 4, 6, 8), weights=(8, 34, 22, 20, 11, 5))[0]
    lines = tuple(
        DishLine(dish.name, BillLine(dish.code, dish.category, quantity, dish.price_fen))
        for dish, quantity in words.order(chance, people).items()
    )
    return Goods(lines, service_fen=people * 200)


def a_table(chance: Random) -> str:
    """台位."""
    return f"{chance.choice('ABC')}{chance.randint(1, 18)}"


def _off_by_level(guest: Guest | None, goods: Goods) -> tuple[int, ...]:
    if guest is None or guest.level is None or guest.level.discount_bp == FULL_PRICE_BP:
        return ()
    amounts = [line.amount_fen for line in goods.judged]
    return plan_of(amounts, [], Benefits(level_bp=guest.level.discount_bp)).level_lines


def _standing(guest: Guest) -> MemberView:
    """会员 after this bill, as the receipt shows them."""
    phone, registered_at = guest.row["phone"], guest.row["registered_at"]
    assert registered_at is None or isinstance(registered_at, datetime)
    return MemberView(
        id=guest.id,
        nickname=str(guest.row["nickname"]),
        phone_masked=masked(str(phone)) if phone else None,
        customer_class=guest.customer_class.value,
        level=guest.level.name if guest.level else None,
        level_discount_bp=guest.level.discount_bp if guest.level else FULL_PRICE_BP,
        level_rights="",
        points=guest.points,
        balance_fen=0,
        registered_at=registered_at,
    )
