"""What is asked at every request reads the few rows of its answer. (scale, rules 1–3)"""

from contextlib import suppress

from flask import Flask
from sqlalchemy import select

from backend import clock, tenancy
from backend.database import db, table_of
from backend.members import identify
from backend.members.errors import MemberNotFound
from backend.members.models import Member
from backend.members.queries import ids_of, persons
from backend.members.recognise import familiar
from backend.merchants.errors import NotAVerifier
from backend.points import lots
from backend.points.queries import history
from backend.redemption.queries import by_verifier
from backend.redemption.verifiers import verifier
from backend.visits.completion import pending_completions
from tests.builders import a_member, a_shop
from tests.plans.watching import Yardsticks, asked_within


def test_what_every_request_asks_reads_what_it_needs(app: Flask, plans: Yardsticks) -> None:
    shop = a_shop()
    member_id = a_member(shop)
    with tenancy.acting_for(shop.merchant_id), asked_within(db.engine) as asked:
        ids_of(member_id)
        familiar("wx1", "o-1", None)
        familiar("wx1", "o-1", "u-1")
        with suppress(NotAVerifier):
            verifier(member_id)
        by_verifier(1)
        by_verifier(1, before_id=9)
        persons([member_id])
        lots.due([member_id], now=clock.now())
        history([member_id], limit=20)
        history([member_id], limit=20, before=9)
        with suppress(MemberNotFound):
            identify.by_openid("o-1")
    with asked_within(db.engine) as also:
        pending_completions(now=clock.now())
    assert plans.judge(asked | also) == []


def test_what_a_clock_asks_reads_what_is_due(app: Flask, plans: Yardsticks) -> None:
    shop = a_shop()
    with tenancy.acting_for(shop.merchant_id), asked_within(db.engine) as asked:
        lots.members_with_due(now=clock.now(), most=200)
    assert plans.judge(asked) == []


def test_a_search_without_an_index_of_its_own_is_reported(app: Flask, plans: Yardsticks) -> None:
    """The planted control: a question that only reading the whole merchant answers."""
    shop = a_shop()
    members = table_of(Member)
    with tenancy.acting_for(shop.merchant_id), asked_within(db.engine) as asked:
        db.session.connection().execute(
            select(members.c.id).where(members.c.merchant_id == 1, members.c.nickname == "9")
        )
    assert plans.judge(asked) != []
