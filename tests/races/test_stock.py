"""库存: a hundred pieces, two hundred takers (C-03, V-16)."""

from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import update

from backend import tenancy
from backend.campaigns import grants
from backend.coupons import stock
from backend.coupons.models import CouponTemplate
from backend.database import db, table_of, transaction, transactional
from tests.backend.campaigns.plans import a_class_plan, coupons_of, gives, template
from tests.builders import a_member, a_shop, a_template
from tests.conftest import StillClock
from tests.races.test_claims import at_once

TAKERS = 8


def test_a_hundred_pieces_serve_a_hundred_of_two_hundred(app: Flask) -> None:
    shop = a_shop()
    few = a_template(shop, "few", stock=100)

    @transactional
    def take() -> bool:
        return stock.take(few, 1)

    def take_many() -> int:
        return sum(take() for _ in range(200 // TAKERS))

    taken = at_once(app, shop, *[take_many] * TAKERS)
    assert sum(n for n in taken if isinstance(n, int)) == 100
    assert template(shop, "few").issued == 100


def test_followers_share_what_there_is(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    a_template(shop, "few", stock=10)
    a_class_plan(shop, parts={"new": {"coupons": gives("few", quantity=2)}})
    members = [a_member(shop, follows=True) for _ in range(TAKERS * 2)]

    def follow(some: list[int]) -> int:
        given = [grants.give_on_follow(m, now=clock.at) for m in some]
        return len([g for g in given if g])

    shares = [members[at::TAKERS] for at in range(TAKERS)]
    given = at_once(app, shop, *[lambda s=s: follow(s) for s in shares])
    assert sum(n for n in given if isinstance(n, int)) == 5
    assert len(coupons_of(shop)) == template(shop, "few").issued == 10


def test_the_check_sees_a_taker_that_looks_before_it_writes(app: Flask) -> None:
    """Read, then write what was read plus one: the count must come out wrong."""
    shop = a_shop()
    few = a_template(shop, "few", stock=100)
    table, looked = table_of(CouponTemplate), Barrier(TAKERS, timeout=60)

    def naive() -> int:
        taken = 0
        for _ in range(25):
            left = stock.left(few)
            db.session.rollback()
            looked.wait()
            if left:
                with transaction():
                    db.session.execute(
                        update(table).where(table.c.id == few).values(issued=100 - left + 1)
                    )
                taken += 1
        return taken

    taken = sum(n for n in at_once(app, shop, *[naive] * TAKERS) if isinstance(n, int))
    with tenancy.acting_for(shop.merchant_id):
        issued = template(shop, "few").issued
    if taken == issued <= 100:
        pytest.fail("the naive taker was never caught: the race does not happen here")
