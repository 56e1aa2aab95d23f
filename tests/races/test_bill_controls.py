"""One number, one coupon, one refund at a time, on every database; and beside each the way that
everybody writes first, look and then write, which must fail the same check. (C-05, C-08, C-10)"""

import threading

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from backend import clock, tenancy
from backend.coupons.models import Coupon, CouponState
from backend.database import db, end_read, table_of, transaction
from backend.members.models import Member
from backend.merchants.queries import place
from backend.redemption import facts
from backend.redemption.models import Redemption
from backend.redemption.redeem import Redeemed
from backend.sales import models, queries
from backend.sales import refund_records as records
from backend.sales.naming import name_member
from backend.sales.receipt import ReceiptData
from backend.sales.remaining import Step
from backend.sales.reprint import reprint
from tests.backend.redemption.coupons import a_coupon, redemptions_of, state_of
from tests.builders import Shop, a_member, a_shop, a_template, reread
from tests.races.test_bills import _bill, _cash, _figures, _is_sound, _refunds, _settles, _won
from tests.races.test_redemption import Deed, _redeems, together

_bills, _members = table_of(models.Bill), table_of(Member)
_coupons, _redemptions = table_of(Coupon), table_of(Redemption)
_refund_rows = table_of(models.Refund)


def assert_counted_once(shop: Shop, member: int) -> None:
    """One bill of ¥100, whoever settled it."""
    assert _figures(shop, member) == (0, 0, 1, 10000)


def assert_on_one_bill(shop: Shop, coupon: int) -> None:
    """The coupon is used, on one bill."""
    assert state_of(shop, coupon) == CouponState.REDEEMED
    assert len({each.bill_id for each in redemptions_of(shop, coupon)}) == 1
    assert len(redemptions_of(shop, coupon)) == 1


def assert_no_more_back_than_paid(shop: Shop, paid_fen: int) -> None:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        back_fen = db.session.scalar(select(func.sum(models.Refund.refunded_fen)))
        assert back_fen == paid_fen


def assert_used_by_whoever_won(shop: Shop, coupon: int, won: int) -> None:
    """Back from the refund, the coupon was used again by at most one, who keeps it."""
    live = [each for each in redemptions_of(shop, coupon) if each.live_key is not None]
    state = CouponState.REDEEMED if won else CouponState.USABLE
    assert (won <= 1, len(live), state_of(shop, coupon)) == (True, won, state)


def _new_bill(number: str, member: int | None = None) -> int:
    bill = _bill(number, _cash(10000), member=member)
    written = db.session.connection().execute(
        insert(_bills).values(
            merchant_id=tenancy.merchant_id(),
            store_id=place("s01").store_id,
            number=number,
            fingerprint=bill.fingerprint,
            member_id=member,
            settled_at=bill.settled_at,
            recorded_at=bill.settled_at,
            lines_fen=10000,
            paid_fen=10000,
            answer={},
        )
    )
    return int(written.inserted_primary_key[0])  # type: ignore[index]


def _counts_then_claims(member: int, seen: threading.Barrier) -> Deed:
    """Not settled yet: count the member's bill, then write it, unless somebody has meanwhile."""

    def deed() -> object:
        assert queries.settled(place("s01").store_id, "B1") is None
        end_read()
        seen.wait()
        with transaction():
            db.session.connection().execute(
                update(_members)
                .where(tenancy.owner(_members) == tenancy.merchant_id(), _members.c.id == member)
                .values(
                    consumption_count=_members.c.consumption_count + 1,
                    consumption_fen=_members.c.consumption_fen + 10000,
                )
            )
        try:
            with transaction():
                return _new_bill("B1", member)
        except IntegrityError:
            return "settled before"

    return deed


def _looks_then_uses(coupon: int, number: str, seen: threading.Barrier) -> Deed:
    """Usable: write the bill, mark the coupon used on it."""
    now = clock.now()

    def deed() -> object:
        found, here = facts.coupon(coupon), place("s01")
        assert found is not None and found.standing.state is CouponState.USABLE
        end_read()
        seen.wait()
        with transaction():
            bill_id, connection = _new_bill(number), db.session.connection()
            connection.execute(
                update(_coupons).where(_coupons.c.id == coupon).values(state=CouponState.REDEEMED)
            )
            connection.execute(
                insert(_redemptions).values(
                    merchant_id=tenancy.merchant_id(),
                    coupon_id=coupon,
                    campaign_id=found.campaign_id,
                    member_id=found.holder_id,
                    store_id=here.store_id,
                    bill_id=bill_id,
                    at=now,
                    by="till",
                    request_id="",
                    undone_by="",
                    undo_reason="",
                )
            )
        return bill_id

    return deed


def _reads_then_refunds(bill: str, number: str, seen: threading.Barrier) -> Deed:
    """What is left of the bill, read before anybody wrote; all of it goes back."""
    now = clock.now()

    def deed() -> object:
        with transaction():
            settled = records.held(bill, here=place("s01"))
        before = records.state(settled)
        step = Step(before, before.after(None))
        end_read()
        seen.wait()
        with transaction():
            connection = db.session.connection()
            connection.execute(
                insert(_refund_rows).values(
                    merchant_id=tenancy.merchant_id(),
                    bill_id=settled.id,
                    number=number,
                    fingerprint=number,
                    refunded_at=now,
                    refunded_fen=step.paid_fen,
                    answer={},
                )
            )
            connection.execute(
                update(_bills).where(_bills.c.id == settled.id).values(refunded_fen=step.paid_fen)
            )
        return step.paid_fen

    return deed


def test_two_tills_settle_one_number(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    bill = _bill("B1", _cash(10000), member=member)
    outcomes = together(app, shop, [_settles(bill) for _ in range(6)])
    assert len(_won(outcomes)) == 6
    assert_counted_once(shop, member)
    _is_sound()


def test_who_counts_before_the_number_is_claimed_counts_twice(app: Flask) -> None:
    shop = a_shop()
    member, seen = a_member(shop), threading.Barrier(6)
    together(app, shop, [_counts_then_claims(member, seen) for _ in range(6)])
    with pytest.raises(AssertionError):
        assert_counted_once(shop, member)


def test_two_bills_want_one_coupon(app: Flask) -> None:
    shop = a_shop()
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    deeds = [_settles(_bill(f"B{n}", _cash(9000), coupons=[coupon])) for n in range(6)]
    assert len(_won(together(app, shop, deeds))) == 1
    assert_on_one_bill(shop, coupon)
    _is_sound()


def test_who_looks_before_using_has_one_coupon_on_many_bills(app: Flask) -> None:
    shop = a_shop()
    coupon, seen = a_coupon(shop, a_member(shop), a_template(shop)), threading.Barrier(6)
    together(app, shop, [_looks_then_uses(coupon, f"B{n}", seen) for n in range(6)])
    with pytest.raises(AssertionError):
        assert_on_one_bill(shop, coupon)


def test_refund_against_refund_of_the_whole(app: Flask) -> None:
    shop = a_shop()
    together(app, shop, [_settles(_bill("B1", _cash(10000)))])
    outcomes = together(app, shop, [_refunds(f"T{n}") for n in range(6)])
    assert len(_won(outcomes)) == 1
    assert_no_more_back_than_paid(shop, 10000)
    _is_sound()


def test_who_lets_the_bill_go_before_writing_gives_it_back_many_times(app: Flask) -> None:
    shop, seen = a_shop(), threading.Barrier(6)
    together(app, shop, [_settles(_bill("B1", _cash(10000)))])
    together(app, shop, [_reads_then_refunds("B1", f"T{n}", seen) for n in range(6)])
    with pytest.raises(AssertionError):
        assert_no_more_back_than_paid(shop, 10000)


def _looks_then_gives_back(
    coupon: int, looked: threading.Event, used_again: threading.Event
) -> Deed:
    """The coupon was used on the bill when it was looked at; so it is freed."""

    def deed() -> object:
        found = facts.coupon(coupon)
        assert found is not None and found.standing.state is CouponState.REDEEMED
        end_read()
        looked.set()
        assert used_again.wait(30)
        with transaction():
            connection = db.session.connection()
            connection.execute(
                update(_coupons).where(_coupons.c.id == coupon).values(state=CouponState.USABLE)
            )
            connection.execute(
                update(_redemptions).where(_redemptions.c.coupon_id == coupon).values(live_key=None)
            )
        return None

    return deed


def test_a_refund_against_the_next_uses_of_its_coupon(app: Flask) -> None:
    shop = a_shop()
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    together(app, shop, [_settles(_bill("B1", _cash(9000), coupons=[coupon]))])
    deeds = [*(_redeems(coupon, n) for n in range(3)), _refunds("T1")]
    deeds += [_redeems(coupon, n) for n in range(3, 6)]
    won = [each for each in together(app, shop, deeds) if isinstance(each, Redeemed)]
    assert_used_by_whoever_won(shop, coupon, len(won))
    _is_sound()


def test_who_looks_before_giving_back_frees_a_coupon_that_was_used_again(app: Flask) -> None:
    shop = a_shop()
    coupon = a_coupon(shop, a_member(shop), a_template(shop))
    together(app, shop, [_settles(_bill("B1", _cash(9000), coupons=[coupon]))])
    looked, used_again = threading.Event(), threading.Event()
    refunds, redeems = _refunds("T1"), _redeems(coupon, 1)

    def refunded_and_used() -> object:
        assert looked.wait(30)
        refunds()
        done = redeems()
        used_again.set()
        return done

    deeds = [_looks_then_gives_back(coupon, looked, used_again), refunded_and_used]
    won = [each for each in together(app, shop, deeds) if isinstance(each, Redeemed)]
    with pytest.raises(AssertionError):
        assert_used_by_whoever_won(shop, coupon, len(won))


def test_no_two_reprints_bear_the_same_number(app: Flask) -> None:
    shop = a_shop()
    together(app, shop, [_settles(_bill("B1", _cash(10000)))])
    outcomes = together(app, shop, [lambda: reprint("B1", here=place("s01"))] * 6)
    printed = [each.printed for each in outcomes if isinstance(each, ReceiptData)]
    assert sorted(printed) == [2, 3, 4, 5, 6, 7]


def _names(member: int) -> Deed:
    who, now = {"by": "李姐", "origin": "till k01"}, clock.now()
    return lambda: name_member("B1", member, here=place("s01"), **who, now=now)


def _looks_then_names(member: int, seen: threading.Barrier) -> Deed:
    """Nobody's bill yet: it counts for the member, and then is theirs."""

    def deed() -> object:
        assert queries.settled(place("s01").store_id, "B1") is not None
        end_read()
        seen.wait()
        with transaction():
            connection = db.session.connection()
            connection.execute(update(_bills).values(member_id=member))
            connection.execute(
                update(_members)
                .where(tenancy.owner(_members) == tenancy.merchant_id(), _members.c.id == member)
                .values(
                    consumption_count=_members.c.consumption_count + 1,
                    consumption_fen=_members.c.consumption_fen + 10000,
                )
            )
        return member

    return deed


def assert_counted_for_one(shop: Shop, members: list[int]) -> None:
    """One bill of ¥100 between them."""
    bills = [_figures(shop, each)[2:] for each in members]
    assert sorted(bills) == [(0, 0)] * (len(members) - 1) + [(1, 10000)]


def test_two_tills_name_the_guest_of_one_bill(app: Flask) -> None:
    shop = a_shop()
    members = [a_member(shop) for _ in range(3)]
    together(app, shop, [_settles(_bill("B1", _cash(10000)))])
    outcomes = together(app, shop, [_names(each) for each in members * 2])
    assert len(_won(outcomes)) == 1
    assert_counted_for_one(shop, members)
    _is_sound()


def test_who_looks_before_naming_counts_the_bill_for_everybody(app: Flask) -> None:
    shop, seen = a_shop(), threading.Barrier(3)
    members = [a_member(shop) for _ in range(3)]
    together(app, shop, [_settles(_bill("B1", _cash(10000)))])
    together(app, shop, [_looks_then_names(each, seen) for each in members])
    with pytest.raises(AssertionError):
        assert_counted_for_one(shop, members)
