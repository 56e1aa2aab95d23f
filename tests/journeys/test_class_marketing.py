"""第一章 票券营销 (S0): a plan from its opening to its waves, through jobs and the clock."""

import json
from dataclasses import replace

import pytest
from flask import Flask

from backend import tenancy
from backend.calendar import SHANGHAI, local
from backend.campaigns import grants, lifecycle, queries, schedule, templates
from backend.campaigns.draft import draft_of
from backend.campaigns.errors import CampaignIncomplete
from backend.campaigns.kinds.class_marketing import DEFAULT_CODE
from backend.coupons.kinds import CouponKind, face, parse_rule
from backend.coupons.models import TemplateRevision
from tests.backend.campaigns.plans import (
    a_class_plan,
    campaign,
    coupons_of,
    gives,
    grants_of,
)
from tests.builders import Shop, a_member, a_shop, a_template
from tests.conftest import StillClock
from tests.journeys.working import work


def default_plan(shop: Shop, clock: StillClock) -> int:
    with tenancy.acting_for(shop.merchant_id):
        return lifecycle.open_default_plan(shop.merchant_id, now=clock.at).id


def test_S0_04_S0_05_S0_06_S0_07_each_class_gets_its_own_coupons_at_nine(
    app: Flask, clock: StillClock
) -> None:
    shop = a_shop()
    clock.move_to("2026-11-22 20:00")
    a_class_plan(shop)
    new, ordinary, loyal = (a_member(shop, follows=True, consumptions=n) for n in (0, 1, 2))
    clock.move_to("2026-11-23 08:59:59")
    work()
    assert coupons_of(shop) == [], "never early"
    clock.move_to("2026-11-23 09:00")
    work()
    titles = {c.member_id: c.template_id for c in coupons_of(shop)}
    assert set(titles) == {new, ordinary, loyal} and len(set(titles.values())) == 3


def test_S0_08_who_still_holds_a_coupon_waits_until_it_is_gone(
    app: Flask, clock: StillClock
) -> None:
    """Granted on Monday with 2 days; held at 16:00; granted this week until Monday comes."""
    shop = a_shop()
    a_template(shop, "two-days", days=2)
    clock.move_to("2026-11-22 20:00")
    a_class_plan(shop, parts={"ordinary": {"coupons": gives("two-days")}})
    member = a_member(shop, follows=True, consumptions=1)
    granted = []
    for day in range(23, 31):
        for slot in ("09:00", "16:00"):
            clock.move_to(f"2026-11-{day} {slot}")
            before = len(coupons_of(shop, member))
            work()
            if len(coupons_of(shop, member)) > before:
                granted.append(f"{day} {slot}")
    assert granted == ["23 09:00", "30 09:00"]


def test_S0_18_a_plan_nobody_edited_issues_its_defaults(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    clock.move_to("2026-11-23 08:00")
    plan = default_plan(shop, clock)
    assert campaign(shop, plan).edited_at is None and campaign(shop, plan).code == DEFAULT_CODE
    members = [a_member(shop, follows=True, consumptions=n) for n in (0, 1, 2)]
    clock.move_to("2026-11-23 09:00")
    work()
    faces = []
    for member in members:
        [coupon] = coupons_of(shop, member)
        with tenancy.acting_for(shop.merchant_id):
            promise = tenancy.find(TemplateRevision, coupon.revision_id)
        assert promise is not None
        rule = parse_rule(CouponKind(promise.kind), promise.rule)
        shown = face(rule, minimum_fen=promise.minimum_fen)
        faces.append((shown.value, shown.condition, f"{local(coupon.valid_until, SHANGHAI):%m-%d}"))
    assert faces == [
        ("¥10", "满50可用", "11-30"),
        ("¥15", "每满100减15", "12-08"),
        ("¥20", "每满100减20", "12-23"),
    ]


def test_S0_18_an_edit_before_nine_is_what_the_wave_issues(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    clock.move_to("2026-11-23 08:00")
    plan = default_plan(shop, clock)
    member = a_member(shop, follows=True)
    clock.move_to("2026-11-23 08:30")
    with tenancy.acting_for(shop.merchant_id):
        settings = queries.by_code(DEFAULT_CODE)
        assert settings is not None
        draft = draft_of(settings)
        a_template(shop, "better")
        better = draft.settings.model_copy(
            update={
                "parts": draft.settings.parts.model_copy(  # type: ignore[union-attr]
                    update={
                        "new": draft.settings.parts.new.model_validate(  # type: ignore[union-attr]
                            {"coupons": gives("better")}
                        )
                    }
                )
            }
        )
        edited = lifecycle.save(replace(draft, settings=better), now=clock.at)
        [coming] = schedule.next_dates(edited, zone=queries.calendar().zone, n=1, now=clock.at)
        assert coming == clock.move_to("2026-11-23 09:00")
    assert campaign(shop, plan).edited_at is not None
    work()
    [coupon] = coupons_of(shop, member)
    with tenancy.acting_for(shop.merchant_id):
        template = templates.by_code("better")
        assert template is not None and coupon.template_id == template.id


def test_S0_21_a_grey_switch_grants_nothing_and_takes_nothing_back(
    app: Flask, clock: StillClock
) -> None:
    shop = a_shop()
    plan = a_class_plan(shop)
    early, late = a_member(shop, follows=True), a_member(shop, follows=True)
    with tenancy.acting_for(shop.merchant_id):
        assert grants.give_on_follow(early, now=clock.at)
        lifecycle.pause(plan, now=clock.at)
        assert grants.give_on_follow(late, now=clock.at) is None
    clock.move_to("2026-11-23 09:00")
    work()
    assert [c.member_id for c in coupons_of(shop)] == [early]
    with tenancy.acting_for(shop.merchant_id):
        lifecycle.start(plan, now=clock.at)
    clock.move_to("2026-11-23 16:00")
    work()
    assert [c.member_id for c in coupons_of(shop)] == [early, late]


def test_S0_21_a_plan_with_nothing_to_give_says_what_is_missing(
    app: Flask, clock: StillClock
) -> None:
    shop = a_shop()
    a_template(shop, "gone", stock=0)
    parts = {"new": {"coupons": []}, "loyal": {"coupons": gives("gone", quantity=99) * 2}}
    with pytest.raises(CampaignIncomplete) as refused:
        a_class_plan(shop, parts=parts)  # type: ignore[arg-type]
    errors = refused.value.detail["errors"]
    assert [(e["field"], e["message"]) for e in errors] == [  # type: ignore[union-attr, index, call-overload]
        ("parts.new.coupons", "没有选择优惠券"),
        ("parts.loyal.coupons", "一次最多可发100张优惠券"),
        ("parts.loyal.coupons", "券模板“gone”库存不足，还剩0张"),
        ("parts.loyal.coupons", "券模板“gone”库存不足，还剩0张"),
    ]


def test_S0_28_a_tick_five_minutes_late_still_serves_everybody_once(
    app: Flask, clock: StillClock
) -> None:
    shop = a_shop()
    a_class_plan(shop)
    a_member(shop, follows=True)
    clock.move_to("2026-11-23 09:04:59")
    work()
    work()
    assert len(coupons_of(shop)) == 1
    assert [g.granted_at for g in grants_of(shop)] == [clock.move_to("2026-11-23 09:00")]


def test_the_commands_say_the_same_before_and_after(app: Flask, clock: StillClock) -> None:
    """spec/09: waves preview, waves run, why."""
    shop = a_shop("xinghuo")
    a_class_plan(shop)
    a_member(shop, follows=True, phone="13800000001")
    holder = a_member(shop, follows=True, phone="13800000002")
    with tenancy.acting_for(shop.merchant_id):
        assert grants.give_on_follow(holder, now=clock.at)
    clock.move_to("2026-11-23 09:30")
    at = "2026-11-23T09:00:00+08:00"
    cli = app.test_cli_runner()
    expected = {
        "merchant": "xinghuo",
        "campaign": "plan",
        "cycle": "2026-11-23@09:00",
        "matched": 2,
        "granted": 1,
        "excluded": {
            "holds_coupon": 1,
            "granted_this_week": 0,
            "online_activity": 0,
            "stock": 0,
            "limit": 0,
            "budget": 0,
            "control_group": 0,
        },
        "told": 1,
        "failed": 0,
    }
    foreseen = cli.invoke(args=["waves", "preview", "--at", at])
    assert json.loads(foreseen.output) == {**expected, "state": "planned"}
    ran = cli.invoke(args=["waves", "run", "--at", at])
    assert json.loads(ran.output) == {**expected, "state": "done"}
    again = cli.invoke(args=["waves", "run", "--at", at])
    assert again.output == ran.output
    asked = cli.invoke(
        args=["why", "--merchant", "xinghuo", "--campaign", "plan", "--phone", "13800000002"]
    )
    assert json.loads(asked.output) == {
        "member": holder,
        "campaign": "plan",
        "cycle": "2026-11-23@09:00",
        "granted": False,
        "reason": "holds_coupon",
        "text": "手上还有没用完的票券营销券",
    }
    early = cli.invoke(args=["waves", "run", "--at", "2026-11-23T16:00:00+08:00"])
    assert early.exit_code == 1
