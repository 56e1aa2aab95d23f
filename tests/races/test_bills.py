"""Bills, refunds and what they move, on every database: once each, and never too much.
(C-05, C-08, C-10, M-04)"""

from collections.abc import Sequence

import pytest
from flask import Flask

from backend import clock, tenancy
from backend.coupons.bill import BillLine
from backend.coupons.errors import CouponRedeemed
from backend.coupons.models import CouponState
from backend.database import db
from backend.errors import DomainError
from backend.members.models import Member
from backend.merchants.queries import place
from backend.points import ledger as points
from backend.redemption.redeem import Redeemed, Redeemer
from backend.reports import doctor
from backend.sales.bill import Bill, DishLine, Goods, Method, Tender
from backend.sales.errors import BillConflict, RefundExceeds
from backend.sales.queries import Settlement
from backend.sales.refund import RefundAnswer, refund
from backend.sales.refund_records import RefundOrder
from backend.sales.settle import settle
from backend.wallet import ledger as wallet
from backend.wallet.errors import BalanceInsufficient
from tests.backend.redemption.coupons import a_coupon, number_of, redemptions_of, state_of
from tests.builders import Shop, a_member, a_shop, a_template, reread
from tests.races.test_redemption import Deed, _redeems, together

TOGETHER = {"coupons": True}


def _bill(
    number: str,
    *tenders: Tender,
    member: int | None = None,
    units: int = 1,
    coupons: Sequence[int] = (),
) -> Bill:
    return Bill(
        number=number,
        goods=Goods((DishLine("毛肚", BillLine("D001", None, units, 10000)),)),
        tenders=(*(Tender(Method.COUPON, number=number_of(each)) for each in coupons), *tenders),
        settled_at=clock.now(),
        member_id=member,
    )


def _cash(fen: int) -> Tender:
    return Tender(Method.CASH, fen)


def _settles(bill: Bill) -> Deed:
    now = clock.now()
    return lambda: settle(bill, here=place("s01"), by=Redeemer("till k01"), now=now)


def _refunds(number: str, *lines: tuple[int, int], bill: str = "B1") -> Deed:
    now, order = clock.now(), RefundOrder(number, lines or None)
    return lambda: refund(order, bill=bill, here=place("s01"), by="till k01", now=now)


def _won(outcomes: Sequence[object]) -> list[object]:
    return [outcome for outcome in outcomes if not isinstance(outcome, DomainError)]


def _lost(outcomes: Sequence[object]) -> set[type]:
    return {type(outcome) for outcome in outcomes if isinstance(outcome, DomainError)}


def _figures(shop: Shop, member: int) -> tuple[int, int, int, int]:
    """points, balance, bills, consumed."""
    reread()
    with tenancy.acting_for(shop.merchant_id):
        row = db.session.get_one(Member, member)
        balance_fen = row.principal_fen + row.bonus_fen
        return row.points, balance_fen, row.consumption_count, row.consumption_fen


def _is_sound() -> None:
    reread()
    found = [str(finding) for finding in doctor.check()]
    made_up = ("reference.coupon.grant_id", "reference.redemption.verifier_id")
    assert [each for each in found if not each.startswith(made_up)] == []


def test_one_order_with_one_of_twenty_exclusive_coupons_at_once(app: Flask) -> None:
    """C-10: whichever came first stands; the others were told of another content."""
    shop = a_shop()
    member, template = a_member(shop), a_template(shop)
    coupons = [a_coupon(shop, member, template) for _ in range(20)]
    bills = [_bill("B1", _cash(9000), member=member, coupons=[each]) for each in coupons]
    outcomes = together(app, shop, [_settles(bill) for bill in bills])
    assert (len(_won(outcomes)), _lost(outcomes)) == (1, {BillConflict})
    used = [each for each in coupons if state_of(shop, each) == CouponState.REDEEMED]
    assert len(used) == 1 and len(redemptions_of(shop, used[0])) == 1
    assert _figures(shop, member) == (0, 0, 1, 9000)
    _is_sound()


@pytest.mark.parametrize("_round", range(3))
def test_two_bills_that_want_the_same_two_coupons(app: Flask, _round: int) -> None:
    """One bill has both; the other neither, whichever it named first."""
    shop = a_shop()
    member = a_member(shop)
    one, two = (
        a_coupon(shop, member, a_template(shop, combine=TOGETHER)),
        a_coupon(shop, member, a_template(shop, combine=TOGETHER)),
    )
    bills = [
        _bill(f"B{n}", _cash(8000), member=member, coupons=pair)
        for n, pair in enumerate([(one, two), (two, one)] * 3)
    ]
    outcomes = together(app, shop, [_settles(bill) for bill in bills])
    assert (len(_won(outcomes)), _lost(outcomes)) == (1, {CouponRedeemed})
    (first,), (second,) = redemptions_of(shop, one), redemptions_of(shop, two)
    assert first.bill_id == second.bill_id
    _is_sound()


@pytest.mark.parametrize("_round", range(3))
def test_a_members_bill_and_verifiers_that_scan_its_coupon(app: Flask, _round: int) -> None:
    """The bill holds its member before the coupon, a verifier the coupon first: whoever loses is
    refused, nobody sees the database give way."""
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop))
    bills = [_bill(f"B{n}", _cash(9000), member=member, coupons=[coupon]) for n in range(4)]
    scans = [_redeems(coupon, n) for n in range(4)]
    outcomes = together(app, shop, [*(_settles(bill) for bill in bills), *scans])
    assert (len(_won(outcomes)), _lost(outcomes)) == (1, {CouponRedeemed})
    assert len(redemptions_of(shop, coupon)) == 1
    settled = isinstance(_won(outcomes)[0], Settlement)
    assert _figures(shop, member) == ((0, 0, 1, 9000) if settled else (0, 0, 0, 0))
    _is_sound()


def test_C_05_fifty_payments_of_300_from_a_balance_of_1000(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        wallet.recharge(member, recharge_no="R1", principal_fen=100000, now=clock.now())
    paid = Tender(Method.BALANCE, 30000)
    deeds = [_settles(_bill(f"B{n}", paid, member=member, units=3)) for n in range(50)]
    outcomes = together(app, shop, deeds)
    assert (len(_won(outcomes)), _lost(outcomes)) == (3, {BalanceInsufficient})
    assert _figures(shop, member) == (0, 10000, 3, 90000)
    _is_sound()


def test_the_same_refund_twenty_times_gives_back_once(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop))
    with tenancy.acting_for(shop.merchant_id):
        wallet.recharge(member, recharge_no="R1", principal_fen=9000, now=clock.now())
        points.earn(member, 5, cause="before", now=clock.now())
    bill = _bill("B1", Tender(Method.BALANCE, 9000), member=member, coupons=[coupon])
    together(app, shop, [_settles(bill)])
    assert _figures(shop, member) == (5, 0, 1, 9000)
    outcomes = together(app, shop, [_refunds("T1") for _ in range(20)])
    told = [outcome.refunded for outcome in outcomes if isinstance(outcome, RefundAnswer)]
    assert len(told) == 20 and all(each == told[0] for each in told)
    assert _figures(shop, member) == (5, 9000, 0, 0)
    assert state_of(shop, coupon) == CouponState.USABLE
    _is_sound()


def test_refunds_of_different_numbers_never_give_back_more_than_there_is(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    together(app, shop, [_settles(_bill("B1", _cash(50000), member=member, units=5))])
    deeds = [_refunds(f"T{n}", (0, 1)) for n in range(11)] + [_refunds("T-all")]
    outcomes = together(app, shop, deeds)
    back = [each.refunded.refunded_fen for each in outcomes if isinstance(each, RefundAnswer)]
    assert (sum(back), _lost(outcomes)) == (50000, {RefundExceeds})
    assert _figures(shop, member) == (0, 0, 0, 0)
    _is_sound()


@pytest.mark.parametrize("_round", range(3))
def test_a_coupon_that_comes_back_while_others_would_use_it(app: Flask, _round: int) -> None:
    """C-08: before the refund it is used, after it one of them may have it."""
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop))
    together(app, shop, [_settles(_bill("B1", _cash(9000), member=member, coupons=[coupon]))])
    again = _bill("B2", _cash(9000), member=member, coupons=[coupon])
    deeds = [_refunds("T1"), _settles(again), *(_redeems(coupon, n) for n in range(4))]
    outcomes = together(app, shop, deeds)
    users = [each for each in outcomes if isinstance(each, Redeemed | Settlement)]
    assert len(users) <= 1 and _lost(outcomes) <= {CouponRedeemed}
    expected = CouponState.REDEEMED if users else CouponState.USABLE
    assert state_of(shop, coupon) == expected
    live = [each for each in redemptions_of(shop, coupon) if each.live_key is not None]
    assert len(live) == len(users)
    _is_sound()
