"""What is asked at every request reads the few rows of its answer. (scale, rules 1–3)"""

import pytest
from flask import Flask
from sqlalchemy import or_, select

from backend import clock, tenancy
from backend.database import db, table_of
from backend.members.models import Member
from backend.members.queries import ids_of
from backend.redemption.queries import by_verifier
from backend.visits.completion import pending_completions
from tests.builders import a_member, a_shop
from tests.plans.watching import Yardsticks, asked_within


def test_what_every_request_asks_reads_what_it_needs(app: Flask, plans: Yardsticks) -> None:
    shop = a_shop()
    member_id = a_member(shop)
    with tenancy.acting_for(shop.merchant_id), asked_within(db.engine) as asked:
        ids_of(member_id)
        by_verifier(1)
        by_verifier(1, before_id=9)
    with asked_within(db.engine) as also:
        pending_completions(now=clock.now())
    assert plans.judge(asked | also) == []


def test_the_or_that_read_the_whole_merchant_is_reported(app: Flask, plans: Yardsticks) -> None:
    """The planted control: how a person's ids were once asked for."""
    if db.engine.dialect.name == "postgresql":
        pytest.skip("PostgreSQL reads both indexes for an OR")
    shop = a_shop()
    members = table_of(Member)
    mine = select(members.c.id).where(members.c.merchant_id == 1, members.c.id == 1)
    survivor = mine.scalar_subquery()
    with tenancy.acting_for(shop.merchant_id), asked_within(db.engine) as asked:
        db.session.connection().execute(
            select(members.c.id).where(
                members.c.merchant_id == 1,
                or_(members.c.id == survivor, members.c.alias_of_id == survivor),
            )
        )
    assert any("member" in each for each in plans.judge(asked))
