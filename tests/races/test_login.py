"""Two at once at the door: one member, one claim, one join, on every database."""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from backend import clock, tenancy
from backend.campaigns import grants
from backend.coupons.models import Coupon
from backend.database import db, end_read
from backend.members.models import Identity, Member, WechatUser
from backend.members.queries import ids_of
from backend.members.spending import add_bill
from backend.membership.join import join
from backend.visits.login import enter, take_phone
from tests.builders import Shop, a_member, a_shop, a_template, reread
from tests.journeys.customers import a_grant


@pytest.fixture
def shop(app: Flask) -> Iterator[Shop]:
    yield a_shop()


def _together(app: Flask, shop: Shop, deeds: Sequence[Callable[[], object]]) -> list[object]:
    """Do all of it at the same moment, each in a thread of its own; an error is handed on."""
    start = threading.Barrier(len(deeds))
    outcomes: list[object] = []

    def run(deed: Callable[[], object]) -> None:
        with app.app_context():
            try:
                start.wait()
                with tenancy.acting_for(shop.merchant_id):
                    outcomes.append(deed())
            except Exception as error:
                outcomes.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    reread()
    problems = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    if problems:
        raise problems[0]
    return outcomes


def _enters(shop: Shop, app_id: str, openid: str, unionid: str | None) -> Callable[[], int]:
    now = clock.now()

    def deed() -> int:
        return enter(
            app_id, openid, unionid, channel="miniprogram", store_id=None, now=now
        ).member.id

    return deed


def test_two_first_logins_of_one_person_make_one_member(app: Flask, shop: Shop) -> None:
    deeds = [_enters(shop, shop.mini, "o1", "u1") for _ in range(4)]
    assert len(set(_together(app, shop, deeds))) == 1
    with tenancy.acting_for(shop.merchant_id):
        for model in (Member, Identity, WechatUser):
            assert db.session.scalar(select(func.count()).select_from(model)) == 1


def test_two_first_visits_through_two_apps_make_one_member(app: Flask, shop: Shop) -> None:
    for n in range(5):
        deeds = [_enters(shop, app_id, f"o{n}", f"u{n}") for app_id in (shop.mini, shop.oa)]
        assert len(set(_together(app, shop, deeds))) == 1


def test_what_waits_is_claimed_once_by_logins_at_once(app: Flask, shop: Shop) -> None:
    member = _enters(shop, shop.mini, "o1", None)
    with tenancy.acting_for(shop.merchant_id):
        member_id = member()
    a_template(shop, "t30")
    a_grant(shop, member_id, "t30", quantity=5)
    _together(app, shop, [_enters(shop, shop.mini, "o1", None) for _ in range(4)])
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalar(select(func.count()).select_from(Coupon)) == 5


def test_joins_at_the_same_moment_end_in_one_member(app: Flask, shop: Shop) -> None:
    now = clock.now()
    a, b, c = (a_member(shop, consumptions=1, joined_at=now - timedelta(days=d)) for d in (3, 2, 1))

    def joining(one: int, other: int) -> Callable[[], int]:
        return lambda: join(one, other, now=now)

    _together(app, shop, [joining(a, b), joining(b, a), joining(b, c), joining(c, a)])
    with tenancy.acting_for(shop.merchant_id):
        assert sorted(ids_of(c)) == sorted([a, b, c])
        alive = db.session.scalars(select(Member).where(Member.alias_of_id.is_(None))).all()
        assert [(m.id, m.consumption_count) for m in alive] == [(a, 3)]


def test_a_bill_settled_while_its_member_is_joined_counts_for_the_survivor(
    app: Flask, shop: Shop
) -> None:
    now = clock.now()
    old, young = a_member(shop, joined_at=now - timedelta(days=1)), a_member(shop)
    deeds: list[Callable[[], object]] = [lambda: join(old, young, now=now)]
    for bill in range(1, 6):

        def settling(bill: int = bill) -> object:
            return add_bill(young, bill_id=bill, paid_fen=100, spent_at=now, now=now)

        deeds.append(settling)
    _together(app, shop, deeds)
    with tenancy.acting_for(shop.merchant_id):
        counts = dict(db.session.execute(select(Member.id, Member.consumption_count)).all())  # type: ignore[arg-type]
        assert counts == {old: 5, young: 0}


def test_one_phone_bound_by_two_at_once_is_one_member(app: Flask, shop: Shop) -> None:
    now = clock.now()
    members = [a_member(shop, joined_at=now - timedelta(days=d)) for d in (2, 1)]

    def binding(member: int) -> Callable[[], object]:
        return lambda: take_phone(member, "18112344469", now=now)

    _together(app, shop, [binding(member) for member in members])
    with tenancy.acting_for(shop.merchant_id):
        holders = db.session.scalars(select(Member).where(Member.phone == "18112344469")).all()
        assert [m.id for m in holders] == [members[0]]
        assert ids_of(members[1]) == members


def test_a_phone_bound_while_its_member_is_joined_is_the_survivors(app: Flask, shop: Shop) -> None:
    now = clock.now()
    for n in range(10):
        phone = f"1811234{n:04}"
        old, young = a_member(shop, joined_at=now - timedelta(days=1)), a_member(shop)
        deeds: list[Callable[[], object]] = [
            lambda one=old, other=young: join(one, other, now=now),
            lambda member=young, phone=phone: take_phone(member, phone, now=now),
        ]
        _together(app, shop, deeds)
        with tenancy.acting_for(shop.merchant_id):
            holder = db.session.scalars(select(Member).where(Member.phone == phone)).one()
            assert (holder.id, holder.registered_at is not None) == (old, True)


@pytest.mark.parametrize("held", [True, False])
def test_what_a_login_claims_while_its_member_is_joined_is_the_survivors(
    app: Flask, shop: Shop, held: bool
) -> None:
    """The control claims what it has seen without holding the member meanwhile, and loses it."""
    now = clock.now()
    a_template(shop, "t30")
    for n in range(10 if held else 1):
        with tenancy.acting_for(shop.merchant_id):
            old, young = (_enters(shop, shop.mini, f"{age}{n}", None)() for age in ("old", "young"))
        a_grant(shop, young, "t30")

        def joining(old: int = old, young: int = young) -> int:
            return join(old, young, now=now)

        def seen_then_joined(young: int = young) -> None:
            found = grants.waiting(young, now=now)
            end_read()
            joining()
            grants.claim(found, young, now=now)

        deeds = [joining, _enters(shop, shop.mini, f"young{n}", None)]
        _together(app, shop, deeds if held else [seen_then_joined])
        with tenancy.acting_for(shop.merchant_id):
            coupons = db.session.scalars(
                select(Coupon.member_id).where(Coupon.member_id.in_([old, young]))
            ).all()
            assert list(coupons) == [old if held else young]
