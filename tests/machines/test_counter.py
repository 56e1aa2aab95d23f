"""收银台 against an independent model: in any order of quoting, settling, refunding, redeeming,
undoing, recharging, adjusting and waiting, every figure is what the papers say, and doctor finds
nothing (C-05…C-10, M-04, V-01…V-09; reliability 4).

``COUNTER_MACHINE_EXAMPLES=500`` looks longer; ``--hypothesis-seed`` repeats a run.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TypeVar

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from backend import clock, tenancy
from backend.campaigns import lifecycle, programmes
from backend.campaigns.draft import CampaignDraft
from backend.coupons.bill import BillLine
from backend.coupons.models import Coupon
from backend.database import db, transaction
from backend.errors import DomainError
from backend.members.models import Member
from backend.merchants.models import Merchant
from backend.merchants.queries import Place, place
from backend.points import ledger as points_ledger
from backend.quantity import from_thousandths
from backend.redemption.redeem import Redeemer, redeem
from backend.redemption.undo import undo
from backend.reports import doctor
from backend.reports.invariants import ledgers
from backend.sales import models, refund_records
from backend.sales import quote as quoting
from backend.sales.bill import Bill, DishLine, Goods, Method, Tender
from backend.sales.refund import refund
from backend.sales.settle import settle
from backend.wallet import ledger as wallet
from backend.wallet.account import Entry
from tests.backend.redemption.coupons import a_coupon, number_of
from tests.builders import a_member, a_shop, a_template, reread
from tests.conftest import SHANGHAI
from tests.machines import books
from tests.machines.books import Line, Person, Sale, Voucher

T = TypeVar("T")

EXAMPLES = int(os.environ.get("COUNTER_MACHINE_EXAMPLES", "20"))
STEPS = 25
PEOPLE = 2
TILL = Redeemer("till k01")
WHO = st.integers(0, PEOPLE - 1)
SHARE = st.sampled_from([0, 50, 100])
"""Percent of a bill that the balance pays."""
SERVICE = st.sampled_from([0, 500])
ROUNDING = st.sampled_from([0, 0, 1, 50, 99, 100])
LINES = st.lists(
    st.builds(
        Line, st.sampled_from([1_000, 2_000, 3_000, 755]), st.sampled_from([1_999, 3_333, 6_800])
    ),
    min_size=1,
    max_size=2,
)


@dataclass
class Offered:
    """A quote, or coupons laid on the counter (``code`` None): what it was made for, its price."""

    member: int
    lines: list[Line]
    service: int
    code: str | None
    vouchers: list[int]
    points: int
    off: int
    until: datetime

    @property
    def to_pay(self) -> int:
        return sum(line.amount for line in self.lines) + self.service - self.off


class Counter(RuleBasedStateMachine):
    """Two members, one till, and all that can be done there."""

    @initialize()
    def opens(self) -> None:
        self.now = datetime(2026, 11, 23, 8, tzinfo=SHANGHAI)
        self.open = ExitStack()
        self.open.enter_context(clock.told_by(lambda: self.now))
        self.shop = a_shop()
        with transaction(), tenancy.across_merchants("a test sets a merchant's rules"):
            merchant = db.session.get_one(Merchant, self.shop.merchant_id)
            merchant.points = {"per_yuan": 100, "max_bp": 5000, "expiry": 1}
            merchant.recharge = {
                "tiers": [{"principal_fen": p, "bonus_fen": b} for p, b in books.TIERS.items()]
            }
        self.open.enter_context(tenancy.acting_for(self.shop.merchant_id))
        earning = programmes.parse("consumption_points", {"per_fen": 100, "points": 1})
        plan = lifecycle.save(
            CampaignDraft("cp", "consumption_points", settings=earning), now=self.now
        )
        lifecycle.start(plan.id, now=self.now)
        self.templates = [
            a_template(
                self.shop,
                title=kind.name,
                rule={"value_fen": kind.worth},
                minimum_fen=kind.minimum,
                combine={"coupons": kind.beside_others},
            )
            for kind in books.KINDS
        ]
        self.members = [a_member(self.shop) for _ in range(PEOPLE)]
        self.people = [Person() for _ in range(PEOPLE)]
        self.vouchers: dict[int, Voucher] = {}
        self.offers: list[Offered] = []
        self.sales: dict[str, Sale] = {}
        self.redeemed: dict[int, tuple[int, datetime]] = {}
        self.names = (f"n{n}" for n in count())
        for who in range(PEOPLE):
            self.recharges(who, 10_000)
            self.is_adjusted(who, 150)
            self.gets_a_coupon(who, who, 20)

    @rule(minutes=st.sampled_from([1, 9, 10, 300, 1_440, 14_400]))
    def waits(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(who=WHO, kind=st.integers(0, len(books.KINDS) - 1), days=st.sampled_from([1, 20]))
    def gets_a_coupon(self, who: int, kind: int, days: int) -> None:
        coupon = a_coupon(self.shop, self.members[who], self.templates[kind], days=days)
        until = self.now + timedelta(days=days)
        self.vouchers[coupon] = Voucher(books.KINDS[kind], who, until)

    @rule(who=WHO, fen=st.sampled_from([5_000, 10_000, 25_000]))
    def recharges(self, who: int, fen: int) -> None:
        number, book = next(self.names), self.people[who].balance
        with self._refused(None if book.may_grow(fen) else "BALANCE_CAP"):
            told = [
                wallet.recharge(
                    self.members[who], recharge_no=number, principal_fen=fen, now=self.now
                )
                for _ in range(2)
            ]
            book.recharge(fen)
            assert [each.balance_fen for each in told] == [book.total] * 2

    @rule(who=WHO, points=st.integers(-80, 80).filter(bool))
    def is_adjusted(self, who: int, points: int) -> None:
        book, cause = self.people[who].points, next(self.names)
        words = {"reason": "错账", "actor": "till"}
        member, short = self.members[who], -points > book.total(self.now)
        with self._refused("POINTS_INSUFFICIENT" if short else None):
            points_ledger.adjust(member, points, cause=cause, now=self.now, **words)
            if points > 0:
                book.bring(points, self.now)
            else:
                book.take(-points, self.now)

    @rule(who=WHO, lines=LINES, service=SERVICE, share=st.none() | SHARE)
    def is_quoted_the_best(
        self, who: int, lines: list[Line], service: int, share: int | None
    ) -> None:
        """And pays at once, or perhaps later."""
        amount = sum(line.amount for line in lines)
        mine = [each for each in self.vouchers.values() if each.holder == who]
        offered = self._quote(who, lines, service)
        assert offered.off == books.best_off(mine, amount, self.now)
        chosen = [self.vouchers[each] for each in offered.vouchers]
        assert all(each.holder == who and each.serves(amount, self.now) for each in chosen)
        assert books.stand_together(chosen)
        if share is not None:
            self._settle(offered, share)

    @rule(who=WHO, lines=LINES, service=SERVICE, points=st.integers(1, 200))
    def is_quoted_with_points(self, who: int, lines: list[Line], service: int, points: int) -> None:
        short = points > self.people[who].points.total(self.now)
        with self._refused("POINTS_INSUFFICIENT" if short else None):
            offered = self._quote(who, lines, service, chosen=[], points=points)
            most = (sum(line.amount for line in lines) + service) // 2
            assert offered.off == offered.points == min(points, most)
            self._settle(offered, 50)

    @precondition(lambda self: self.vouchers)
    @rule(data=st.data(), who=WHO, lines=LINES, quoted=st.booleans())
    def lays_coupons_down(
        self, data: st.DataObject, who: int, lines: list[Line], quoted: bool
    ) -> None:
        """By hand, anybody's; a quote uses those that stand beside the ones before."""
        laid = data.draw(st.lists(st.sampled_from(sorted(self.vouchers)), max_size=3, unique=True))
        if not quoted:
            off = sum(self.vouchers[each].kind.worth for each in laid)
            until = self.now + timedelta(days=99)
            self.offers.append(Offered(who, lines, 0, None, laid, 0, off, until))
            return
        amount, fit = sum(line.amount for line in lines), list[int]()
        for each in laid:
            together = [self.vouchers[one] for one in (*fit, each)]
            if together[-1].serves(amount, self.now) and books.stand_together(together):
                fit.append(each)
        offered = self._quote(who, lines, 0, chosen=[number_of(each) for each in laid])
        assert sorted(offered.vouchers) == sorted(fit)
        assert offered.off == sum(self.vouchers[each].kind.worth for each in fit)

    @precondition(lambda self: self.offers)
    @rule(data=st.data(), share=SHARE, rounding=ROUNDING)
    def settles(self, data: st.DataObject, share: int, rounding: int) -> None:
        """What was quoted earlier; a quote may be settled more than once."""
        self._settle(data.draw(st.sampled_from(self.offers)), share, rounding)

    def _settle(self, offered: Offered, share: int, rounding: int = 0) -> None:
        to_pay = max(0, offered.to_pay - rounding)
        by_balance = to_pay * share // 100
        person, number = self.people[offered.member], next(self.names)
        bill = self._bill(number, offered, by_balance, rounding)
        beyond = rounding > min(99, offered.to_pay - offered.service)
        codes = self._refusals(offered, by_balance) + ["ROUNDING_BEYOND"] * beyond
        with self._refused(*codes):
            told = settle(bill, here=self.here, by=TILL, now=self.now)
            assert settle(bill, here=self.here, by=TILL, now=self.now) == told
            sale = Sale(
                offered.member,
                self._lines_of(number, offered, rounding),
                offered.service,
                offered.vouchers,
                offered.points,
                person.balance.pay(by_balance),
                returned=[0] * len(offered.lines),
            )
            assert sale.paid == to_pay == told.paid_fen
            if offered.points:
                sale.spent = person.points.take(offered.points, self.now)
            if sale.earns:
                sale.earned = person.points.bring(sale.earns, self.now)
            person.bills += 1
            person.spent += sale.paid
            for each in offered.vouchers:
                self.vouchers[each].used = True
            self.sales[number] = sale
            assert (told.points_earned, told.points_total, told.balance_fen) == (
                sale.earns,
                person.points.total(self.now),
                person.balance.total,
            )

    @precondition(lambda self: self.sales)
    @rule(data=st.data(), units=st.none() | st.sampled_from([1_000, 2_000, 500, 255]))
    def refunds(self, data: st.DataObject, units: int | None) -> None:
        """Whole, or so many thousandths of one line; the same number twice is one refund."""
        number = data.draw(st.sampled_from(sorted(self.sales)))
        sale, place_ = self.sales[number], 0
        if units is not None:
            place_ = data.draw(st.integers(0, len(sale.lines) - 1))
        lines = None if units is None else ((place_, from_thousandths(units)),)
        left = sale.lines[place_].quantity - sale.returned[place_]
        beyond = sale.is_over if units is None else units > left
        order = refund_records.RefundOrder(next(self.names), lines)
        with self._refused("REFUND_EXCEEDS" if beyond else None):
            told = [
                refund(order, bill=number, here=self.here, by=TILL.name, now=self.now).refunded
                for _ in range(2)
            ]
            moved = self._moves_back(sale, place_, units)
            assert told[0] == told[1]
            assert moved == (
                told[0].refunded_fen,
                told[0].balance_back_fen,
                told[0].points_back,
                told[0].points_taken,
            )

    @precondition(lambda self: self.vouchers)
    @rule(data=st.data())
    def redeems(self, data: st.DataObject) -> None:
        coupon = data.draw(st.sampled_from(sorted(self.vouchers)))
        voucher = self.vouchers[coupon]
        refusal = "COUPON_REDEEMED" if voucher.used else None
        if not voucher.used and self.now >= voucher.until:
            refusal = "COUPON_EXPIRED"
        with self._refused(refusal):
            done = redeem(number_of(coupon), here=place("s01"), by=TILL, now=self.now)
            voucher.used = True
            self.redeemed[done.id] = (coupon, self.now)

    @precondition(lambda self: self.redeemed)
    @rule(data=st.data())
    def undoes(self, data: st.DataObject) -> None:
        redemption = data.draw(st.sampled_from(sorted(self.redeemed)))
        coupon, at = self.redeemed[redemption]
        late = self.now - at >= books.TILL_MAY_UNDO
        with self._refused("UNDO_TOO_LATE" if late else None):
            for _ in range(2):
                undo(redemption, by=TILL, reason="点错", now=self.now)
            self.vouchers[coupon].used = False
            del self.redeemed[redemption]

    @invariant()
    def every_figure_is_what_the_papers_say(self) -> None:
        points_ledger.expire_due(self.now)
        reread()
        for member_id, person in zip(self.members, self.people, strict=True):
            row = db.session.get_one(Member, member_id)
            assert (row.points, row.principal_fen, row.bonus_fen, row.recharged_fen) == (
                person.points.total(self.now),
                person.balance.principal,
                person.balance.bonus,
                person.balance.recharged,
            )
            assert (row.consumption_count, row.consumption_fen, row.customer_class) == (
                person.bills,
                person.spent,
                person.sort,
            )
        states = {row.id: row.state for row in db.session.execute(select(Coupon.id, Coupon.state))}
        assert states == {
            coupon: "redeemed" if voucher.used else "usable"
            for coupon, voucher in self.vouchers.items()
        }
        reread()

    @invariant()
    def the_ledgers_are_sound(self) -> None:
        with tenancy.across_merchants("a test asks the rules of money"):
            connection = db.session.connection()
            broken = [each.name for each in ledgers.INVARIANTS if each.rows(connection, self.now)]
        reread()
        assert broken == []

    def teardown(self) -> None:
        found = [str(finding) for finding in doctor.check()]
        self.open.close()
        # the builder's coupons come from no grant; each life begins at the same hour, so that what
        # earlier ones redeemed lies ahead of it
        known = ("reference.coupon.grant_id", "redemption.at")
        assert [each for each in found if not each.startswith(known)] == []

    def _refused(self, *codes: str | None) -> "Refused":
        return Refused({code for code in codes if code is not None})

    def _quote(
        self,
        who: int,
        lines: list[Line],
        service: int,
        *,
        chosen: Sequence[str] | None = None,
        points: int = 0,
    ) -> Offered:
        quoted = quoting.quote(
            self._goods(lines, service),
            here=self.here,
            member_id=self.members[who],
            chosen=chosen,
            points=points,
            now=self.now,
        )
        offered = Offered(
            who,
            lines,
            service,
            quoted.code,
            [used.coupon.id for used in quoted.price.chosen],
            quoted.price.plan.points_fen,
            quoted.price.reduction_fen,
            self.now + books.QUOTE_LASTS,
        )
        assert quoted.points_earned == (offered.to_pay + offered.off) // 100
        self.offers.append(offered)
        return offered

    def _refusals(self, offered: Offered, by_balance: int) -> list[str]:
        """Every reason there is; the till is told one of them."""
        person, laid = self.people[offered.member], [self.vouchers[n] for n in offered.vouchers]
        amount = sum(line.amount for line in offered.lines)
        by_hand = offered.code is None
        reasons = {
            "QUOTE_EXPIRED": self.now >= offered.until,
            "COUPON_REDEEMED": any(each.used for each in laid),
            "COUPON_EXPIRED": by_hand and any(self.now >= each.until for each in laid),
            "BELOW_MINIMUM": by_hand and any(amount < each.kind.minimum for each in laid),
            "NOT_COMBINABLE": by_hand and not books.stand_together(laid),
            "POINTS_INSUFFICIENT": offered.points > person.points.total(self.now),
            "BALANCE_INSUFFICIENT": by_balance > person.balance.total,
        }
        return [code for code, holds in reasons.items() if holds]

    def _bill(self, number: str, offered: Offered, by_balance: int, rounding: int) -> Bill:
        named = offered.vouchers if offered.code is None else []
        tenders = [Tender(Method.COUPON, number=number_of(each)) for each in named]
        tenders += [Tender(Method.BALANCE, by_balance)] if by_balance else []
        cash = max(0, offered.to_pay - rounding - by_balance)
        tenders += [Tender(Method.CASH, cash)] if cash else []
        return Bill(
            number=number,
            goods=self._goods(offered.lines, offered.service),
            tenders=tuple(tenders),
            settled_at=self.now,
            member_id=self.members[offered.member],
            quote_id=offered.code,
            rounding_fen=rounding,
        )

    def _lines_of(self, number: str, offered: Offered, rounding: int) -> list[Line]:
        """How the reduction was spread, which the papers leave open but for its sum."""
        rows = db.session.execute(
            select(
                models.BillLine.reduction_fen,
                models.BillLine.points_fen,
                models.BillLine.rounding_fen,
            )
            .join(models.Bill, models.Bill.id == models.BillLine.bill_id)
            .where(models.Bill.number == number)
            .order_by(models.BillLine.line)
        ).all()
        reread()
        lines = [
            Line(line.quantity, line.price, row.reduction_fen, row.points_fen, row.rounding_fen)
            for line, row in zip(offered.lines, rows, strict=True)
        ]
        assert all(0 <= line.by_points <= line.off <= line.amount for line in lines)
        assert sum(line.off for line in lines) == offered.off + rounding
        assert sum(line.rounded for line in lines) == rounding
        assert sum(line.by_points for line in lines) == offered.points
        return lines

    def _moves_back(self, sale: Sale, place_: int, units: int | None) -> tuple[int, int, int, int]:
        """(money, of it to the balance, points paid, points taken) that one refund moves."""
        person = self.people[sale.member]
        before = (sale.money_back, sale.balance_back_due, sale.points_back_due, sale.earns)
        was_over = sale.is_over
        if units is None:
            sale.returned, sale.service_back = [each.quantity for each in sale.lines], True
        else:
            sale.returned[place_] += units
        money = sale.money_back - before[0]
        to_balance = sale.balance_back_due - before[1]
        points = sale.points_back_due - before[2]
        taken = 0
        if points and sale.spent is not None:
            taken = person.points.give_back(sale.spent, points)
        bonus = min(sale.balance[1] - sale.balance_back[1], to_balance)
        back = (sale.balance_back[0] + to_balance - bonus, sale.balance_back[1] + bonus)
        sale.balance_back = back
        person.balance.principal += to_balance - bonus
        person.balance.bonus += bonus
        too_many = before[3] - sale.earns
        if too_many and sale.earned is not None:
            taken += person.points.take_back(sale.earned, too_many, self.now)
        person.spent -= money
        if sale.is_over and not was_over:
            person.bills -= 1
        if sale.no_dish_left:
            for each in sale.vouchers:
                self.vouchers[each].used = False
            sale.vouchers = []
        return money, to_balance, points, taken

    @property
    def here(self) -> Place:
        return place("s01")

    def _goods(self, lines: Sequence[Line], service: int) -> Goods:
        dishes = (
            DishLine("菜", BillLine("d", None, from_thousandths(line.quantity), line.price))
            for line in lines
        )
        return Goods(tuple(dishes), service)


class Refused:
    """Whatever is done inside must be refused with one of the codes; without any, it is not."""

    def __init__(self, codes: set[str]) -> None:
        self.codes = codes

    def __enter__(self) -> None:
        """Nothing is held."""

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, DomainError):
            assert error is not None or not self.codes, f"should have been refused: {self.codes}"
            return False
        assert error.code in self.codes, f"{error.code} instead of {self.codes or 'success'}"
        return True


def _play(examples: int, *phases: Phase) -> None:
    run_state_machine_as_test(
        Counter,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=phases or tuple(Phase),
        ),
    )


def test_whatever_happens_at_the_counter_the_books_agree(app: Flask) -> None:
    _play(EXAMPLES)


def test_the_machine_finds_a_refund_of_one_fen_too_much(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted fault: otherwise nobody would know that the machine looks."""
    honest = wallet.refund

    def generous(original: str, fen: int, *, cause: str, now: datetime) -> Entry | None:
        return honest(original, fen + 1 if fen > 1_000 else fen, cause=cause, now=now)

    monkeypatch.setattr(wallet, "refund", generous)
    with pytest.raises(AssertionError):
        _play(100, Phase.generate)
