"""Used at most once, settled at most once, on every database. (C-01, C-02, C-12, C-16)

The control checks, then writes: it must fail the very check that redeeming passes.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from backend import clock, tenancy
from backend.coupons.bill import BillLine
from backend.coupons.errors import CouponLocked, CouponRedeemed
from backend.coupons.models import Coupon, CouponState
from backend.database import db, end_read, table_of, transaction
from backend.errors import DomainError
from backend.members.models import ClassChange, Member
from backend.merchants.queries import place
from backend.redemption import facts
from backend.redemption.models import Redemption
from backend.redemption.redeem import Redeemed, Redeemer, redeem
from backend.redemption.undo import undo
from backend.sales.bill import Bill, DishLine, Goods, Method, Tender, bill_key
from backend.sales.models import Bill as BillRow
from backend.sales.queries import Settlement
from backend.sales.settle import settle
from tests.backend.redemption.coupons import (
    a_coupon,
    events_of,
    number_of,
    redemptions_of,
    state_of,
)
from tests.builders import Shop, a_member, a_shop, a_store, a_template, reread

Deed = Callable[[], object]


def together(app: Flask, shop: Shop, deeds: Sequence[Deed]) -> list[object]:
    """All at the same moment, each in its own thread; refusals are outcomes, the rest is raised."""
    start = threading.Barrier(len(deeds))
    outcomes: list[object] = []

    def run(deed: Deed) -> None:
        with app.app_context():
            start.wait()
            try:
                with tenancy.acting_for(shop.merchant_id):
                    outcomes.append(deed())
            except Exception as error:
                outcomes.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    reread()
    assert len(outcomes) == len(deeds)
    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, DomainError):
            raise outcome
    return outcomes


def assert_used_once(shop: Shop, coupon: int, outcomes: Sequence[object]) -> None:
    """One success, one record; everybody else was told when and where it was."""
    won = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(won) == 1
    assert len(redemptions_of(shop, coupon)) == 1
    assert state_of(shop, coupon) == CouponState.REDEEMED
    assert all(isinstance(outcome, CouponRedeemed) for outcome in lost), lost


def _redeems(coupon: int, n: int, *, store: str = "s01") -> Deed:
    number, now = number_of(coupon), clock.now()
    return lambda: redeem(
        number, here=place(store), by=Redeemer(f"核销员{n}", verifier_id=n), now=now
    )


def _checks_then_writes(coupon: int, n: int, seen: threading.Barrier) -> Deed:
    """What everybody writes first: look, find it usable, mark it used."""
    now, coupons, redemptions = clock.now(), table_of(Coupon), table_of(Redemption)

    def deed() -> object:
        found = facts.coupon(coupon)
        assert found is not None
        here = place("s01")
        end_read()
        seen.wait()
        if found.standing.state is not CouponState.USABLE:
            raise CouponRedeemed(redeemed_at=now, store_name="")
        with transaction():
            connection = db.session.connection()
            connection.execute(
                update(coupons).where(coupons.c.id == coupon).values(state="redeemed")
            )
            connection.execute(
                insert(redemptions).values(
                    merchant_id=tenancy.merchant_id(),
                    coupon_id=coupon,
                    campaign_id=1,
                    member_id=found.holder_id,
                    store_id=here.store_id,
                    at=now,
                    by=f"核销员{n}",
                    request_id="",
                    undone_by="",
                    undo_reason="",
                )
            )
        return n

    return deed


def _bill(number: str, *, coupon: int | None = None, member: int | None = None) -> Bill:
    off = 0 if coupon is None else 1000
    return Bill(
        number=number,
        goods=Goods((DishLine("毛肚", BillLine("D001", None, 1, 10000)),)),
        tenders=(
            *([] if coupon is None else [Tender(Method.COUPON, number=number_of(coupon))]),
            Tender(Method.CASH, 10000 - off),
        ),
        settled_at=clock.now(),
        member_id=member,
    )


def _settles(bill: Bill) -> Deed:
    now = clock.now()
    return lambda: settle(bill, here=place("s01"), by=Redeemer("till k01"), now=now)


def test_fifty_verifiers_and_one_coupon(app: Flask) -> None:
    shop = a_shop()
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    outcomes = together(app, shop, [_redeems(coupon, n) for n in range(1, 51)])
    assert_used_once(shop, coupon, outcomes)
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Redeemed)]
    losers = [outcome for outcome in outcomes if isinstance(outcome, DomainError)]
    assert {loser.message for loser in losers} == {"该券已于2026-11-23 08:00在皇岗核销"}
    (record,) = redemptions_of(shop, coupon)
    assert (record.id, record.by) == (winner.id, winner.by)
    assert [event[:2] for event in events_of(shop, coupon)] == [("usable", "redeemed")]


def test_the_naive_way_fails_the_same_check(app: Flask) -> None:
    shop = a_shop()
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    seen = threading.Barrier(6)
    outcomes = together(app, shop, [_checks_then_writes(coupon, n, seen) for n in range(6)])
    with pytest.raises(AssertionError):
        assert_used_once(shop, coupon, outcomes)


def test_one_code_at_two_stores_in_the_same_second(app: Flask) -> None:
    shop = a_shop()
    a_store(shop, "s02", "华强北")
    for _ in range(5):
        coupon = a_coupon(shop, a_member(shop), a_template(shop))
        deeds = [_redeems(coupon, n, store=store) for n, store in ((1, "s01"), (2, "s02"))]
        assert_used_once(shop, coupon, together(app, shop, deeds))


def test_a_verifier_and_a_till_on_one_coupon(app: Flask) -> None:
    shop = a_shop()
    for n in range(5):
        coupon = a_coupon(shop, a_member(shop), a_template(shop))
        deeds = [_redeems(coupon, 1), _settles(_bill(f"B{n}", coupon=coupon))]
        outcomes = together(app, shop, deeds)
        assert_used_once(shop, coupon, outcomes)
        (record,) = redemptions_of(shop, coupon)
        with tenancy.acting_for(shop.merchant_id):
            bills = db.session.scalars(select(BillRow).where(BillRow.number == f"B{n}")).all()
            assert [record.bill_id] == ([row.id for row in bills] or [None])


def test_two_bills_and_one_coupon(app: Flask) -> None:
    shop = a_shop()
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    deeds = [_settles(_bill(f"B{n}", coupon=coupon)) for n in range(6)]
    assert_used_once(shop, coupon, together(app, shop, deeds))
    with tenancy.acting_for(shop.merchant_id):
        assert len(db.session.scalars(select(BillRow)).all()) == 1


def test_one_bill_settled_by_ten_at_once_is_one_settlement(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop))
    bill = _bill("B1", coupon=coupon, member=member)
    outcomes = together(app, shop, [_settles(bill) for _ in range(10)])
    assert all(isinstance(outcome, Settlement) for outcome in outcomes), outcomes
    assert len(set(outcomes)) == 1
    assert len(redemptions_of(shop, coupon)) == 1
    with tenancy.acting_for(shop.merchant_id):
        assert len(db.session.scalars(select(BillRow)).all()) == 1
        row = tenancy.find(Member, member)
        assert row is not None and (row.consumption_count, row.consumption_fen) == (1, 9000)
        assert len(db.session.scalars(select(ClassChange)).all()) == 1


def test_bills_of_one_member_at_once_all_count(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    outcomes = together(app, shop, [_settles(_bill(f"B{n}", member=member)) for n in range(8)])
    assert all(isinstance(outcome, Settlement) for outcome in outcomes), outcomes
    with tenancy.acting_for(shop.merchant_id):
        row = tenancy.find(Member, member)
        assert row is not None
        assert (row.consumption_count, row.customer_class) == (8, "loyal")
        moves = sorted((m.before, m.after) for m in db.session.scalars(select(ClassChange)))
        assert moves == [("new", "ordinary"), ("ordinary", "loyal")]


@pytest.mark.parametrize(
    ("left", "bill_may", "verifier_may"),
    [(timedelta(microseconds=1), True, False), (timedelta(), True, True)],
    ids=["lock holds", "lock just over"],
)
def test_a_lock_that_ends_while_its_bill_is_paid(
    app: Flask, left: timedelta, bill_may: bool, verifier_may: bool
) -> None:
    shop = a_shop()
    coupon = a_coupon(
        shop,
        a_member(shop),
        a_template(shop),
        state=CouponState.LOCKED,
        locked_bill=bill_key(shop.store_id, "B1"),
        locked_until=clock.now() + left,
    )
    deeds = [_settles(_bill("B1", coupon=coupon)), *(_redeems(coupon, n) for n in range(3))]
    outcomes = together(app, shop, deeds)
    assert len(redemptions_of(shop, coupon)) == 1
    (winner,) = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    assert bill_may if isinstance(winner, Settlement) else verifier_may
    losers = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert all(isinstance(loser, CouponRedeemed | CouponLocked) for loser in losers), losers


def test_undone_by_many_at_once_it_comes_back_once(app: Flask) -> None:
    shop = a_shop()
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    with tenancy.acting_for(shop.merchant_id):
        done = _redeems(coupon, 1)()
    assert isinstance(done, Redeemed)
    by, now = Redeemer("小王", verifier_id=1), clock.now()
    deeds: list[Deed] = [lambda: undo(done.id, by=by, reason="点错了", now=now)] * 8
    outcomes = together(app, shop, deeds)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert state_of(shop, coupon) == CouponState.USABLE
    assert [event[1] for event in events_of(shop, coupon)] == ["redeemed", "usable"]
