"""会员等级: what figures reach, what is missing, up at a bill and down at a refund (S2-37…39)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from backend import tenancy
from backend.database import db
from backend.members import levels as levels_module
from backend.members import spending
from backend.members.levels import (
    Figures,
    Level,
    Match,
    Occasion,
    level_reached,
    missing_for,
    next_level,
)
from backend.members.models import Member, MemberLevel
from backend.members.view import member_view
from backend.membership import levels
from backend.membership.recharging import outlook, recharge, reverse
from backend.merchants.models import Merchant, Role
from backend.merchants.queries import place
from backend.messaging.models import Intent
from backend.wallet import ledger
from tests.admin.desk import Visitor, a_person
from tests.builders import Shop, a_member, a_shop, a_store, reread
from tests.conftest import StillClock
from tests.journeys.shops import apply_setup, edit

FIRST = Level(1, 0, "普通会员")
SILVER = Level(2, 1, "银卡", Figures(amount_fen=1000_00, times=10, recharge_fen=500_00))
GOLD = Level(3, 2, "金卡", Figures(amount_fen=3000_00, times=30))


@pytest.mark.parametrize(
    ("yuan", "times", "recharged_yuan", "match", "reached"),
    [
        (999, 9, 499, Match.ANY, None),
        (1000, 0, 0, Match.ANY, SILVER),
        (0, 10, 0, Match.ANY, SILVER),
        (0, 0, 500, Match.ANY, SILVER),
        (3200, 1, 0, Match.ANY, GOLD),
        (3200, 1, 0, Match.ALL, None),
        (1000, 10, 500, Match.ALL, SILVER),
        (3000, 30, 0, Match.ALL, GOLD),
    ],
)
def test_the_highest_level_whose_figures_are_reached(
    yuan: int, times: int, recharged_yuan: int, match: Match, reached: Level | None
) -> None:
    figures = Figures(yuan * 100, times, recharged_yuan * 100)
    assert level_reached([FIRST, SILVER, GOLD], figures, match) == reached


def test_what_is_missing_for_the_next_level() -> None:
    missing = missing_for(SILVER, Figures(900_00, 12, 0), Match.ALL)
    assert missing.figures == Figures(100_00, 0, 500_00)
    assert missing_for(GOLD, Figures(0, 0, 0), Match.ANY).figures.recharge_fen is None


@pytest.fixture
def shop(app: Flask) -> Shop:
    shop = a_shop()
    with tenancy.acting_for(shop.merchant_id):
        for position, (name, fen) in enumerate((("银卡", 1000_00), ("金卡", 3000_00)), start=1):
            db.session.add(
                MemberLevel(position=position, name=name, upgrade={"amount_fen": fen, "times": 50})
            )
        db.session.commit()
    return shop


def pays(shop: Shop, member: int, bill: int, yuan: int, clock: StillClock) -> list[str]:
    """Settle a bill; the levels that it passes."""
    with tenancy.acting_for(shop.merchant_id):
        spending.add_bill(
            member, bill_id=bill, paid_fen=yuan * 100, spent_at=clock.at, now=clock.at
        )
        move = levels.judge(member, cause=f"bill-{bill}", now=clock.at)
        return [level.name for level in move.passed] if move else []


def refunded(shop: Shop, member: int, bill: int, clock: StillClock) -> str:
    with tenancy.acting_for(shop.merchant_id):
        spending.reverse_bill(bill, now=clock.at)
        levels.judge(member, cause=f"refund-{bill}", occasion=Occasion.WENT_BACK, now=clock.at)
    return level_of(shop, member)


def level_of(shop: Shop, member: int) -> str:
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return db.session.scalars(
            select(MemberLevel.name)
            .join(Member, Member.level_id == MemberLevel.id)
            .where(Member.id == member)
        ).one()


def setting(shop: Shop, **values: str) -> None:
    with tenancy.across_merchants("a test sets a merchant's rule"):
        merchant = db.session.get_one(Merchant, shop.merchant_id)
        for name, value in values.items():
            setattr(merchant, name, value)
        db.session.commit()


def test_one_bill_may_climb_two_steps_and_its_refund_goes_back_down(
    shop: Shop, clock: StillClock
) -> None:
    member = a_member(shop)
    assert pays(shop, member, 1, 999, clock) == []
    assert pays(shop, member, 2, 2500, clock) == ["银卡", "金卡"]
    assert pays(shop, member, 3, 10, clock) == []
    assert refunded(shop, member, 2, clock) == "银卡"
    assert refunded(shop, member, 1, clock) == "普通会员"
    with tenancy.acting_for(shop.merchant_id):
        told = db.session.scalars(select(Intent).order_by(Intent.id)).all()
        assert [(each.purpose, each.facts["title"], each.facts["level"]) for each in told] == [
            ("level_changed", "会员升级", "金卡"),
            ("level_changed", "会员等级变动", "银卡"),
            ("level_changed", "会员等级变动", "普通会员"),
        ]


def test_a_level_that_was_given_by_an_import_stays_at_a_refund(
    shop: Shop, clock: StillClock
) -> None:
    member = a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        silver = db.session.scalars(select(MemberLevel).where(MemberLevel.name == "银卡")).one()
        db.session.get_one(Member, member).level_id = silver.id
        db.session.commit()
    pays(shop, member, 1, 50, clock)
    assert refunded(shop, member, 1, clock) == "银卡"
    assert pays(shop, member, 2, 3000, clock) == ["金卡"]
    assert refunded(shop, member, 2, clock) == "银卡"


def test_a_kept_level_falls_only_at_the_review_of_its_period(shop: Shop, clock: StillClock) -> None:
    setting(shop, levels_keep="month", levels_reviewed="2026-11", levels_period="12_months")
    member, steady = a_member(shop), a_member(shop)
    assert levels.review_due(clock.at) == 0
    pays(shop, member, 1, 1000, clock)
    pays(shop, steady, 2, 1000, clock)
    assert refunded(shop, member, 1, clock) == "银卡"
    clock.move_to("2026-11-30 23:59")
    assert levels.review_due(clock.at) == 0
    clock.move_to("2026-12-01 00:00")
    assert levels.review_due(clock.at) == 1
    assert levels.review_due(clock.at) == 0
    assert (level_of(shop, member), level_of(shop, steady)) == ("普通会员", "银卡")
    clock.move_to("2027-12-01 00:00")
    assert levels.review_due(clock.at) == 1
    assert level_of(shop, steady) == "普通会员"


def _keeps_by_file(app: Flask, folder: Path, shop: Shop, kept: str) -> None:
    apply_setup(app, folder, f"merchants: [{{code: {shop.code}, levels_keep: {kept}}}]")


def _keeps_at_the_desk(app: Flask, _folder: Path, shop: Shop, kept: str) -> None:
    rules = {"levels_match": "any", "levels_period": "all", "levels_keep": kept}
    visitor = Visitor(app)
    visitor.sign_in(a_person(shop, Role.OWNER, login=f"keeps-{kept}"))
    assert edit(visitor, "/admin/levels/rules/", **rules).status_code == 302


@pytest.mark.parametrize("keeps", [_keeps_by_file, _keeps_at_the_desk])
def test_a_shop_that_stood_still_at_its_first_periods_end_is_reviewed_when_it_runs_again(
    app: Flask,
    tmp_path: Path,
    shop: Shop,
    clock: StillClock,
    keeps: Callable[[Flask, Path, Shop, str], None],
) -> None:
    """Field case C: nothing ran from the choice until three weeks into the next month."""
    keeps(app, tmp_path, shop, "month")
    member = a_member(shop)
    pays(shop, member, 1, 1000, clock)
    assert refunded(shop, member, 1, clock) == "银卡"
    clock.move_to("2026-12-21 08:00")
    assert levels.review_due(clock.at) == 1
    assert level_of(shop, member) == "普通会员"
    assert levels.review_due(clock.at) == 0


@pytest.mark.parametrize("keeps", [_keeps_by_file, _keeps_at_the_desk])
def test_another_period_chosen_reviews_nobody_before_its_end(
    app: Flask,
    tmp_path: Path,
    shop: Shop,
    clock: StillClock,
    keeps: Callable[[Flask, Path, Shop, str], None],
) -> None:
    keeps(app, tmp_path, shop, "month")
    member = a_member(shop)
    pays(shop, member, 1, 1000, clock)
    assert refunded(shop, member, 1, clock) == "银卡"
    keeps(app, tmp_path, shop, "year")
    clock.move_to("2026-12-31 23:59")
    assert levels.review_due(clock.at) == 0
    clock.move_to("2027-01-01 00:00")
    assert levels.review_due(clock.at) == 1


def test_only_the_last_12_months_count_where_set_so(shop: Shop, clock: StillClock) -> None:
    setting(shop, levels_period="12_months")
    member = a_member(shop)
    pays(shop, member, 1, 600, clock)
    clock.move_to("2027-11-24 08:00")
    assert pays(shop, member, 2, 600, clock) == []
    with tenancy.acting_for(shop.merchant_id):
        missing = next_level(member, now=clock.at)
    assert missing is not None
    assert (missing.level, missing.figures) == ("银卡", Figures(400_00, 49, None))
    assert pays(shop, member, 3, 400, clock) == ["银卡"]
    clock.move_to("2029-01-01 08:00")
    assert pays(shop, member, 4, 1, clock) == []
    assert level_of(shop, member) == "银卡"


def test_what_came_takes_no_level_whatever_its_store_is_called(
    shop: Shop, clock: StillClock
) -> None:
    """Control: the same judgement after something that went back takes it."""
    setting(shop, levels_period="12_months")
    a_store(shop, "refund", "退税广场")
    member = a_member(shop)
    assert pays(shop, member, 1, 1000, clock) == ["银卡"]
    clock.move_to("2027-12-01 08:00")
    with tenancy.acting_for(shop.merchant_id):
        here = place("refund")
        recharge(member, number="R1", principal_fen=100, here=here, now=clock.at)
        assert member_view(member).level == "银卡"
        why = {"reversal": "V1", "reason": "输错", "actor": "boss"}
        reverse("R1", **why, here=here, now=clock.at)
        assert member_view(member).level == "普通会员"


@pytest.mark.parametrize("period", ["all", "12_months"])
@pytest.mark.parametrize("kept", ["none", "month"])
@pytest.mark.parametrize("later", ["2026-11-23 09:00", "2027-12-01 09:00"])
def test_what_a_reversal_would_do_to_a_level_is_what_it_does(
    shop: Shop, clock: StillClock, period: str, kept: str, later: str
) -> None:
    setting(shop, levels_period=period, levels_keep=kept, levels_reviewed="2026-11")
    member = a_member(shop, phone="13800000001")
    with tenancy.acting_for(shop.merchant_id):
        silver = db.session.scalars(select(MemberLevel).where(MemberLevel.name == "银卡")).one()
        silver.upgrade = {"recharge_fen": 10000}
        db.session.commit()
        here = place("s01")
        recharge(member, number="R1", principal_fen=20000, here=here, now=clock.at)
        assert member_view(member).level == "银卡"
        clock.move_to(later)
        recharge(member, number="R2", principal_fen=5000, here=here, now=clock.at)
        for number in ("R2", "R1"):
            told = outlook(number, store_code="s01", now=clock.at)
            assert told.is_whole and told.member.level == member_view(member).level
            why = {"reversal": f"V-{number}", "reason": "输错", "actor": "boss"}
            done = reverse(number, **why, here=here, now=clock.at)
            assert done.member.level == told.level_after, number


def test_a_recharge_counts_and_the_highest_level_misses_nothing(
    shop: Shop, clock: StillClock
) -> None:
    member = a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        gold = db.session.scalars(select(MemberLevel).where(MemberLevel.name == "金卡")).one()
        gold.upgrade = {"recharge_fen": 10000}
        db.session.commit()
        ledger.recharge(member, recharge_no="R1", principal_fen=10000, now=clock.at)
        move = levels_module.judge(member, cause="recharge-R1", now=clock.at)
        assert move is not None and move.after.name == "金卡"
        assert next_level(member, now=clock.at) is None
