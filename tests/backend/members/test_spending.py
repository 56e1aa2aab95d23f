"""What settled bills do to counters and class (S0-04, S0-05, S0-06)."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from backend import clock, tenancy
from backend.database import db
from backend.members.classes import class_after
from backend.members.models import ClassChange, Member
from backend.members.spending import ClassMove, add_bill, reverse_bill
from tests.builders import Shop, a_member, a_shop


@pytest.mark.parametrize(
    ("bills", "known_as"), [(0, "new"), (1, "ordinary"), (2, "loyal"), (9, "loyal")]
)
def test_the_class_follows_the_number_of_settled_bills(bills: int, known_as: str) -> None:
    assert class_after(bills) == known_as


def _pays(shop: Shop, member: int, bill: int, *, fen: int = 100, day: int = 0) -> ClassMove | None:
    spent_at = clock.now() + timedelta(days=day)
    with tenancy.acting_for(shop.merchant_id):
        return add_bill(member, bill_id=bill, paid_fen=fen, spent_at=spent_at, now=clock.now())


def _member(shop: Shop, member: int) -> Member:
    with tenancy.acting_for(shop.merchant_id):
        found = tenancy.find(Member, member)
        assert found is not None
        return found


def test_two_bills_make_a_loyal_customer_and_both_moves_are_kept(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    assert _pays(shop, member, 1, fen=28400) == ClassMove("new", "ordinary")  # type: ignore[arg-type]
    assert _pays(shop, member, 2, fen=100) == ClassMove("ordinary", "loyal")  # type: ignore[arg-type]
    assert _pays(shop, member, 3, fen=1) is None
    now = _member(shop, member)
    assert (now.consumption_count, now.consumption_fen) == (3, 28501)
    with tenancy.acting_for(shop.merchant_id):
        moves = db.session.scalars(select(ClassChange).order_by(ClassChange.id)).all()
        assert [(m.before, m.after, m.cause) for m in moves] == [
            ("new", "ordinary", "bill-1"),
            ("ordinary", "loyal", "bill-2"),
        ]


def test_the_same_bill_counts_once(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    _pays(shop, member, 1)
    assert _pays(shop, member, 1) is None
    assert _member(shop, member).consumption_count == 1


def test_the_last_consumption_is_the_latest_whatever_order_the_till_sends(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    _pays(shop, member, 1, day=-1)
    _pays(shop, member, 2, day=-5)
    assert _member(shop, member).last_consumed_at == clock.now() - timedelta(days=1)


def test_a_bill_refunded_whole_counts_no_more(app: Flask) -> None:
    shop = a_shop()
    member = a_member(shop)
    _pays(shop, member, 1, fen=300, day=-3)
    _pays(shop, member, 2, fen=500)
    with tenancy.acting_for(shop.merchant_id):
        assert reverse_bill(2, now=clock.now()) == ClassMove("loyal", "ordinary")  # type: ignore[arg-type]
        assert reverse_bill(2, now=clock.now()) is None
        assert reverse_bill(99, now=clock.now()) is None
    now = _member(shop, member)
    assert (now.consumption_count, now.consumption_fen) == (1, 300)
    assert now.last_consumed_at == clock.now() - timedelta(days=3)


def test_a_bill_of_an_alias_counts_for_the_survivor(app: Flask) -> None:
    shop = a_shop()
    alias, kept = a_member(shop), a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        db.session.get_one(Member, alias).alias_of_id = kept
        db.session.commit()
    _pays(shop, alias, 1)
    assert _member(shop, kept).consumption_count == 1
    assert _member(shop, alias).consumption_count == 0
