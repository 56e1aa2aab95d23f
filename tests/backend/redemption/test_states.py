"""券的状态: every arrow of spec/02, from every state, at the edges of its conditions."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from backend import clock, tenancy
from backend.coupons import states
from backend.coupons.models import CouponState
from backend.database import transaction
from tests.backend.redemption.coupons import a_coupon, events_of, state_of
from tests.builders import a_member, a_shop, a_template
from tests.conftest import StillClock

S = CouponState
TICK = timedelta(microseconds=1)
Arrow = Callable[[int, int], bool]


def _redeem(coupon: int, holder: int) -> bool:
    now = clock.now()
    return states.redeem(
        coupon, holder_id=holder, judged_at=now, bill="1/B1", actor="小王", cause="test", now=now
    )


def _lock(coupon: int, holder: int) -> bool:
    return states.lock(
        coupon, holder_id=holder, bill="1/B1", actor="till", cause="test", now=clock.now()
    )


def _release(coupon: int, holder: int) -> bool:
    return states.release(coupon, bill="1/B1", actor="till", cause="test", now=clock.now())


def _undo(coupon: int, holder: int) -> bool:
    return states.undo(coupon, actor="小王", cause="test", now=clock.now())


def _revoke(coupon: int, holder: int) -> bool:
    return states.revoke(coupon, actor="boss", cause="test", now=clock.now())


ARROWS: list[tuple[Arrow, dict[CouponState, CouponState]]] = [
    (_redeem, {S.USABLE: S.REDEEMED}),
    (_lock, {S.USABLE: S.LOCKED}),
    (_release, {}),
    (_undo, {S.REDEEMED: S.USABLE}),
    (_revoke, {S.USABLE: S.REVOKED, S.LOCKED: S.REVOKED, S.GIFTING: S.REVOKED}),
]


@pytest.mark.parametrize("before", list(CouponState))
@pytest.mark.parametrize(("arrow", "leads"), ARROWS, ids=lambda a: getattr(a, "__name__", ""))
def test_only_the_arrows_of_the_specification_exist(
    app: Flask, arrow: Arrow, leads: dict[CouponState, CouponState], before: CouponState
) -> None:
    shop = a_shop()
    member = a_member(shop)
    locked = before is S.LOCKED
    coupon = a_coupon(
        shop,
        member,
        a_template(shop),
        state=before,
        locked_bill="1/other" if locked else None,
        locked_until=clock.now() + TICK if locked else None,
    )
    with transaction(), tenancy.acting_for(shop.merchant_id):
        moved = arrow(coupon, member)
    assert moved is (before in leads)
    assert state_of(shop, coupon) == leads.get(before, before)
    assert [event[:2] for event in events_of(shop, coupon)] == (
        [(before, leads[before])] if before in leads else []
    )


@pytest.mark.parametrize(
    ("bill", "until", "good"),
    [("1/other", TICK, False), ("1/other", 0 * TICK, True), ("1/B1", TICK, True)],
    ids=["another's lock", "another's lock that is over", "its own lock"],
)
@pytest.mark.parametrize("arrow", [_redeem, _lock])
def test_a_lock_holds_others_back_until_its_last_instant(
    app: Flask, arrow: Arrow, bill: str, until: timedelta, good: bool
) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(
        shop,
        member,
        a_template(shop),
        state=S.LOCKED,
        locked_bill=bill,
        locked_until=clock.now() + until,
    )
    with transaction(), tenancy.acting_for(shop.merchant_id):
        assert arrow(coupon, member) is good


def test_only_the_bill_that_locked_a_coupon_frees_it(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop))
    with transaction(), tenancy.acting_for(shop.merchant_id):
        assert _lock(coupon, member)
        assert not states.release(coupon, bill="1/B2", actor="t", cause="", now=clock.now())
        assert _release(coupon, member)
    assert state_of(shop, coupon) == S.USABLE


@pytest.mark.parametrize(
    ("starts", "good"),
    [
        (TICK, False),
        (0 * TICK, True),
        (-timedelta(days=1), False),
        (TICK - timedelta(days=1), True),
    ],
    ids=["before the first instant", "first instant", "end", "last instant"],
)
@pytest.mark.parametrize("arrow", [_redeem, _lock])
def test_validity_is_half_open_at_the_instant(
    app: Flask, arrow: Arrow, starts: timedelta, good: bool
) -> None:
    shop = a_shop()
    member = a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop), valid_from=clock.now() + starts, days=1)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        assert arrow(coupon, member) is good


def test_a_coupon_that_changed_hands_or_merchant_is_left_alone(
    app: Flask, clock: StillClock
) -> None:
    shop, foreign = a_shop(), a_shop()
    member, other = a_member(shop), a_member(shop)
    coupon = a_coupon(shop, member, a_template(shop))
    with transaction(), tenancy.acting_for(shop.merchant_id):
        assert not _redeem(coupon, other)
    with transaction(), tenancy.acting_for(foreign.merchant_id):
        assert not _redeem(coupon, member)
        assert not _revoke(coupon, member)
    assert state_of(shop, coupon) == S.USABLE


def test_outside_a_transaction_nothing_is_changed(app: Flask) -> None:
    shop = a_shop()
    with tenancy.acting_for(shop.merchant_id), pytest.raises(RuntimeError):
        _revoke(1, 1)
