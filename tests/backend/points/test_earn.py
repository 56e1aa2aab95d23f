"""积分规则 in the manual's numbers: per level, floor, the day's highest multiple once (R-09)."""

import pytest
from flask import Flask
from pydantic import JsonValue
from sqlalchemy import select

from backend import tenancy
from backend.campaigns import lifecycle, programmes
from backend.campaigns.draft import CampaignDraft
from backend.campaigns.errors import CampaignInvalid
from backend.database import db
from backend.members.models import MemberLevel
from backend.points.earn import EarnRule, Multiple, counted_fen, points_for, rules_for
from tests.builders import Shop, a_shop
from tests.conftest import StillClock

ONE_PER_YUAN = EarnRule(per_fen=100, points=1)


@pytest.mark.parametrize(
    ("payable_fen", "rule", "times", "points"),
    [
        (284_00, ONE_PER_YUAN, 1, 284),
        (284_00, ONE_PER_YUAN, 2, 568),
        (284_99, ONE_PER_YUAN, 3, 852),
        (99, ONE_PER_YUAN, 5, 0),
        (284_00, EarnRule(per_fen=100, points=2), 1, 568),
        (284_00, EarnRule(per_fen=1000, points=1), 1, 28),
        (284_00, EarnRule(), 3, 0),
        (-100, ONE_PER_YUAN, 1, 0),
    ],
)
def test_points_are_the_floor_of_the_rule_and_then_multiplied(
    payable_fen: int, rule: EarnRule, times: int, points: int
) -> None:
    assert points_for(payable_fen, rule=rule, multiple=Multiple(times)) == points


def test_what_coupons_and_balance_pay_counts_unless_switched_off() -> None:
    paid = {"coupons_fen": 100_00, "balance_fen": 84_00}
    assert counted_fen(284_00, rule=ONE_PER_YUAN, **paid) == 284_00
    only_money = EarnRule(points=1, count_coupons=False, count_balance=False)
    assert counted_fen(284_00, rule=only_money, **paid) == 100_00


@pytest.fixture
def shop(app: Flask) -> Shop:
    shop = a_shop()
    with tenancy.acting_for(shop.merchant_id):
        db.session.add(MemberLevel(position=1, name="银卡"))
        db.session.commit()
    return shop


def run(shop: Shop, code: str, kind: str, clock: StillClock, **settings: JsonValue) -> int:
    with tenancy.acting_for(shop.merchant_id):
        draft = CampaignDraft(code=code, kind=kind, settings=programmes.parse(kind, settings))
        campaign = lifecycle.save(draft, now=clock.at)
        lifecycle.start(campaign.id, now=clock.at)
        return campaign.id


def earned(shop: Shop, level: str | None, clock: StillClock) -> int:
    with tenancy.acting_for(shop.merchant_id):
        rules = rules_for(level, at=clock.at)
        return points_for(284_00, rule=rules.rule, multiple=rules.multiple)


def test_each_level_earns_by_its_rule_and_others_by_that_of_everybody(
    shop: Shop, clock: StillClock
) -> None:
    assert earned(shop, "普通会员", clock) == 0
    levels = {"银卡": {"per_fen": 100, "points": 2}}
    run(shop, "cp", "consumption_points", clock, per_fen=100, points=1, levels=levels)
    assert [earned(shop, level, clock) for level in (None, "普通会员", "银卡")] == [284, 284, 568]


def test_on_a_day_of_several_multiples_the_highest_holds_once(
    shop: Shop, clock: StillClock
) -> None:
    run(shop, "cp", "consumption_points", clock, per_fen=100, points=1)
    day = {"from": "2026-11-23", "to": "2026-11-24"}
    run(shop, "hp1", "holiday_points", clock, ranges=[day], multiple=2)
    run(shop, "hp2", "holiday_points", clock, weekdays=[1], multiple={"银卡": 3})
    assert [earned(shop, level, clock) for level in ("普通会员", "银卡")] == [568, 852]
    clock.move_to("2026-11-24 23:59")
    assert earned(shop, "银卡", clock) == 568
    clock.move_to("2026-11-25 00:00")
    assert earned(shop, "银卡", clock) == 284


def test_a_bill_of_the_time_before_a_pause_still_earns(shop: Shop, clock: StillClock) -> None:
    campaign = run(shop, "cp", "consumption_points", clock, per_fen=100, points=1)
    clock.move_to("2026-11-23 12:00")
    with tenancy.acting_for(shop.merchant_id):
        lifecycle.pause(campaign, now=clock.at)
    assert earned(shop, None, clock) == 0
    clock.move_to("2026-11-23 11:59")
    assert earned(shop, None, clock) == 284


@pytest.mark.parametrize(
    ("kind", "settings", "field"),
    [
        ("consumption_points", {"per_fen": 0, "points": 1}, "per_fen"),
        ("registration_points", {}, "points"),
        ("holiday_points", {"multiple": 2}, ""),
        (
            "holiday_points",
            {"multiple": 2, "ranges": [{"from": "2026-10-01", "to": "2026-10-01"}] * 11},
            "ranges",
        ),
        (
            "holiday_points",
            {"multiple": 2, "ranges": [{"from": "2026-10-02", "to": "2026-10-01"}]},
            "ranges.0",
        ),
    ],
)
def test_wrong_rules_are_refused_by_field(
    app: Flask, kind: str, settings: dict[str, JsonValue], field: str
) -> None:
    with pytest.raises(CampaignInvalid) as refused:
        programmes.parse(kind, settings)
    errors = refused.value.detail["errors"]
    assert isinstance(errors, list) and isinstance(errors[0], dict)
    assert errors[0]["field"] == field


def test_a_second_rule_and_an_unknown_level_are_refused(shop: Shop, clock: StillClock) -> None:
    run(shop, "rp", "registration_points", clock, points=50)
    with pytest.raises(CampaignInvalid):
        run(shop, "rp2", "registration_points", clock, points=60)
    run(shop, "rp", "registration_points", clock, points=60)
    with pytest.raises(CampaignInvalid):
        run(shop, "hp", "holiday_points", clock, weekdays=[3], multiple={"金卡": 3})
    with tenancy.acting_for(shop.merchant_id):
        assert db.session.scalar(select(MemberLevel.id).where(MemberLevel.name == "金卡")) is None
