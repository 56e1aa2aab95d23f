"""透支, 过期与使用, 同一单号: fifty at once at one account (C-05, C-06, C-15)."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from backend import tenancy
from backend.database import db, table_of, transaction
from backend.errors import DomainError
from backend.members.models import Member
from backend.points import ledger as points
from backend.points.errors import PointsInsufficient
from backend.points.models import EntryKind, PointsEntry, PointsLot
from backend.reports import doctor
from backend.wallet import account
from backend.wallet import ledger as wallet
from backend.wallet.errors import BalanceInsufficient, RechargeReversed, RechargeSpent
from backend.wallet.models import EntryKind as WalletKind
from backend.wallet.models import WalletEntry
from backend.wallet.parts import Parts
from backend.wallet.reversal import reverse_recharge
from tests.backend.points.books import points_of, set_expiry
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import StillClock
from tests.races.test_claims import at_once

THREADS, EACH = 10, 5
"""Ten at once, five times each: fifty debits of 300 on 1,000."""


@pytest.fixture
def shop(app: Flask) -> Shop:
    return a_shop()


def sound() -> bool:
    reread()
    return [str(finding) for finding in doctor.check()] == []


def test_fifty_debits_of_300_points_on_1000_are_approved_three_times(
    app: Flask, shop: Shop, clock: StillClock
) -> None:
    member = a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        points.earn(member, 1000, cause="a", now=clock.at)

    def spend(who: int) -> int:
        approved = 0
        for n in range(EACH):
            try:
                points.spend(member, 300, cause=f"s-{who}-{n}", now=clock.at)
                approved += 1
            except PointsInsufficient:
                pass
        return approved

    approved = at_once(app, shop, *[partial(spend, who) for who in range(THREADS)])
    assert sum(n for n in approved if isinstance(n, int)) == 3
    assert points_of(shop, member) == 100
    with tenancy.acting_for(shop.merchant_id):
        spent = select(func.count()).where(PointsEntry.kind == EntryKind.SPEND)
        assert db.session.scalar(spent) == 3, "what was approved stands in the ledger"
    assert sound()


def test_fifty_payments_of_300_from_1000_are_approved_three_times(
    app: Flask, shop: Shop, clock: StillClock
) -> None:
    member = a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        wallet.recharge(member, recharge_no="R1", principal_fen=1000, now=clock.at)

    def pay(who: int) -> int:
        approved = 0
        for n in range(EACH):
            try:
                wallet.pay(member, 300, cause=f"p-{who}-{n}", now=clock.at)
                approved += 1
            except BalanceInsufficient:
                pass
        return approved

    approved = at_once(app, shop, *[partial(pay, who) for who in range(THREADS)])
    assert sum(n for n in approved if isinstance(n, int)) == 3
    with tenancy.acting_for(shop.merchant_id):
        paid = select(func.count()).where(WalletEntry.kind == WalletKind.PAY)
        assert db.session.scalar(paid) == 3, "what was approved stands in the ledger"
    assert sound()


def test_the_check_sees_a_payer_that_looks_before_it_writes(app: Flask, shop: Shop) -> None:
    """Read, then write what was read less 300: more must be approved than there is."""
    member, members = a_member(shop), table_of(Member)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.get_one(Member, member).points = 1000
    looked = Barrier(THREADS, timeout=60)

    def naive() -> int:
        approved = 0
        for _ in range(EACH):
            has = db.session.scalar(select(members.c.points).where(members.c.id == member))
            db.session.rollback()
            looked.wait()
            if has is not None and has >= 300:
                with transaction():
                    db.session.connection().execute(
                        update(members).where(members.c.id == member).values(points=has - 300)
                    )
                approved += 1
        return approved

    approved = at_once(app, shop, *[naive] * THREADS)
    if sum(n for n in approved if isinstance(n, int)) <= 3:
        pytest.fail("the naive payer was never caught: the race does not happen here")


def test_the_same_recharge_and_the_same_cause_at_once_count_once(
    app: Flask, shop: Shop, clock: StillClock
) -> None:
    member = a_member(shop)

    def everything() -> None:
        wallet.recharge(member, recharge_no="R1", principal_fen=1000, now=clock.at)
        points.earn(member, 70, cause="bill-1-earn", now=clock.at)
        points.spend(member, 50, cause="bill-2-points", now=clock.at)
        points.reverse("bill-2-points", cause="refund-2", now=clock.at)
        wallet.pay(member, 400, cause="bill-2-balance", now=clock.at)
        wallet.refund("bill-2-balance", 400, cause="refund-2", now=clock.at)

    at_once(app, shop, *[everything] * 8)
    assert points_of(shop, member) == 70
    with tenancy.acting_for(shop.merchant_id):
        member_row = db.session.scalars(select(Member).where(Member.id == member)).one()
        assert (member_row.principal_fen, member_row.recharged_fen) == (1000, 1000)
    assert sound()


def test_points_are_either_spent_or_expired_and_never_both(
    app: Flask, shop: Shop, clock: StillClock
) -> None:
    set_expiry(shop, 1)
    people = [a_member(shop) for _ in range(6)]
    with tenancy.acting_for(shop.merchant_id):
        for member in people:
            points.earn(member, 100, cause=f"a-{member}", now=clock.at)
            points.earn(member, 50, cause=f"b-{member}", now=clock.at)
    before = clock.move_to("2026-12-23 23:59")
    after = clock.move_to("2026-12-24 00:00")

    def spend() -> int:
        spent = 0
        for member in people:
            try:
                points.spend(member, 120, cause=f"s-{member}", now=before)
                spent += 1
            except DomainError:
                pass
        return spent

    at_once(app, shop, spend, partial(points.expire_due, after), partial(points.expire_due, after))
    with tenancy.acting_for(shop.merchant_id):
        points.expire_due(after)
    assert {points_of(shop, member) for member in people} == {0}
    assert sound()


def test_the_check_sees_points_that_are_spent_and_expire_too(
    app: Flask, shop: Shop, clock: StillClock
) -> None:
    """Both read what a lot has left and then write their own change: one of them is forgotten."""
    people, rows = [a_member(shop) for _ in range(6)], table_of(PointsLot)
    with tenancy.acting_for(shop.merchant_id):
        for member in people:
            points.earn(member, 100, cause=f"a-{member}", now=clock.at)
    looked = Barrier(3, timeout=60)

    def naive(most: int) -> int:
        taken = 0
        for member in people:
            whose = rows.c.member_id == member
            left = db.session.scalar(select(rows.c.remaining).where(whose)) or 0
            db.session.rollback()
            looked.wait()
            part = min(left, most)
            with transaction():
                db.session.connection().execute(
                    update(rows).where(whose).values(remaining=left - part)
                )
            taken += part
        return taken

    taken = at_once(app, shop, partial(naive, 80), partial(naive, 100), partial(naive, 100))
    if sum(n for n in taken if isinstance(n, int)) <= 100 * len(people):
        pytest.fail("spending and expiring never met: the race does not happen here")


def test_a_bill_and_what_its_points_paid_are_refunded_at_once(
    app: Flask, shop: Shop, clock: StillClock
) -> None:
    """R-25: in whichever order, what the first bill earned is gone and the rest is there."""
    people = [a_member(shop) for _ in range(6)]
    _earn_and_spend(shop, people, now=clock.at)

    def undo(what: str) -> None:
        for member in people:
            points.reverse(f"{what}-{member}", cause=f"{what}-{member}-back", now=clock.at)

    at_once(app, shop, *[partial(undo, what) for what in ("earned", "spent") * 2])
    assert [points_of(shop, member) for member in people] == [20] * len(people)
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalar(select(func.sum(PointsLot.owed))) == 0
    assert sound()


def test_the_check_sees_a_debt_written_beside_what_would_have_paid_it(
    app: Flask, shop: Shop, clock: StillClock
) -> None:
    """Nobody holds the member: one finds nothing left, the other finds nothing owed."""
    people, rows = [a_member(shop) for _ in range(6)], table_of(PointsLot)
    _earn_and_spend(shop, people, now=clock.at)
    looked = Barrier(2, timeout=60)

    def naive(*, owes: bool) -> None:
        for member in people:
            lot = (rows.c.member_id == member, rows.c.points == 1091)
            seen = rows.c.remaining if owes else rows.c.owed
            found = db.session.scalar(select(seen).where(*lot)) or 0
            db.session.rollback()
            looked.wait()
            moved = {"owed" if owes else "remaining": 1091 - found}
            with transaction():
                db.session.connection().execute(update(rows).where(*lot).values(moved))

    at_once(app, shop, partial(naive, owes=True), partial(naive, owes=False))
    reread()
    if "points.owed" not in {finding.name for finding in doctor.check()}:
        pytest.fail("both refunds never met: the race does not happen here")


def _earn_and_spend(shop: Shop, people: Sequence[int], *, now: datetime) -> None:
    """1,091 earned and spent by each, and 20 earned since."""
    with tenancy.acting_for(shop.merchant_id):
        for member in people:
            points.earn(member, 1091, cause=f"earned-{member}", now=now)
            points.spend(member, 1091, cause=f"spent-{member}", now=now)
            points.earn(member, 20, cause=f"since-{member}", now=now)


def test_a_recharge_is_reversed_once_or_spent_and_never_both(
    app: Flask, shop: Shop, clock: StillClock
) -> None:
    people = [a_member(shop) for _ in range(6)]
    with tenancy.acting_for(shop.merchant_id):
        for n in people:
            wallet.recharge(n, recharge_no=f"R{n}", principal_fen=1000, now=clock.at)

    def goes_back(number: str) -> None:
        for n in people:
            with suppress(RechargeReversed, RechargeSpent):
                reverse_recharge(
                    f"R{n}", reversal_no=f"{number}{n}", reason="错", actor="", now=clock.at
                )

    def pay() -> None:
        for n in reversed(people):
            with suppress(BalanceInsufficient):
                wallet.pay(n, 300, cause=f"pay-{n}", now=clock.at)

    at_once(
        app, shop, partial(goes_back, "a"), partial(goes_back, "a"), partial(goes_back, "b"), pay
    )
    reread()
    with tenancy.acting_for(shop.merchant_id):
        left = {row.principal_fen for row in db.session.scalars(select(Member))}
        assert left <= {0, 700}
    assert sound()


def test_the_check_sees_a_reversal_that_looks_before_it_writes(
    app: Flask, shop: Shop, clock: StillClock
) -> None:
    """Nobody holds the member: both find the recharge unreversed and all of it there."""
    people = [a_member(shop) for _ in range(6)]
    with tenancy.acting_for(shop.merchant_id):
        for n in people:
            wallet.recharge(n, recharge_no=f"R{n}", principal_fen=1000, now=clock.at)
            wallet.recharge(n, recharge_no=f"more-{n}", principal_fen=1000, now=clock.at)
    looked = Barrier(2, timeout=60)

    def naive(number: str) -> None:
        for n in people:
            brought = account.book.entry_of(f"recharge-R{n}")
            assert brought is not None
            done = account.reversal_of(brought.id)
            db.session.rollback()
            looked.wait()
            if done is None:
                with transaction():
                    account.book.post(
                        [
                            account.Posting(
                                n, Parts(-1000), WalletKind.REVERSE, f"{number}{n}",
                                reverses_id=brought.id,
                            )
                        ],
                        now=clock.at,
                    )  # fmt: skip

    at_once(app, shop, partial(naive, "a"), partial(naive, "b"))
    reread()
    if "recharge.reversed" not in {finding.name for finding in doctor.check()}:
        pytest.fail("both reversals never met: the race does not happen here")


def test_a_join_beside_earning_loses_nothing(app: Flask, shop: Shop, clock: StillClock) -> None:
    from backend.membership.join import join

    young, old = a_member(shop), a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        points.earn(young, 100, cause="a", now=clock.at)

    def earn() -> None:
        for n in range(5):
            points.earn(young, 10, cause=f"e-{n}", now=clock.at)

    at_once(app, shop, earn, partial(join, young, old, now=clock.at))
    assert points_of(shop, young) + points_of(shop, old) == 150
    assert sound()
