"""一张小票只领一次: people who open one link at once, and the tick beside them (S2-57)."""

from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select, update

from backend.campaigns import gifts, grants, link_end, links
from backend.campaigns.errors import AlreadyClaimed, ClaimLapsed
from backend.campaigns.models import ClaimLink, ClaimLinkKind, Grant, GrantState, OfferPiece
from backend.coupons.models import Coupon
from backend.database import db, table_of, transaction
from backend.reports import doctor
from tests.backend.campaigns.plans import coupons_of, template
from tests.backend.campaigns.test_links import a_gift, a_link
from tests.builders import a_member, a_shop, reread
from tests.conftest import StillClock
from tests.races.test_claims import at_once

PEOPLE = 6


def tries(code: str, member_id: int, clock: StillClock) -> int | str:
    """How many coupons, or why none."""
    try:
        return len(links.claim(code, member_id=member_id, now=clock.at))
    except (AlreadyClaimed, ClaimLapsed) as refusal:
        return refusal.message


@pytest.mark.parametrize("_round", range(4))
def test_of_people_who_open_one_link_at_once_one_wins(
    app: Flask, clock: StillClock, _round: int
) -> None:
    shop = a_shop()
    people = [a_member(shop) for _ in range(PEOPLE)]
    link = a_link(shop, people[0], a_gift(shop, stock=9))
    won = at_once(app, shop, *(partial(tries, link.code, who, clock) for who in people))
    assert sorted(map(str, won)) == ["1"] + ["已领取"] * (PEOPLE - 1)
    assert len(coupons_of(shop)) == 1
    assert template(shop, "gift-coupon").issued == 1
    reread()
    assert doctor.check(now=clock.at) == []


def naive_claim(link_id: int, member_id: int, clock: StillClock, seen: Barrier) -> None:
    """Look, then write: what the product must not do. Each claimer numbers the piece in its own
    way, so that no unique key comes to its help."""
    state = db.session.scalar(select(ClaimLink.state).where(ClaimLink.id == link_id))
    grant = db.session.scalars(select(Grant).where(Grant.link_id == link_id)).one()
    piece = db.session.scalars(
        select(OfferPiece).where(OfferPiece.offer_id == grant.offer_id)
    ).one()
    promised = (grant.id, grant.campaign_id, piece.template_id, piece.revision_id)
    seen.wait()
    assert state == GrantState.OPEN
    with transaction():
        grant_id, campaign_id, template_id, revision_id = promised
        db.session.add(
            Coupon(
                grant_id=grant_id,
                piece=member_id,
                member_id=member_id,
                campaign_id=campaign_id,
                template_id=template_id,
                revision_id=revision_id,
                valid_from=clock.at,
                valid_until=clock.at + timedelta(days=1),
                claimed_at=clock.at,
            )
        )
        table = table_of(ClaimLink)
        db.session.execute(update(table).where(table.c.id == link_id).values(state="claimed"))


def test_the_check_sees_a_claim_that_looks_before_it_writes(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    people, seen = [a_member(shop), a_member(shop)], Barrier(2)
    link = a_link(shop, people[0], a_gift(shop))
    at_once(app, shop, *(partial(naive_claim, link.id, who, clock, seen) for who in people))
    assert len(coupons_of(shop)) == 2


@pytest.mark.parametrize("_round", range(3))
def test_one_person_who_opens_two_links_at_once_stays_within_the_limit(
    app: Flask, clock: StillClock, _round: int
) -> None:
    shop = a_shop()
    payers = [a_member(shop) for _ in range(4)]
    hunter, gift = a_member(shop), a_gift(shop, per_member=1)
    found = [a_link(shop, who, gift, made_for=f"bill-{who}") for who in payers]
    won = at_once(app, shop, *(partial(tries, link.code, hunter, clock) for link in found))
    assert sorted(map(str, won)) == ["1", "已领取", "已领取", "已领取"]
    assert len(coupons_of(shop, hunter)) == 1


@pytest.mark.parametrize("_round", range(3))
def test_an_exchange_is_collected_by_its_link_or_by_a_login_not_by_both(
    app: Flask, clock: StillClock, _round: int
) -> None:
    """The points paid are another package's, hence the doctor misses them."""
    shop = a_shop()
    buyer = a_member(shop)
    link = a_link(shop, buyer, a_gift(shop), kind=ClaimLinkKind.EXCHANGE)
    at_once(
        app,
        shop,
        *[partial(tries, link.code, buyer, clock)] * 3,
        *[partial(grants.claim_open, buyer, now=clock.at)] * 3,
    )
    assert len(coupons_of(shop, buyer)) == 1
    reread()
    assert {each.name for each in doctor.check(now=clock.at)} <= {"exchange.paid"}


@pytest.mark.parametrize("_round", range(3))
def test_a_link_is_claimed_or_taken_back_not_both(
    app: Flask, clock: StillClock, _round: int
) -> None:
    """A refund beside a guest who opens the link: what was claimed is revoked with it."""
    shop = a_shop()
    guest = a_member(shop)
    link = a_link(shop, guest, a_gift(shop, stock=3), made_for="bill-7")
    at_once(
        app,
        shop,
        partial(tries, link.code, guest, clock),
        partial(gifts.take_back, 7, by="till", now=clock.at),
    )
    assert [coupon.state for coupon in coupons_of(shop)] in ([], ["revoked"])
    reread()
    assert doctor.check(now=clock.at) == []


def test_sweeps_at_the_same_moment_give_stock_back_once(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    end = clock.at + timedelta(hours=1)
    link = a_link(shop, a_member(shop), a_gift(shop, stock=3), until=end)
    clock.at = end
    swept = at_once(app, shop, *[partial(link_end.lapse, [link.id], now=end)] * 4)
    assert sorted(len(each) for each in swept if isinstance(each, list)) == [0, 0, 0, 1]
    assert template(shop, "gift-coupon").issued == 0
