"""会员在手: read once in a transaction, true after every write, the survivor for an alias."""

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db, transaction
from backend.members.errors import MemberNotFound
from backend.members.held import person
from backend.members.models import Member
from backend.members.spending import add_bill, reverse_bill
from backend.membership.join import join
from backend.points import ledger as points
from backend.wallet import ledger as wallet
from tests.builders import Shop, a_member, a_shop, utc
from tests.miniprogram_api.statements import counting

NOW = utc("2026-11-20 10:00")


@pytest.fixture
def shop(app: Flask) -> Shop:
    return a_shop()


def _stored(member_id: int) -> dict[str, int | str | datetime | None]:
    """The figures as they stand in the row."""
    figures = list(person(member_id).__dataclass_fields__)
    table = Member.__table__
    stored = select(*(table.c[name] for name in figures)).where(table.c.id == member_id)
    with tenancy.across_merchants("a test looks"):
        row = db.session.connection().execute(stored)
    return dict(row.mappings().one())


def test_a_member_is_read_once_in_a_transaction(shop: Shop) -> None:
    member = a_member(shop)
    with transaction(), tenancy.acting_for(shop.merchant_id), counting(db.engine) as seen:
        for _ in range(3):
            person(member)
    assert len(seen) == 1


def test_what_is_held_is_true_after_every_write(shop: Shop) -> None:
    member = a_member(shop)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        person(member)
        wallet.recharge(member, recharge_no="R1", principal_fen=5000, now=NOW)
        assert vars(person(member)) == _stored(member)
        points.earn(member, 70, cause="a", now=NOW)
        points.spend(member, 30, cause="b", now=NOW)
        wallet.pay(member, 1000, cause="c", now=NOW)
        assert vars(person(member)) == _stored(member)
        add_bill(member, bill_id=1, paid_fen=900, spent_at=NOW, now=NOW)
        assert vars(person(member)) == _stored(member)
        reverse_bill(1, now=NOW)
        assert vars(person(member)) == _stored(member)
        loaded = tenancy.find(Member, member)
        assert loaded is not None
        loaded.consumption_fen = 7
        db.session.flush()
        assert person(member).consumption_fen == 7


def test_an_alias_is_the_survivor_and_a_stranger_is_nobody(shop: Shop) -> None:
    old, young = a_member(shop), a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        kept = join(old, young, now=NOW)
        with transaction():
            assert {person(old).id, person(young).id} == {kept}
        with transaction(), pytest.raises(MemberNotFound):
            person(10**6)
