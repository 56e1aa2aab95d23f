"""H2: what a login and a card pack ask of the database does not grow with the coupons."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from backend import clock, tenancy
from backend.database import db
from backend.visits.at_counter import identify
from scripts.wechat_platform.server import Platform
from tests.builders import Shop, a_shop, a_store, a_template
from tests.journeys.customers import a_grant, enters
from tests.miniprogram_api.statements import committing


@pytest.fixture
def shop(wechat: Platform) -> Shop:
    shop = a_shop()
    wechat.account(shop.mini, "miniprogram", f"secret-{shop.mini}")
    return shop


@contextmanager
def _statements() -> Iterator[list[str]]:
    """What is sent to the database; transactions begin and end beside."""
    seen: list[str] = []

    def note(*parts: object) -> None:
        words = str(parts[2])
        if not words.lower().startswith(("begin", "pragma", "set ")):
            seen.append(words)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("coupons", [1, 20, 100])
def test_a_login_that_claims_is_few_statements_whatever_waits(
    http: FlaskClient, wechat: Platform, shop: Shop, coupons: int
) -> None:
    person = wechat.person()
    me = enters(http, wechat, shop, person)
    a_template(shop, "t30")
    a_grant(shop, me.member_id, "t30", quantity=coupons)
    with _statements() as seen, committing(db.engine) as commits:
        told = enters(http, wechat, shop, person).answer["claimed"]
    assert len(told) == coupons
    assert (len(seen), len(commits)) == (10, 1), seen


def test_a_login_for_which_nothing_waits_is_fewer_and_no_transaction(
    http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    person = wechat.person()
    enters(http, wechat, shop, person)
    with _statements() as seen, committing(db.engine) as commits:
        enters(http, wechat, shop, person)
    assert (len(seen), commits) == (5, []), seen


def test_the_till_reads_what_was_claimed_once_with_the_rest(
    http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    """Who, whether coming registers, claiming (4), all ids, the card pack, the member."""
    person = wechat.person()
    me = enters(http, wechat, shop, person)
    a_template(shop, "t30")
    a_grant(shop, me.member_id, "t30", quantity=20)
    with tenancy.acting_for(shop.merchant_id), _statements() as seen:
        visit = identify(member_id=me.member_id, now=clock.now())
    assert len(visit.claimed) == 20
    assert {coupon.id for coupon in visit.claimed} == {coupon.id for coupon in visit.coupons}
    assert len(seen) == 9, seen


def test_the_till_tells_of_every_claimed_coupon_beyond_the_longest_card_pack_too(
    http: FlaskClient, wechat: Platform, shop: Shop
) -> None:
    me = enters(http, wechat, shop, wechat.person())
    for nth in range(11):
        a_template(shop, f"t{nth}")
        a_grant(shop, me.member_id, f"t{nth}", quantity=91)
    with tenancy.acting_for(shop.merchant_id):
        visit = identify(member_id=me.member_id, now=clock.now())
    assert (len(visit.coupons), len(visit.claimed)) == (1000, 1001)
    assert len({coupon.id for coupon in visit.claimed}) == 1001


@pytest.mark.parametrize("coupons", [1, 100])
def test_a_card_pack_is_three_statements_whatever_it_holds(
    http: FlaskClient, wechat: Platform, shop: Shop, coupons: int
) -> None:
    """Who asks, the coupons, the stores."""
    person = wechat.person()
    me = enters(http, wechat, shop, person)
    a_store(shop, "s02", "莲塘")
    a_template(shop, "t30", stores=["s01", "s02"])
    a_grant(shop, me.member_id, "t30", quantity=coupons)
    enters(http, wechat, shop, person)
    with _statements() as seen:
        listed = me.get("/api/v1/me/coupons?limit=100").get_json()["items"]
    assert len(listed) == coupons
    assert len(seen) == 3, seen
