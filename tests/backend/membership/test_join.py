"""Two members of a merchant are joined: the older stays, everything moves, nothing is lost."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from backend import clock, tenancy
from backend.campaigns.models import AudienceMember, Campaign, Grant
from backend.card_pack import queries as card_pack
from backend.coupons.models import Coupon
from backend.database import db, transaction
from backend.members.models import (
    ClassChange,
    Identity,
    Member,
    MemberCard,
    MemberLevel,
    MemberTag,
)
from backend.members.queries import ids_of, survivor
from backend.members.spending import add_bill, reverse_bill
from backend.membership.join import join
from backend.merchants.models import Verifier
from backend.points import ledger as points
from backend.reports import doctor
from backend.tenancy import MerchantRow
from backend.wallet import ledger as wallet
from tests.backend.points.books import entries_of, lots_of, points_of, set_expiry
from tests.builders import Shop, a_member, a_shop, a_template
from tests.conftest import StillClock
from tests.journeys.customers import a_grant


@pytest.fixture
def still(clock: StillClock) -> StillClock:
    return clock


@pytest.fixture
def shop(app: Flask) -> Shop:
    return a_shop()


def _older(shop: Shop, **more: object) -> int:
    return a_member(shop, joined_at=clock.now() - timedelta(days=9), **more)  # type: ignore[arg-type]


def _join(shop: Shop, one: int, other: int) -> int:
    with tenancy.acting_for(shop.merchant_id):
        return join(one, other, now=clock.now())


def _add(shop: Shop, *rows: MerchantRow) -> None:
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.add_all(rows)


def _member(shop: Shop, member_id: int) -> Member:
    with tenancy.acting_for(shop.merchant_id):
        found = tenancy.find(Member, member_id)
        assert found is not None
        return found


@pytest.mark.parametrize("turned", [False, True])
def test_the_older_member_stays_whoever_is_named_first(shop: Shop, turned: bool) -> None:
    young, old = a_member(shop, nickname="小新"), _older(shop)
    assert _join(shop, *((young, old) if turned else (old, young))) == old
    with tenancy.acting_for(shop.merchant_id):
        assert survivor(young).id == old
        assert ids_of(old) == [old, young]
        assert survivor(old).nickname == "小新", "what the survivor lacks comes from the other"


def test_joining_again_changes_nothing(shop: Shop) -> None:
    young, old = a_member(shop, consumptions=1), _older(shop)
    assert [_join(shop, young, old) for _ in range(2)] == [old, old]
    assert _join(shop, young, young) == old
    assert _member(shop, old).consumption_count == 1


def test_chains_are_flat(shop: Shop) -> None:
    oldest = a_member(shop, joined_at=clock.now() - timedelta(days=99))
    old, young = _older(shop), a_member(shop)
    _join(shop, young, old)
    assert _join(shop, young, oldest) == oldest
    assert _member(shop, young).alias_of_id == _member(shop, old).alias_of_id == oldest
    with tenancy.acting_for(shop.merchant_id):
        assert sorted(ids_of(young)) == sorted([oldest, old, young])


def test_figures_add_up_and_the_class_is_judged_anew(shop: Shop) -> None:
    young, old = a_member(shop), _older(shop)
    now = clock.now()
    with tenancy.acting_for(shop.merchant_id):
        add_bill(young, bill_id=1, paid_fen=300, spent_at=now, now=now)
        add_bill(old, bill_id=2, paid_fen=500, spent_at=now - timedelta(days=2), now=now)
        points.earn(young, 7, cause="a", now=now)
        points.earn(old, 5, cause="b", now=now)
        wallet.recharge(young, recharge_no="R1", principal_fen=1000, now=now)
    _join(shop, young, old)
    kept, joined = _member(shop, old), _member(shop, young)
    assert (kept.consumption_count, kept.consumption_fen, kept.customer_class) == (2, 800, "loyal")
    assert (kept.points, kept.principal_fen, kept.last_consumed_at) == (12, 1000, now)
    assert (joined.consumption_count, joined.points, joined.principal_fen) == (0, 0, 0)
    with tenancy.acting_for(shop.merchant_id):
        moves = db.session.scalars(select(ClassChange).order_by(ClassChange.id)).all()
        assert (moves[-1].member_id, moves[-1].after, moves[-1].cause) == (
            old,
            "loyal",
            f"join-{young}",
        )
        reverse_bill(1, now=now)
    assert _member(shop, old).consumption_fen == 500, "the younger's bills are the survivor's"


def test_coupons_move_and_grants_stay(shop: Shop) -> None:
    from backend.campaigns.grants import claim_open

    a_template(shop, "t30")
    young, old = a_member(shop), _older(shop)
    a_grant(shop, young, "t30")
    with tenancy.acting_for(shop.merchant_id):
        (held,) = claim_open(young, now=clock.now())
    a_template(shop, "t15")
    waiting = a_grant(shop, young, "t15")
    _join(shop, young, old)
    with tenancy.acting_for(shop.merchant_id):
        assert [c.id for c in card_pack.coupons_of([old], now=clock.now()).items] == [held]
        grant = tenancy.find(Grant, waiting)
        assert grant is not None and grant.member_id == young
        claimed = claim_open(old, now=clock.now())
        assert [c.member_id for c in db.session.scalars(select(Coupon))] == [old, old]
        assert len(claimed) == 1


def test_used_coupons_move_too(shop: Shop) -> None:
    from backend.campaigns.grants import claim_open

    a_template(shop, "t30")
    young, old = a_member(shop), _older(shop)
    a_grant(shop, young, "t30")
    with tenancy.acting_for(shop.merchant_id):
        (held,) = claim_open(young, now=clock.now())
        with transaction():
            db.session.get_one(Coupon, held).state = "redeemed"
    _join(shop, young, old)
    with tenancy.acting_for(shop.merchant_id):
        db.session.expire_all()
        assert db.session.get_one(Coupon, held).member_id == old


@pytest.mark.parametrize(
    ("olds", "youngs", "kept"),
    [(None, "18100000002", "18100000002"), ("18100000001", "18100000002", "18100000001"),
     ("18100000001", None, "18100000001")],
)  # fmt: skip
def test_the_phone_moves_where_the_survivor_has_none(
    shop: Shop, olds: str | None, youngs: str | None, kept: str
) -> None:
    young, old = a_member(shop, phone=youngs), _older(shop, phone=olds)
    _join(shop, young, old)
    assert _member(shop, old).phone == kept
    assert _member(shop, old).registered_at is not None


def test_following_and_its_gift_count_for_both(shop: Shop) -> None:
    young, old = a_member(shop, follows=True), _older(shop)
    gifted_at = clock.now() - timedelta(days=1)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.get_one(Member, young).follow_gift_at = gifted_at
    _join(shop, young, old)
    kept = _member(shop, old)
    assert (kept.follows, kept.follow_gift_at) == (True, gifted_at)
    assert _member(shop, young).follows is False
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalars(select(Identity.member_id)).all() == [old]


def test_cards_tags_and_audiences_move_without_doubles(shop: Shop) -> None:
    young, old = a_member(shop), _older(shop)
    now = clock.now()
    _add(
        shop,
        MemberCard(member_id=young, number="8001"),
        MemberTag(member_id=young, tag="火锅"),
        MemberTag(member_id=young, tag="生日"),
        MemberTag(member_id=old, tag="火锅"),
    )
    plans = [Campaign(code=c, kind="periodic", name=c, created_at=now) for c in ("a", "b")]
    _add(shop, *plans)
    _add(
        shop,
        AudienceMember(campaign_id=plans[0].id, member_id=young),
        AudienceMember(campaign_id=plans[0].id, member_id=old),
        AudienceMember(campaign_id=plans[1].id, member_id=young),
    )
    _join(shop, young, old)
    with tenancy.acting_for(shop.merchant_id):
        tags = db.session.execute(select(MemberTag.member_id, MemberTag.tag)).all()
        assert sorted(tags) == [(old, "火锅"), (old, "生日")]
        assert db.session.scalars(select(MemberCard.member_id)).all() == [old]
        listed = db.session.execute(select(AudienceMember.campaign_id, AudienceMember.member_id))
        assert sorted(listed.all()) == sorted((plan.id, old) for plan in plans)


@pytest.mark.parametrize(
    ("ours", "theirs", "stores"),
    [
        (None, (["s01"], True), ["s01"]),
        ((["s02"], True), (["s01"], True), ["s01", "s02"]),
        ((["s02"], False), (["s01"], True), ["s01"]),
        ((["s02"], True), (["s01"], False), ["s02"]),
    ],
)
def test_a_verifiers_rights_move(
    shop: Shop,
    ours: tuple[list[str], bool] | None,
    theirs: tuple[list[str], bool],
    stores: list[str],
) -> None:
    young, old = a_member(shop), _older(shop)
    for member, rights in ((old, ours), (young, theirs)):
        if rights:
            _add(
                shop,
                Verifier(
                    member_id=member,
                    stores=list(rights[0]),
                    active=rights[1],
                    bound_at=clock.now(),
                ),
            )
    _join(shop, young, old)
    with tenancy.acting_for(shop.merchant_id):
        bound = db.session.scalars(select(Verifier).where(Verifier.active)).all()
        assert [(v.member_id, v.stores) for v in bound] == [(old, stores)]


def test_the_higher_level_is_kept_and_a_black_mark_too(shop: Shop) -> None:
    young, old = a_member(shop), _older(shop)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        silver = MemberLevel(position=1, name="银卡")
        db.session.add(silver)
        db.session.flush()
        member = db.session.get_one(Member, young)
        member.level_id, member.blacklisted = silver.id, True
    _join(shop, young, old)
    kept = _member(shop, old)
    assert (kept.level_id, kept.blacklisted) == (silver.id, True)


def test_members_of_two_merchants_are_never_joined(shop: Shop) -> None:
    from backend.members.errors import MemberNotFound

    ours, theirs = a_member(shop), a_member(a_shop())
    with pytest.raises(MemberNotFound):
        _join(shop, ours, theirs)


def test_points_move_as_old_as_they_are_and_what_was_spent_comes_back_to_the_survivor(
    shop: Shop, still: StillClock
) -> None:
    set_expiry(shop, 1)
    young, old = a_member(shop), _older(shop)
    with tenancy.acting_for(shop.merchant_id):
        points.earn(young, 70, cause="a", now=still.at)
        points.spend(young, 30, cause="b", now=still.at)
        still.move_to("2026-11-30 08:00")
        points.earn(old, 5, cause="c", now=still.at)
        wallet.recharge(young, recharge_no="R1", principal_fen=1000, now=still.at)
        wallet.pay(young, 400, cause="d", now=still.at)
    _join(shop, young, old)
    assert lots_of(shop, old) == [(70, 40), (5, 5)]
    assert entries_of(shop, young)[-1] == ("join", -40, 0)
    with tenancy.acting_for(shop.merchant_id):
        points.reverse("b", cause="e", now=still.at)
        wallet.refund("d", 400, cause="f", now=still.at)
        assert points_of(shop, old) == 75
        assert _member(shop, old).principal_fen == 1000
        points.expire_due(still.move_to("2026-12-24 00:00"))
    assert points_of(shop, old) == 5
    assert [str(finding) for finding in doctor.check()] == []
