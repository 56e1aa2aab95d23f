"""谁得到, and why not: every reason, in the wave, in the preview and in "why" alike."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from backend import tenancy
from backend.campaigns import figures, offers, waves
from backend.campaigns.models import Grant, GrantState
from backend.campaigns.why import why
from backend.coupons.models import Coupon, CouponTemplate
from backend.database import db, transaction
from backend.merchants.models import Merchant
from tests.backend.campaigns.plans import (
    a_class_plan,
    a_periodic,
    change_member,
    coupons_of,
    gives,
    grants_of,
)
from tests.builders import Shop, a_member, a_shop, a_template
from tests.conftest import StillClock

NINE = "2026-11-23 09:00"


@dataclass
class Scene:
    shop: Shop
    clock: StillClock
    plan: int

    def had(
        self,
        member: int,
        campaign: int,
        *,
        part: str = "new",
        granted: str = "2026-11-16 09:00",
        valid_until: str | None = None,
        state: str = "redeemed",
        claimed: bool = True,
    ) -> None:
        """The member was granted one coupon of that campaign at that time."""
        before = self.clock.at
        at = self.clock.move_to(granted)
        until = self.clock.move_to(valid_until) if valid_until else at + timedelta(days=30)
        self.clock.at = before
        with transaction(), tenancy.acting_for(self.shop.merchant_id):
            offer = offers.current(campaign, part)
            assert offer is not None
            grant = Grant(
                campaign_id=campaign,
                cycle=f"{granted}-{member}",
                member_id=member,
                offer_id=offers.persist(offer).id,
                quantity=1,
                state="claimed" if claimed else "open",
                granted_at=at,
                claimed_at=at if claimed else None,
            )
            db.session.add(grant)
            db.session.flush()
            if claimed:
                line = offer.lines[0]
                db.session.add(
                    Coupon(
                        grant_id=grant.id,
                        piece=1,
                        member_id=member,
                        campaign_id=campaign,
                        template_id=line.template_id,
                        revision_id=line.revision_id,
                        state=state,
                        valid_from=at,
                        valid_until=until,
                        claimed_at=at,
                    )
                )

    def at_nine(self, member: int) -> str | None:
        """Preview, run and ask: all three must say the same. ``-``: not meant at all."""
        at = self.clock.move_to(NINE)
        [foreseen] = figures.preview(at, merchant_id=self.shop.merchant_id)
        with tenancy.acting_for(self.shop.merchant_id):
            asked = why(member, "plan", at=at)
            [wave_id] = waves.open_due(at)
            assert waves.run(wave_id, at=at)
        [did] = figures.preview(at, merchant_id=self.shop.merchant_id)
        assert (did.state, foreseen.state) == ("done", "planned")
        assert (did.matched, did.granted, did.told) == (
            foreseen.matched,
            foreseen.granted,
            foreseen.told,
        )
        assert did.excluded == foreseen.excluded
        assert did.matched == did.granted + sum(did.excluded.values())
        if did.matched == 0:
            assert not asked.granted
            return "-"
        if did.granted:
            assert asked.granted and asked.reason is None
            return None
        [reason] = [name for name, people in did.excluded.items() if people]
        assert (asked.granted, asked.reason) == (False, reason)
        with tenancy.acting_for(self.shop.merchant_id):
            assert why(member, "plan", at=at).reason == reason, "the same afterwards"
        return reason


@pytest.fixture
def scene(app: Flask, clock: StillClock) -> Scene:
    shop = a_shop()
    started = clock.move_to("2026-11-01 08:00")
    for code in ("t-new", "t-ordinary", "t-loyal"):
        a_template(shop, code)
    parts = {part: {"coupons": gives(f"t-{part}")} for part in ("new", "ordinary", "loyal")}
    plan = a_class_plan(shop, parts=parts, at=started)  # type: ignore[arg-type]
    clock.move_to("2026-11-23 08:00")
    return Scene(shop, clock, plan)


@pytest.mark.parametrize("consumptions", [0, 1, 2, 5])
def test_a_follower_without_coupons_gets_those_of_the_class(
    scene: Scene, consumptions: int
) -> None:
    member = a_member(scene.shop, follows=True, consumptions=consumptions)
    assert scene.at_nine(member) is None
    [grant] = grants_of(scene.shop)
    assert grant.state == "claimed" and len(coupons_of(scene.shop, member)) == 1


def test_who_does_not_follow_is_not_meant(scene: Scene) -> None:
    assert scene.at_nine(a_member(scene.shop)) == "-"


def test_black_listed_people_are_not_meant(scene: Scene) -> None:
    member = a_member(scene.shop, follows=True)
    change_member(scene.shop, member, blacklisted=True)
    assert scene.at_nine(member) == "-"


@pytest.mark.parametrize(
    ("state", "valid_until", "reason"),
    [
        ("usable", "2026-12-01 00:00", "holds_coupon"),
        ("locked", "2026-12-01 00:00", "holds_coupon"),
        ("gifting", "2026-12-01 00:00", "holds_coupon"),
        ("usable", "2026-11-23 09:00", None),
        ("usable", "2026-11-23 09:00:01", "holds_coupon"),
        ("redeemed", "2026-12-01 00:00", None),
        ("revoked", "2026-12-01 00:00", None),
    ],
)
def test_who_holds_a_usable_coupon_of_the_programme_is_passed_over(
    scene: Scene, state: str, valid_until: str, reason: str | None
) -> None:
    member = a_member(scene.shop, follows=True, consumptions=1)
    scene.had(member, scene.plan, part="ordinary", state=state, valid_until=valid_until)
    assert scene.at_nine(member) == reason


@pytest.mark.parametrize(
    ("rolling", "granted", "reason"),
    [
        (False, "2026-11-22 23:59:59", None),
        (False, "2026-11-23 00:00", "granted_this_week"),
        (True, "2026-11-16 09:00:00", "granted_this_week"),
        (True, "2026-11-16 08:59:59", None),
    ],
)
def test_this_week_is_natural_from_monday_or_rolling(
    scene: Scene, rolling: bool, granted: str, reason: str | None
) -> None:
    with transaction():
        db.session.get_one(Merchant, scene.shop.merchant_id).rolling_week = rolling
    member = a_member(scene.shop, follows=True, consumptions=2)
    scene.had(member, scene.plan, part="loyal", granted=granted)
    assert scene.at_nine(member) == reason


@pytest.mark.parametrize(
    ("online", "claimed", "granted", "reason"),
    [
        (True, True, "2026-11-23 08:00", "online_activity"),
        (True, True, "2026-11-22 23:00", None),
        (True, False, "2026-11-23 08:00", None),
        (False, True, "2026-11-23 08:00", None),
    ],
)
def test_who_claimed_in_an_online_activity_this_week_is_passed_over(
    scene: Scene, online: bool, claimed: bool, granted: str, reason: str | None
) -> None:
    other = a_periodic(
        scene.shop, online_activity=online, timetable={"every": "day", "at": "23:59"}
    )
    member = a_member(scene.shop, follows=True, consumptions=1)
    scene.had(member, other, part="", granted=granted, claimed=claimed)
    assert scene.at_nine(member) == reason


@pytest.mark.parametrize(("consumptions", "outcome"), [(0, "-"), (1, None), (2, None)])
def test_again_when_gone_is_off_for_new_customers_only(
    scene: Scene, consumptions: int, outcome: str | None
) -> None:
    part = ("new", "ordinary", "loyal")[consumptions]
    member = a_member(scene.shop, follows=True, consumptions=consumptions)
    scene.had(member, scene.plan, part=part)
    assert scene.at_nine(member) == outcome


def test_who_still_holds_the_first_gift_is_counted_as_holding(scene: Scene) -> None:
    member = a_member(scene.shop, follows=True)
    scene.had(member, scene.plan, state="usable")
    assert scene.at_nine(member) == "holds_coupon"


def test_a_person_who_moved_up_gets_the_coupons_of_the_new_class(scene: Scene) -> None:
    member = a_member(scene.shop, follows=True, consumptions=1)
    scene.had(member, scene.plan, part="new")
    assert scene.at_nine(member) is None


@pytest.mark.parametrize(("granted", "reason"), [(1, None), (2, "limit")])
def test_the_templates_limit_per_member_holds(
    scene: Scene, granted: int, reason: str | None
) -> None:
    with transaction(), tenancy.acting_for(scene.shop.merchant_id):
        db.session.execute(update(CouponTemplate).values(per_member=2))
    member = a_member(scene.shop, follows=True, consumptions=1)
    for day in range(granted):
        scene.had(member, scene.plan, part="ordinary", granted=f"2026-11-{10 + day} 09:00")
    assert scene.at_nine(member) == reason


@pytest.mark.parametrize(("until", "reason"), [("2026-11-24", "limit"), ("2026-11-20", None)])
def test_what_waits_behind_a_link_counts_against_the_limit_as_for_one_person(
    scene: Scene, until: str, reason: str | None
) -> None:
    """structure, fault 4: the wave judges as ``limits`` does."""
    with transaction(), tenancy.acting_for(scene.shop.merchant_id):
        db.session.execute(update(CouponTemplate).values(per_member=1))
    member = a_member(scene.shop, follows=True, consumptions=1)
    scene.had(member, scene.plan, part="ordinary", granted="2026-11-10 09:00", claimed=False)
    before, ends = scene.clock.at, scene.clock.move_to(f"{until} 09:00")
    scene.clock.at = before
    with transaction(), tenancy.acting_for(scene.shop.merchant_id):
        db.session.execute(update(Grant).values(state=GrantState.LINKED, claim_until=ends))
    assert scene.at_nine(member) == reason


@pytest.mark.parametrize("state", ["usable", "granted this week", "had the first gift"])
def test_what_a_joined_row_received_counts_for_the_survivor(scene: Scene, state: str) -> None:
    old = a_member(scene.shop, follows=True)
    member = a_member(scene.shop, follows=True)
    if state == "usable":
        scene.had(old, scene.plan, state="usable")
    elif state == "granted this week":
        scene.had(old, scene.plan, part="ordinary", granted="2026-11-23 01:00")
        change_member(scene.shop, member, customer_class="ordinary")
    else:
        scene.had(old, scene.plan)
    change_member(scene.shop, old, alias_of_id=member, follows=False)
    outcomes = {"usable": "holds_coupon", "granted this week": "granted_this_week"}
    assert scene.at_nine(member) == outcomes.get(state, "-")


@pytest.mark.parametrize(("control_bp", "share"), [(0, 0), (2000, 0.2), (10000, 1)])
def test_a_control_group_is_a_share_of_members_and_stays_the_same(
    app: Flask, clock: StillClock, control_bp: int, share: float
) -> None:
    shop = a_shop()
    a_class_plan(shop, control_bp=control_bp)
    with transaction(), tenancy.acting_for(shop.merchant_id):
        from backend.members.models import Member

        db.session.add_all(Member(joined_at=clock.at, follows=True) for _ in range(1000))
    at = clock.move_to(NINE)
    [first] = figures.preview(at, merchant_id=shop.merchant_id)
    [second] = figures.preview(at, merchant_id=shop.merchant_id)
    assert first == second
    assert abs(first.excluded["control_group"] - 1000 * share) <= 60


def test_a_wave_of_one_merchant_leaves_the_others_alone(scene: Scene) -> None:
    other = a_shop()
    a_class_plan(other, "theirs", at=scene.clock.at)
    a_member(other, follows=True)
    mine = a_member(scene.shop, follows=True)
    at = scene.clock.move_to(NINE)
    for wave_id in waves.open_due(at):
        with tenancy.acting_for(scene.shop.merchant_id):
            waves.run(wave_id, at=at)
    assert [g.member_id for g in grants_of(scene.shop)] == [mine]
    assert grants_of(other) == []


def test_a_preview_writes_nothing(scene: Scene) -> None:
    a_member(scene.shop, follows=True)
    at = scene.clock.move_to(NINE)
    assert figures.preview(at)[0].granted == 1
    db.session.rollback()
    assert grants_of(scene.shop) == []
    from sqlalchemy import select

    from backend.campaigns.models import Offer, Wave

    with tenancy.acting_for(scene.shop.merchant_id):
        assert db.session.scalars(select(Offer)).all() == []
        assert db.session.scalars(select(Wave)).all() == []
