"""兑换: the same points at two tills, exchange beside spending, the last piece (S2-32, S2-35)."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from backend import tenancy
from backend.campaigns import lifecycle, links, programmes
from backend.campaigns.draft import CampaignDraft
from backend.campaigns.models import Grant
from backend.coupons.models import Coupon, CouponTemplate
from backend.database import db, table_of, transaction
from backend.errors import DomainError
from backend.idempotency import Asked, Said, once
from backend.members.models import Member
from backend.points import exchange_lapse, ledger
from backend.points.exchange import ExchangeOrder, exchange, exchange_at_till
from backend.reports import doctor
from backend.visits import at_counter
from tests.backend.points.books import points_of
from tests.builders import a_member, a_shop, a_template, reread
from tests.conftest import StillClock
from tests.races.test_claims import at_once


class Mall:
    """A shop where one coupon costs 100 points."""

    def __init__(self, app: Flask, clock: StillClock, *, stock: int | None = None) -> None:
        self.app, self.clock, self.shop = app, clock, a_shop()
        self.template = a_template(self.shop, "t1", stock=stock)
        with tenancy.acting_for(self.shop.merchant_id):
            content = {"offers": [{"template": "t1", "points": 100}]}
            settings = programmes.parse("points_exchange", content)
            draft = CampaignDraft(code="x", kind="points_exchange", settings=settings)
            self.campaign = lifecycle.save(draft, now=clock.at).id
            lifecycle.start(self.campaign, now=clock.at)

    def member(self, points: int, phone: str | None = None) -> int:
        member = a_member(self.shop, phone=phone)
        with tenancy.acting_for(self.shop.merchant_id):
            ledger.earn(member, points, cause=f"a-{member}", now=self.clock.at)
        return member

    def in_app(self, member: int) -> bool:
        try:
            exchange(member, ExchangeOrder(self.campaign, self.template), now=self.clock.at)
        except DomainError:
            return False
        return True

    def at_till(self, member: int) -> bool:
        wanted = ExchangeOrder(self.campaign, self.template)
        try:
            exchange_at_till(member, wanted, store_code="s01", now=self.clock.at)
        except DomainError:
            return False
        return True

    def counts(self) -> tuple[int, int, int]:
        """grants, coupons, stock taken."""
        reread()
        with tenancy.acting_for(self.shop.merchant_id):
            rows = [db.session.scalar(select(func.count(m.id))) or 0 for m in (Grant, Coupon)]
            return rows[0], rows[1], db.session.get_one(CouponTemplate, self.template).issued


def sound() -> bool:
    reread()
    return [str(finding) for finding in doctor.check()] == []


def test_points_for_one_are_exchanged_once_at_two_tills_and_a_phone(
    app: Flask, clock: StillClock
) -> None:
    mall = Mall(app, clock, stock=100)
    member = mall.member(199)
    ways = [partial(mall.at_till, member), partial(mall.in_app, member)] * 4
    assert sum(at_once(app, mall.shop, *ways)) == 1  # type: ignore[arg-type]
    assert points_of(mall.shop, member) == 99
    grants, _, issued = mall.counts()
    assert (grants, issued) == (1, 1)
    assert sound()


def test_exchange_beside_spending_takes_the_points_for_one_of_them(
    app: Flask, clock: StillClock
) -> None:
    mall = Mall(app, clock)
    people = [mall.member(150) for _ in range(5)]

    def spend() -> int:
        spent = 0
        for member in people:
            try:
                ledger.spend(member, 100, cause=f"bill-{member}", now=clock.at)
                spent += 1
            except DomainError:
                pass
        return spent

    def take() -> int:
        return sum(mall.in_app(member) for member in people)

    won = at_once(app, mall.shop, spend, take, take)
    assert sum(n for n in won if isinstance(n, int)) == 5
    assert {points_of(mall.shop, member) for member in people} == {50}
    assert sound()


def test_the_last_pieces_go_to_as_many_as_there_are(app: Flask, clock: StillClock) -> None:
    mall = Mall(app, clock, stock=3)
    people = [mall.member(100) for _ in range(8)]
    won = at_once(app, mall.shop, *[partial(mall.in_app, member) for member in people])
    assert sum(won) == 3  # type: ignore[arg-type]
    assert mall.counts() == (3, 3, 3)
    assert sorted(points_of(mall.shop, member) for member in people) == [0] * 3 + [100] * 5
    assert sound()


def test_the_same_request_at_once_has_one_effect(app: Flask, clock: StillClock) -> None:
    mall = Mall(app, clock)
    member = mall.member(1000)

    def keyed(way: Callable[[int], bool]) -> str:
        asked = Asked("caller", "/exchanges", way.__name__, b"")
        return once(asked, lambda: Said(200, str(way(member)))).body

    for way in (mall.in_app, mall.at_till):
        assert at_once(app, mall.shop, *[partial(keyed, way)] * 6) == ["True"] * 6
    assert points_of(mall.shop, member) == 800
    assert mall.counts()[:2] == (2, 1)
    assert sound()


@pytest.mark.parametrize("_round", range(4))
def test_a_scan_a_login_and_the_end_of_the_window_leave_either_coupon_or_points(
    app: Flask, clock: StillClock, _round: int
) -> None:
    mall = Mall(app, clock, stock=5)
    member = mall.member(100, phone="18100004469")
    with tenancy.acting_for(mall.shop.merchant_id):
        wanted = ExchangeOrder(mall.campaign, mall.template)
        done = exchange_at_till(member, wanted, store_code="s01", now=clock.at)
    in_time, over = clock.move_to("2026-11-29 23:59"), clock.move_to("2026-11-30 00:00")

    def scan() -> None:
        with suppress(DomainError):
            links.claim(done.link.code, member_id=member, now=in_time)

    def end() -> None:
        exchange_lapse.give_back(done.link.id, now=over)

    def log_in() -> None:
        at_counter.identify(phone="18100004469", now=in_time)

    at_once(app, mall.shop, scan, end, log_in, end, scan)
    _, coupons, issued = mall.counts()
    assert (coupons, issued, points_of(mall.shop, member)) in {(1, 1, 0), (0, 0, 100)}
    assert sound()


def test_the_check_sees_an_exchange_that_looks_before_it_writes(
    app: Flask, clock: StillClock
) -> None:
    """Read the points, then write what was read less 100: more coupons than points."""
    mall, members = Mall(app, clock), table_of(Member)
    member = a_member(mall.shop)
    with transaction(), tenancy.acting_for(mall.shop.merchant_id):
        db.session.get_one(Member, member).points = 199

    looked = Barrier(8, timeout=60)

    def naive() -> int:
        has = db.session.scalar(select(members.c.points).where(members.c.id == member))
        db.session.rollback()
        looked.wait()
        if has is None or has < 100:
            return 0
        with transaction():
            db.session.connection().execute(
                update(members).where(members.c.id == member).values(points=has - 100)
            )
        return 1

    won = at_once(app, mall.shop, *[naive] * 8)
    if sum(n for n in won if isinstance(n, int)) <= 1:
        pytest.fail("the naive exchange was never caught: the race does not happen here")
