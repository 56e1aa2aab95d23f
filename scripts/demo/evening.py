"""The last meal time, lived through the product's own use cases: recharges and cards, bills paid in
every way, gifts scanned, points exchanged, refunds, a bill that could not be entered, tables that
still eat."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from backend.calendar import day_of, local, start_of_day
from backend.campaigns import links
from backend.coupons.errors import CouponRedeemed
from backend.members import cards
from backend.members.view import member_view
from backend.membership import levels
from backend.membership.recharging import recharge
from backend.open_bills.content import Content
from backend.open_bills.put import put
from backend.points.exchange import ExchangeOrder, exchange, exchange_at_till
from backend.points.exchange_offers import wishes
from backend.redemption.redeem import Redeemer
from backend.sales import refused_bills
from backend.sales.bill import Bill, Method, Tender
from backend.sales.quote import quote
from backend.sales.refund import refund
from backend.sales.refund_records import RefundOrder
from backend.sales.settle import settle
from scripts.demo.bills import CASHIERS, MONEY, Meals, a_table, an_order
from scripts.demo.guests import KNOWN, Guest
from scripts.demo.shop import Shop, Till

BILLS = 30
RECHARGES = (20000, 30000, 50000, 50000, 100000, 100000)
NOON, LATE = 13, 23


@dataclass(frozen=True)
class Hours:
    """From when until when the evening lasts."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Paid:
    """A bill of this evening."""

    number: str
    till: Till
    guest: Guest | None
    gift: str | None


def hours(shop: Shop, now: datetime) -> Hours:
    """The two hours before now while people eat, else the evening before."""
    if NOON <= local(now, shop.zone).hour < LATE:
        return Hours(now - timedelta(hours=2), now - timedelta(minutes=1))
    day = day_of(now, shop.zone)
    if local(now, shop.zone).hour < LATE:
        day -= timedelta(days=1)
    midnight = start_of_day(day, shop.zone)
    return Hours(midnight + timedelta(hours=19), midnight + timedelta(hours=21, minutes=30))


class Evening:
    """Everything is done at a time of its own, one after the other."""

    def __init__(
        self, shop: Shop, guests: list[Guest], meals: Meals, chance: Random, open_: Hours
    ) -> None:
        self._shop, self._meals, self._chance = shop, meals, chance
        self._times = _times(chance, open_)
        known = {person.nickname for person in KNOWN}
        with_phones = [g for g in guests if g.row["phone"] and g.row["nickname"] not in known]
        self.regulars = sorted(with_phones, key=lambda guest: -guest.paid_fen)[:60]
        self._chance.shuffle(self.regulars)
        self.later = open_.end

    def live(self) -> list[Paid]:
        """The evening, in its order."""
        if not self.regulars:
            return []
        self._recharge()
        paid = [self.settle(*self._somebody()) for _ in range(BILLS)]
        self._scan([bill for bill in paid if bill.gift])
        self._exchange()
        self._give_back([bill for bill in paid if bill.guest])
        self._refuse(paid[-1].till)
        self._still_eating()
        return paid

    def next(self) -> datetime:
        """The time of what happens next."""
        return next(self._times)

    def settle(self, guest: Guest | None, till: Till, *, coupon: str | None = None) -> Paid:
        """结账 at the best price or with one coupon, by balance where there is enough."""
        at, goods = self.next(), an_order(self._chance)
        member_id = None if guest is None else guest.id
        chosen = None if coupon is None else [coupon]
        quoted = quote(goods, here=till.place, member_id=member_id, chosen=chosen, now=at)
        to_pay_fen = quoted.price.to_pay_fen
        balance_fen = 0 if member_id is None else member_view(member_id).balance_fen
        method = Method.BALANCE if balance_fen >= to_pay_fen > 0 else self._chance.choice(MONEY)
        used = [
            Tender(Method.COUPON, each.reduction.total_fen, each.coupon.promise.number)
            for each in quoted.price.chosen
        ]
        bill = Bill(
            number=self._meals.number(till, at),
            goods=goods,
            tenders=(*used, Tender(method, to_pay_fen)),
            settled_at=at,
            opened_at=at - timedelta(minutes=self._chance.randint(35, 90)),
            table=a_table(self._chance),
            guests=goods.service_fen // 200,
            cashier=self._chance.choice(CASHIERS),
            member_id=member_id,
            quote_id=quoted.code,
        )
        done = settle(bill, here=till.place, by=Redeemer(till.name), now=at)
        return Paid(bill.number, till, guest, done.gift)

    def _somebody(self) -> tuple[Guest | None, Till]:
        if self._chance.random() < 0.3:
            return None, self._chance.choice(self._shop.tills)
        guest = self._chance.choice(self.regulars)
        return guest, guest.till

    def _recharge(self) -> None:
        """充值; most of them take a card, one loses it and one has it frozen."""
        number = 88001001
        for n, fen in enumerate(RECHARGES):
            guest, at = self.regulars[n], self.next()
            here = guest.till.place
            recharge(guest.id, number=f"C{n + 1:04d}", principal_fen=fen, here=here, now=at)
            if n:
                cards.bind(f"{number + n}", member_id=guest.id, actor="李小燕", now=at)
        cards.freeze(f"{number + 1}", actor="李小燕", now=self.next())
        cards.replace(f"{number + 2}", new_number=f"{number + 9}", actor="李小燕", now=self.next())
        levels.give(
            self.regulars[-1].id,
            self._shop.levels[-1].id,
            reason="常带公司客人来，店长批准",
            actor="周建国",
            now=self.next(),
        )

    def _scan(self, with_gifts: list[Paid]) -> None:
        for bill in with_gifts[:3]:
            assert bill.gift is not None and bill.guest is not None
            links.claim(bill.gift, member_id=bill.guest.id, now=self.next())

    def _exchange(self) -> None:
        """积分兑换: some by phone, some at the till, of whom not all have scanned the code."""
        for n, guest in enumerate(self.regulars[10:16]):
            at, store = self.next(), guest.till.place.code
            offers = [each for each in wishes(guest.id, store_code=store, now=at) if each.eligible]
            if not offers:
                continue
            offer = self._chance.choice(offers)
            wanted = ExchangeOrder(offer.campaign.id, offer.template_id)
            if n % 2:
                exchange(guest.id, wanted, now=at)
                continue
            link = exchange_at_till(guest.id, wanted, store_code=store, now=at).link
            if not n:
                links.claim(link.code, member_id=guest.id, now=self.next())

    def _give_back(self, bills: list[Paid]) -> None:
        """退款: one bill as a whole, one dish of another."""
        for bill, order in (
            (bills[2], RefundOrder("R1", reason="顾客投诉菜凉，整单退")),
            (bills[5], RefundOrder("R1", lines=((0, 1),), reason="锅底没上")),
        ):
            refund(
                order, bill=bill.number, here=bill.till.place, by=bill.till.name, now=self.next()
            )

    def _refuse(self, till: Till) -> None:
        """离线补传未入账: the till was offline, and the coupon had been used elsewhere."""
        at = self.next()
        settled_at = local(at - timedelta(minutes=40), self._shop.zone)
        content = {
            "bill": f"{settled_at:%y%m%d}9001",
            "table": "A6",
            "guests": 4,
            "cashier": CASHIERS[0],
            "settled_at": settled_at.isoformat(timespec="seconds"),
            "lines": [
                {"dish": each.line.dish, "name": each.name, "quantity": 1,
                 "price_fen": each.line.price_fen}
                for each in an_order(self._chance).lines
            ],
            "service_fen": 800,
            "tenders": [
                {"method": "coupon", "number": "123456789012"},
                {"method": "cash", "amount_fen": 18600},
            ],
        }  # fmt: skip
        elsewhere = self._shop.tills[-1].place.name
        refused_bills.keep(
            str(content["bill"]),
            content,  # type: ignore[arg-type]
            refusal=CouponRedeemed(redeemed_at=settled_at, store_name=elsewhere),
            here=till.place,
            now=at,
        )

    def _still_eating(self) -> None:
        """挂单: their codes stand on the tables."""
        at = self.later
        for n, till in enumerate((*self._shop.tills, self._shop.tills[0])):
            goods = an_order(self._chance)
            content = Content(
                goods,
                table=f"A{n + 1}",
                guests=goods.service_fen // 200,
                cashier=CASHIERS[0],
                opened_at=at - timedelta(minutes=45 - n),
            )
            put(
                content,
                number=self._meals.number(till, self.later),
                here=till.place,
                now=self.later,
            )


def _times(chance: Random, open_: Hours) -> Iterator[datetime]:
    """Ever later, never after the end."""
    at, step = open_.start, (open_.end - open_.start) / 80
    while True:
        yield at
        at = min(at + step * chance.uniform(0.4, 1.5), open_.end)
