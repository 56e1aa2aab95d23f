"""领取只有一次: from two places at once, and beside waves and follows (C-04, C-11, V-18, V-21)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select, update

from backend import tenancy
from backend.campaigns import grants, offers, waves
from backend.campaigns.models import Grant, GrantState, OfferPiece
from backend.coupons.models import Coupon
from backend.database import db, table_of, transaction
from tests.backend.campaigns.plans import (
    a_class_plan,
    a_periodic,
    coupons_of,
    gives,
    grants_of,
)
from tests.backend.campaigns.test_claim import a_grant
from tests.builders import Shop, a_member, a_shop, a_template
from tests.conftest import StillClock


def at_once(app: Flask, shop: Shop, *deeds: Callable[[], object]) -> list[object]:
    """Every deed in a thread and an app context of its own, let go together."""
    gate = Barrier(len(deeds))

    def do(deed: Callable[[], object]) -> object:
        with app.app_context(), tenancy.acting_for(shop.merchant_id):
            db.session.execute(select(1))
            db.session.rollback()
            gate.wait()
            try:
                return deed()
            finally:
                db.session.remove()

    db.session.rollback()
    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(do, deeds))


def half_or_double(shop: Shop) -> list[int]:
    """V-21: grants that are claimed without exactly their coupons, or have some unclaimed."""
    made: dict[int, int] = {}
    for coupon in coupons_of(shop):
        made[coupon.grant_id] = made.get(coupon.grant_id, 0) + 1
    return [
        grant.id
        for grant in grants_of(shop)
        if made.get(grant.id, 0) != (grant.quantity if grant.state == "claimed" else 0)
    ]


def waiting(shop: Shop) -> int:
    """A member with three open grants of five coupons each."""
    member = a_member(shop)
    for code in ("one", "two", "three"):
        a_template(shop, code)
        a_grant(shop, a_periodic(shop, f"p-{code}", coupons=gives(code, quantity=5)), member)
    return member


@pytest.mark.parametrize("_round", range(5))
def test_till_and_mini_program_claim_at_the_same_moment(
    app: Flask, clock: StillClock, _round: int
) -> None:
    shop = a_shop()
    member = waiting(shop)
    won = at_once(app, shop, *[partial(grants.claim_open, member, now=clock.at)] * 8)
    assert sorted(len(ids) for ids in won if isinstance(ids, list)) == [0] * 7 + [15]
    assert len(coupons_of(shop, member)) == 15
    assert half_or_double(shop) == []


def naive_claim(member_id: int, clock: StillClock, seen: Barrier, claimer: int) -> None:
    """Look, then write: what the product must not do. Each claimer numbers the pieces in its own
    way, so that no unique key comes to its help."""
    found = db.session.scalars(
        select(Grant).where(Grant.member_id == member_id, Grant.state == GrantState.OPEN)
    ).all()
    pieces = db.session.execute(
        select(OfferPiece.template_id, OfferPiece.revision_id, Grant.id, Grant.campaign_id).join(
            Grant, Grant.offer_id == OfferPiece.offer_id
        )
    ).all()
    ids = [grant.id for grant in found]
    seen.wait()
    with transaction():
        for number, (template_id, revision_id, grant_id, campaign_id) in enumerate(pieces):
            db.session.add(
                Coupon(
                    grant_id=grant_id,
                    piece=claimer * 100 + number,
                    member_id=member_id,
                    campaign_id=campaign_id,
                    template_id=template_id,
                    revision_id=revision_id,
                    valid_from=clock.at,
                    valid_until=clock.at.replace(year=2027),
                    claimed_at=clock.at,
                )
            )
        table = table_of(Grant)
        db.session.execute(update(table).where(table.c.id.in_(ids)).values(state="claimed"))


def test_the_check_sees_a_claim_that_looks_before_it_writes(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    member, seen = waiting(shop), Barrier(2)
    at_once(
        app, shop, *[partial(naive_claim, member, clock, seen, claimer) for claimer in range(2)]
    )
    assert len(half_or_double(shop)) == 3


def run_waves(now: datetime) -> None:
    """What a worker does, for the merchant it acts for."""
    waves.open_due(now)
    for merchant_id, wave_id in waves.unfinished():
        if merchant_id == tenancy.merchant_id():
            waves.run(wave_id, at=now)


@pytest.mark.parametrize("day", range(23, 28))
def test_wave_follow_and_claim_meet(app: Flask, clock: StillClock, day: int) -> None:
    """C-11: whoever comes first, the new-customer coupons are given once."""
    shop = a_shop()
    clock.move_to(f"2026-11-{day} 08:00")
    a_class_plan(shop)
    members = [a_member(shop, follows=True) for _ in range(6)]
    clock.move_to(f"2026-11-{day} 09:00")
    at_once(
        app,
        shop,
        *[partial(run_waves, clock.at)] * 2,
        *[partial(grants.give_on_follow, member, now=clock.at) for member in members],
        *[partial(grants.claim_open, member, now=clock.at) for member in members[:2]],
    )
    run_waves_again(shop, clock.at)
    assert [g.member_id for g in grants_of(shop)] == members
    assert sorted(c.member_id for c in coupons_of(shop)) == members
    assert half_or_double(shop) == []


def run_waves_again(shop: Shop, now: datetime) -> None:
    with tenancy.acting_for(shop.merchant_id):
        run_waves(now)


def test_an_offer_is_made_once(app: Flask) -> None:
    shop = a_shop()
    plan = a_periodic(shop)

    def make() -> int:
        from backend.database import transactional

        @transactional
        def kept() -> int:
            offer = offers.current(plan)
            assert offer is not None
            return offers.persist(offer).id

        return kept()

    assert len(set(at_once(app, shop, *[make] * 6))) == 1
