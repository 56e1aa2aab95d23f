"""储值账: recharge, pay, refund, once per cause; principal and bonus apart (S2-45, S2-46)."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.members.models import Member
from backend.merchants.models import Merchant
from backend.reports import doctor
from backend.wallet import ledger
from backend.wallet.errors import (
    BalanceCap,
    BalanceInsufficient,
    RechargeConflict,
    RefundExceedsPayment,
)
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import StillClock


@pytest.fixture
def shop(app: Flask) -> Iterator[Shop]:
    shop = a_shop()
    with tenancy.across_merchants("a test sets a merchant's rule"):
        merchant = db.session.get_one(Merchant, shop.merchant_id)
        merchant.recharge = {"tiers": [{"principal_fen": 50000, "bonus_fen": 5000}]}
        db.session.commit()
    with tenancy.acting_for(shop.merchant_id):
        yield shop
    assert [str(finding) for finding in doctor.check()] == []


def balance_of(member_id: int) -> tuple[int, int, int]:
    """本金, 赠金, 累计充值."""
    reread()
    row = db.session.execute(
        select(Member.principal_fen, Member.bonus_fen, Member.recharged_fen).where(
            Member.id == member_id
        )
    ).one()
    return row.principal_fen, row.bonus_fen, row.recharged_fen


def test_a_recharge_brings_its_bonus_and_the_same_number_nothing_more(
    shop: Shop, clock: StillClock
) -> None:
    member = a_member(shop)
    first = ledger.recharge(member, recharge_no="R1", principal_fen=50000, now=clock.at)
    again = ledger.recharge(member, recharge_no="R1", principal_fen=50000, now=clock.at)
    assert (first.balance_fen, first.principal_fen, first.bonus_fen) == (55000, 50000, 5000)
    assert (again.balance_fen, again.is_new) == (55000, False)
    assert balance_of(member) == (50000, 5000, 50000)


def test_a_recharge_number_stands_for_one_member_and_amount(shop: Shop, clock: StillClock) -> None:
    member, other = a_member(shop), a_member(shop)
    ledger.recharge(member, recharge_no="R1", principal_fen=50000, now=clock.at)
    for who, fen in ((member, 40000), (other, 50000)):
        with pytest.raises(RechargeConflict):
            ledger.recharge(who, recharge_no="R1", principal_fen=fen, now=clock.at)
    assert balance_of(member) == (50000, 5000, 50000)


def test_principal_pays_first_and_comes_back_last(shop: Shop, clock: StillClock) -> None:
    member = a_member(shop)
    ledger.recharge(member, recharge_no="R1", principal_fen=50000, now=clock.at)
    ledger.pay(member, 53000, cause="bill-1-balance", now=clock.at)
    ledger.pay(member, 53000, cause="bill-1-balance", now=clock.at)
    assert balance_of(member) == (0, 2000, 50000)
    ledger.refund("bill-1-balance", 4000, cause="refund-1", now=clock.at)
    ledger.refund("bill-1-balance", 4000, cause="refund-1", now=clock.at)
    assert balance_of(member) == (1000, 5000, 50000)
    ledger.refund("bill-1-balance", 49000, cause="refund-2", now=clock.at)
    assert balance_of(member) == (50000, 5000, 50000)
    with pytest.raises(RefundExceedsPayment):
        ledger.refund("bill-1-balance", 1, cause="refund-3", now=clock.at)


def test_nobody_pays_more_than_there_is(shop: Shop, clock: StillClock) -> None:
    member = a_member(shop)
    ledger.recharge(member, recharge_no="R1", principal_fen=100, now=clock.at)
    with pytest.raises(BalanceInsufficient) as refused:
        ledger.pay(member, 101, cause="bill-1-balance", now=clock.at)
    assert (refused.value.code, refused.value.message) == ("BALANCE_INSUFFICIENT", "余额不足")
    assert balance_of(member) == (100, 0, 100)


def test_figures_of_an_earlier_system_count_as_principal(shop: Shop, clock: StillClock) -> None:
    new, old = a_member(shop), a_member(shop)
    ledger.recharge(old, recharge_no="R1", principal_fen=50000, now=clock.at)
    for _ in range(2):
        ledger.set_to({new: 800, old: 300}, reason="期初", actor="command", now=clock.at)
    assert balance_of(new) == (800, 0, 0)
    assert balance_of(old) == (300, 0, 50000)


@pytest.mark.parametrize(("phone", "cap"), [(None, 1000_00), ("13800000001", 5000_00)])
def test_a_balance_is_recharged_up_to_the_cap_and_not_a_fen_further(
    shop: Shop, clock: StillClock, phone: str | None, cap: int
) -> None:
    """A bonus counts; who is known by phone may hold more."""
    member = a_member(shop, phone=phone)
    ledger.recharge(member, recharge_no="R1", principal_fen=50000, now=clock.at)
    with pytest.raises(BalanceCap) as refusal:
        ledger.recharge(member, recharge_no="R2", principal_fen=cap - 55000 + 1, now=clock.at)
    assert refusal.value.message == f"余额不能超过{cap // 100}元"
    assert balance_of(member) == (50000, 5000, 50000)
    less = cap - 55000 - (5000 if cap > 1000_00 else 0)
    ledger.recharge(member, recharge_no="R2", principal_fen=less, now=clock.at)
    assert sum(balance_of(member)[:2]) == cap
    again = ledger.recharge(member, recharge_no="R2", principal_fen=less, now=clock.at)
    assert not again.is_new


def test_a_cap_that_is_lifted_holds_nobody_back(shop: Shop, clock: StillClock) -> None:
    with tenancy.across_merchants("a test sets a merchant's rule"):
        merchant = db.session.get_one(Merchant, shop.merchant_id)
        merchant.recharge = {"caps": {"registered_fen": None, "unregistered_fen": 0}}
        db.session.commit()
    for phone in (None, "13800000001"):
        member = a_member(shop, phone=phone)
        ledger.recharge(member, recharge_no=f"R{phone}", principal_fen=1_000_000_00, now=clock.at)
        assert balance_of(member)[0] == 1_000_000_00
