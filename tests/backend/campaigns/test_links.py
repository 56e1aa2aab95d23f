"""领取链接: opened once, by whoever comes first; lapsed by time, its stock free again (S2-57)."""

from datetime import datetime, timedelta

import pytest
from flask import Flask

from backend import clock, tenancy
from backend.campaigns import grants, link_end, links, offers
from backend.campaigns.errors import (
    AlreadyClaimed,
    ClaimIsAnothers,
    ClaimLapsed,
    ClaimLimitReached,
    ClaimNotFound,
)
from backend.campaigns.links import Link, Promised
from backend.campaigns.models import ClaimLinkKind, GrantState
from backend.database import transaction
from tests.backend.campaigns.plans import a_campaign, coupons_of, gives, grants_of, template
from tests.builders import Shop, a_member, a_shop, a_template
from tests.conftest import StillClock

RECEIPT, EXCHANGE = ClaimLinkKind.RECEIPT, ClaimLinkKind.EXCHANGE


def a_gift(shop: Shop, code: str = "gift", **of_template: object) -> int:
    a_template(shop, f"{code}-coupon", **of_template)  # type: ignore[arg-type]
    return a_campaign(
        shop,
        code,
        "consumption_gift",
        {
            "rules": [{"paid_fen": 10000, "coupons": gives(f"{code}-coupon")}],
            "claim_window": {"kind": "days", "days": 2},
        },
    )


def a_link(
    shop: Shop,
    member_id: int,
    *campaigns: int,
    kind: ClaimLinkKind = RECEIPT,
    part: str = "rule-0",
    until: datetime | None = None,
    ends: tuple[datetime | None, ...] = (),
    points: int = 0,
    made_for: str = "bill-1",
) -> Link:
    with transaction(), tenancy.acting_for(shop.merchant_id):
        promised = []
        for place, campaign_id in enumerate(campaigns):
            offer = offers.current(campaign_id, part)
            assert offer is not None
            assert offers.take_stock(offer, 1) == 1
            promised.append(Promised(offer, ends[place] if ends else until))
        return links.make(
            kind,
            member_id=member_id,
            promised=promised,
            made_for=made_for,
            points=points,
            now=clock.now(),
        )


def claim(shop: Shop, link: Link, member_id: int) -> list[int]:
    with tenancy.acting_for(shop.merchant_id):
        return links.claim(link.code, member_id=member_id, now=clock.now())


def test_whoever_opens_a_receipts_link_first_has_its_coupons(app: Flask) -> None:
    shop = a_shop()
    payer, friend = a_member(shop), a_member(shop)
    link = a_link(shop, payer, a_gift(shop))

    (claimed,) = claim(shop, link, friend)

    assert [coupon.id for coupon in coupons_of(shop, friend)] == [claimed]
    (grant,) = grants_of(shop)
    assert (grant.state, grant.member_id) == (GrantState.CLAIMED, friend)
    for late in (friend, payer):
        with pytest.raises(AlreadyClaimed, match="^已领取$"):
            claim(shop, link, late)
    assert len(coupons_of(shop)) == 1


def test_no_login_collects_what_stands_behind_a_receipt(app: Flask) -> None:
    shop = a_shop()
    payer = a_member(shop)
    link = a_link(shop, payer, a_gift(shop))
    with tenancy.acting_for(shop.merchant_id):
        assert grants.claim_open(payer, now=clock.now()) == []
    assert len(claim(shop, link, payer)) == 1


def test_coupons_count_from_the_claim(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    link = a_link(shop, a_member(shop), a_gift(shop, days=7))
    clock.move_to("2026-11-26 20:00")
    guest = a_member(shop)
    claim(shop, link, guest)
    (coupon,) = coupons_of(shop, guest)
    assert coupon.claimed_at == clock.at
    assert coupon.valid_until == clock.move_to("2026-12-03 00:00")


def test_past_its_window_nobody_claims_it_and_its_stock_comes_back(
    app: Flask, clock: StillClock
) -> None:
    shop = a_shop()
    payer = a_member(shop)
    end = clock.at + timedelta(hours=1)
    link = a_link(shop, payer, a_gift(shop, stock=5), until=end)
    assert template(shop, "gift-coupon").issued == 1

    clock.at = end
    with pytest.raises(ClaimLapsed, match="^已过领取时间$"):
        claim(shop, link, payer)
    assert link_end.sweep(now=clock.at) == 1
    assert link_end.sweep(now=clock.at) == 0

    assert template(shop, "gift-coupon").issued == 0
    assert [grant.state for grant in grants_of(shop)] == [GrantState.LAPSED]
    with pytest.raises(ClaimLapsed):
        claim(shop, link, payer)


def test_a_link_is_open_until_the_very_end_of_its_window(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    payer = a_member(shop)
    end = clock.at + timedelta(hours=1)
    link = a_link(shop, payer, a_gift(shop), until=end)
    clock.at = end - timedelta(microseconds=1)
    assert link_end.sweep(now=clock.at) == 0
    assert len(claim(shop, link, payer)) == 1
    clock.at = end
    assert link_end.sweep(now=clock.at) == 0


def test_of_two_windows_behind_one_link_the_shorter_one_lapses_alone(
    app: Flask, clock: StillClock
) -> None:
    shop = a_shop()
    payer = a_member(shop)
    today = clock.at + timedelta(hours=4)
    both = a_gift(shop, "short", stock=9), a_gift(shop, "long", stock=9)
    link = a_link(shop, payer, *both, ends=(today, None))
    assert link.claim_until is None

    clock.at = today
    claim(shop, link, payer)

    states = {grant.campaign_id: grant.state for grant in grants_of(shop)}
    assert states == {both[0]: GrantState.LAPSED, both[1]: GrantState.CLAIMED}
    assert template(shop, "short-coupon").issued == 0
    assert template(shop, "long-coupon").issued == 1


def test_an_unknown_link_and_another_merchants_are_not_found(app: Flask) -> None:
    shop, other = a_shop(), a_shop()
    link = a_link(shop, a_member(shop), a_gift(shop))
    stranger = a_member(other)
    with tenancy.acting_for(other.merchant_id), pytest.raises(ClaimNotFound):
        links.claim(link.code, member_id=stranger, now=clock.now())
    assert links.merchant_of(link.code) == shop.merchant_id
    with pytest.raises(ClaimNotFound):
        links.merchant_of("nothing")


def test_who_holds_the_most_of_a_coupon_leaves_the_link_to_others(app: Flask) -> None:
    shop = a_shop()
    payer, friend = a_member(shop), a_member(shop)
    gift = a_gift(shop, per_member=1)
    first = a_link(shop, payer, gift)
    second = a_link(shop, friend, gift, made_for="bill-2")
    claim(shop, first, payer)
    with pytest.raises(ClaimLimitReached) as refused:
        claim(shop, second, payer)
    assert refused.value.code == "ALREADY_CLAIMED"
    assert len(claim(shop, second, friend)) == 1


def test_an_exchanges_link_is_its_members_alone_and_a_login_collects_it(app: Flask) -> None:
    shop = a_shop()
    buyer, other = a_member(shop), a_member(shop)
    link = a_link(shop, buyer, a_gift(shop), kind=EXCHANGE, points=100)
    with pytest.raises(ClaimIsAnothers) as refused:
        claim(shop, link, other)
    assert refused.value.http_status == 404
    assert refused.value.detail["hint"] == "请用兑换时的会员账号登录"

    with tenancy.acting_for(shop.merchant_id):
        assert len(grants.claim_open(buyer, now=clock.now())) == 1
        found = links.find(link.code, member_id=buyer)
        assert (found.state, found.claimed_by_id) == (GrantState.CLAIMED, buyer)
    with pytest.raises(AlreadyClaimed):
        claim(shop, link, buyer)


def test_an_exchange_claimed_by_its_link_waits_for_no_login(app: Flask) -> None:
    shop = a_shop()
    buyer = a_member(shop)
    link = a_link(shop, buyer, a_gift(shop), kind=EXCHANGE)
    assert len(claim(shop, link, buyer)) == 1
    with tenancy.acting_for(shop.merchant_id):
        assert grants.claim_open(buyer, now=clock.now()) == []
    assert len(coupons_of(shop, buyer)) == 1


def test_what_lapsed_says_whose_points_are_to_be_given_back(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    buyer = a_member(shop)
    gift = a_gift(shop)
    end = clock.at + timedelta(hours=1)
    taken = a_link(shop, buyer, gift, kind=EXCHANGE, points=70, until=end, made_for="exchange-1")
    left = a_link(shop, buyer, gift, kind=EXCHANGE, points=90, until=end, made_for="exchange-2")
    claim(shop, taken, buyer)
    clock.at = end
    assert link_end.sweep(now=clock.at) == 0
    assert link_end.overdue(EXCHANGE, now=clock.at) == [(shop.merchant_id, left.id)]
    with tenancy.acting_for(shop.merchant_id):
        (lapsed,) = link_end.lapse([taken.id, left.id], now=clock.at)
        assert (lapsed.link_id, lapsed.member_id, lapsed.points) == (left.id, buyer, 90)
        assert link_end.lapse([left.id], now=clock.at) == []
