"""每日数据: what pages read of roll-ups is what the ledgers say, at any time. (scale, spec/07)"""

import random
from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from backend import clock, tenancy
from backend.calendar import SHANGHAI
from backend.campaigns.models import Grant
from backend.coupons.models import Coupon
from backend.database import db, transaction
from backend.redemption.models import Redemption
from backend.reports import doctor, rollup
from backend.reports.models import DailyFigure
from backend.reports.rollup import Life
from backend.sales.models import Bill
from tests.admin.large import _bulk
from tests.admin.test_large import on_sqlite, plans, wide_reads
from tests.builders import Shop, a_shop, reread
from tests.conftest import StillClock

CAMPAIGNS, TEMPLATES, DAYS = (1, 2, 3), (11, 12), 20
FIRST = datetime(2026, 11, 1, tzinfo=SHANGHAI)
Days = list[tuple[object, ...]]


def a_life(shop: Shop, chance: random.Random) -> None:
    """Twenty days of grants, claims, bills and undoings, at any minute."""

    def at(after: datetime = FIRST) -> datetime:
        minutes = int((FIRST + timedelta(days=DAYS) - after).total_seconds() // 60)
        return after + timedelta(minutes=chance.randrange(minutes) if minutes > 0 else 0)

    with transaction(), tenancy.acting_for(shop.merchant_id):
        bills = [
            {
                "store_id": shop.store_id, "number": f"R{n}", "fingerprint": "x",
                "settled_at": when, "recorded_at": when, "lines_fen": 1000,
                "paid_fen": chance.randrange(1, 900), "answer": {},
            }
            for n in range(25)
            for when in [at()]
        ]  # fmt: skip
        bill_ids = _bulk(shop, Bill, bills)
        grants = [
            {
                "campaign_id": chance.choice(CAMPAIGNS), "cycle": f"{shop.code}-{n}", "offer_id": 1,
                "member_id": chance.randrange(1, 12), "quantity": chance.randrange(1, 4),
                "state": "claimed", "granted_at": when, "claimed_at": at(when),
            }
            for n in range(60)
            for when in [at()]
        ]  # fmt: skip
        grant_ids = _bulk(shop, Grant, grants)
        coupons = [
            {
                "grant_id": grant_id, "piece": piece, "member_id": grant["member_id"],
                "campaign_id": grant["campaign_id"], "template_id": chance.choice(TEMPLATES),
                "revision_id": 1, "claimed_at": grant["claimed_at"], "state": "usable",
                "valid_from": FIRST, "valid_until": FIRST + timedelta(days=99),
            }
            for grant_id, grant in zip(grant_ids, grants, strict=True)
            for piece in range(1, int(str(grant["quantity"])) + 1)
        ]  # fmt: skip
        redemptions = []
        for coupon_id, coupon in zip(_bulk(shop, Coupon, coupons), coupons, strict=True):
            if chance.random() < 0.6:
                bill = chance.choice([None, *range(len(bills))])
                when = at() if bill is None else bills[bill]["settled_at"]
                undone = chance.random() < 0.4
                redemptions.append({
                    "coupon_id": coupon_id, "live_key": None if undone else coupon_id,
                    "campaign_id": coupon["campaign_id"], "member_id": coupon["member_id"],
                    "store_id": shop.store_id, "bill_id": None if bill is None else bill_ids[bill],
                    "reduction_fen": chance.choice([None, 5, 70]), "at": when, "by": "till",
                    "undone_at": at(when) if undone else None,
                })  # fmt: skip
        _bulk(shop, Redemption, redemptions)
    reread()


def counted(campaign_id: int) -> Life:
    """The plain count of the ledgers."""
    live = Redemption.campaign_id == campaign_id, Redemption.live_key.is_not(None)
    granted, people = db.session.execute(
        select(func.sum(Grant.quantity), func.count(func.distinct(Grant.member_id))).where(
            Grant.campaign_id == campaign_id
        )
    ).one()
    claimed = select(func.count()).select_from(Coupon).where(Coupon.campaign_id == campaign_id)
    bills = select(Redemption.bill_id).where(*live)
    return Life(
        granted=int(granted or 0),
        people=int(people or 0),
        claimed=db.session.scalar(claimed) or 0,
        redeemed=db.session.scalar(select(func.count(Redemption.id)).where(*live)) or 0,
        reduction_fen=int(
            db.session.scalar(select(func.sum(Redemption.reduction_fen)).where(*live)) or 0
        ),
        sales_fen=int(
            db.session.scalar(select(func.sum(Bill.paid_fen)).where(Bill.id.in_(bills))) or 0
        ),
    )


def counted_template(template_id: int) -> tuple[int, int]:
    of_it = Coupon.template_id == template_id
    used = select(func.count(Redemption.id)).join(Coupon, Coupon.id == Redemption.live_key)
    return (
        db.session.scalar(select(func.count(Coupon.id)).where(of_it)) or 0,
        db.session.scalar(used.where(of_it)) or 0,
    )


def rows() -> Days:
    """What is kept, without when it was made."""
    kept = DailyFigure
    return [
        tuple(row)
        for row in db.session.execute(
            select(kept.day, kept.figure, kept.campaign_id, kept.template_id, kept.value)
            .where(kept.figure != "made")
            .order_by(kept.day, kept.figure, kept.campaign_id, kept.template_id)
        )
    ]


def same_as_counted(shop: Shop) -> None:
    with tenancy.acting_for(shop.merchant_id):
        assert rollup.of_campaigns(CAMPAIGNS) == {each: counted(each) for each in CAMPAIGNS}
        told = rollup.of_templates(TEMPLATES)
        assert {each: (told[each].claimed, told[each].redeemed) for each in TEMPLATES} == {
            each: counted_template(each) for each in TEMPLATES
        }


@pytest.mark.parametrize("seed", range(5))
def test_any_life_reads_as_it_is_counted_however_much_is_rolled_up(app: Flask, seed: int) -> None:
    """Nothing made, some days, all, all again, some rebuilt: the same figures, and sound."""
    chance = random.Random(seed)
    shops = a_shop(), a_shop()
    for shop in shops:
        a_life(shop, chance)
        same_as_counted(shop)
    for days in (chance.randrange(2, 15), DAYS + 12, DAYS + 12, DAYS + 13):
        rollup.roll_up_all(FIRST + timedelta(days=days, hours=3))
        for shop in shops:
            same_as_counted(shop)
    assert "daily_figure.sums" not in [each.name for each in doctor.check(now=clock.now())]
    with tenancy.acting_for(shops[0].merchant_id):
        before = rows()
    assert rollup.rebuild_all(date(2026, 11, 5), date(2026, 11, 9), now=clock.now()) == 10
    with tenancy.acting_for(shops[0].merchant_id):
        assert before and rows() == before


def a_late_bill(shop: Shop, *, at: datetime) -> None:
    """A coupon redeemed then, of which we hear now."""
    unused = Coupon.id.not_in(select(Redemption.coupon_id))
    with transaction(), tenancy.acting_for(shop.merchant_id):
        coupon = db.session.scalars(select(Coupon).where(Coupon.campaign_id == 1, unused)).first()
        assert coupon is not None
        late = {
            "coupon_id": coupon.id, "live_key": coupon.id, "campaign_id": 1, "member_id": 1,
            "store_id": shop.store_id, "reduction_fen": 8, "by": "till", "at": at,
        }  # fmt: skip
        _bulk(shop, Redemption, [late])


def adds_up() -> bool:
    return "daily_figure.sums" not in [each.name for each in doctor.check(now=clock.now())]


def test_what_comes_late_counts_when_the_day_turns(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    a_life(shop, random.Random(7))
    end = FIRST + timedelta(days=DAYS)
    assert rollup.roll_up_all(end) > 10
    assert rollup.roll_up_all(end + timedelta(hours=23)) == 0
    a_late_bill(shop, at=end - timedelta(days=5))
    assert rollup.roll_up_all(end + timedelta(hours=25)) == rollup.MADE_AGAIN
    same_as_counted(shop)


def test_a_bill_of_weeks_ago_has_its_day_made_again_and_no_other(
    app: Flask, clock: StillClock
) -> None:
    shop, other = a_shop(), a_shop()
    for each in (shop, other):
        a_life(each, random.Random(7))
    end = FIRST + timedelta(days=DAYS)
    rollup.roll_up_all(end)
    for days in (15, 15, 5):
        a_late_bill(shop, at=end - timedelta(days=days))
    assert adds_up(), "it is known that the day will be made again"

    assert rollup.roll_up_all(end + timedelta(hours=25)) == 2 * rollup.MADE_AGAIN + 1

    same_as_counted(shop)
    same_as_counted(other)
    assert adds_up()
    assert rollup.roll_up_all(end + timedelta(hours=49)) == 2 * rollup.MADE_AGAIN


def test_rebuilding_other_days_forgets_no_late_bill(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    a_life(shop, random.Random(7))
    end = FIRST + timedelta(days=DAYS)
    rollup.roll_up_all(end)
    a_late_bill(shop, at=end - timedelta(days=15))
    rollup.rebuild_all(date(2026, 11, 18), date(2026, 11, 20), now=end)
    rollup.roll_up_all(end + timedelta(hours=25))
    same_as_counted(shop)


def test_a_day_that_is_wrong_for_another_reason_is_found_beside_a_late_one(
    app: Flask, clock: StillClock
) -> None:
    shop = a_shop()
    a_life(shop, random.Random(7))
    end = FIRST + timedelta(days=DAYS)
    rollup.roll_up_all(end)
    a_late_bill(shop, at=end - timedelta(days=15))
    with transaction(), tenancy.acting_for(shop.merchant_id):
        wrong = db.session.scalars(
            select(DailyFigure).where(
                DailyFigure.figure == "claimed", DailyFigure.day > (end - timedelta(days=14)).date()
            )
        ).first()
        assert wrong is not None
        wrong.value += 1
    assert not adds_up()


def test_a_cut_off_roll_up_goes_on(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = a_shop()
    a_life(shop, random.Random(3))
    monkeypatch.setattr(rollup, "MOST_DAYS", 9)
    end = FIRST + timedelta(days=DAYS)
    with tenancy.acting_for(shop.merchant_id):
        made = []
        while rollup.roll_up(end):
            made.append(rollup.last_made())
    assert made == sorted(made) and made[-1] == date(2026, 11, 20)
    same_as_counted(shop)


def test_the_doctor_finds_a_wrong_day_and_makes_it_right(app: Flask) -> None:
    shop = a_shop()
    a_life(shop, random.Random(5))
    rollup.roll_up_all(FIRST + timedelta(days=DAYS + 9))
    with transaction(), tenancy.acting_for(shop.merchant_id):
        wrong = db.session.scalars(select(DailyFigure).where(DailyFigure.figure == "sales")).first()
        assert wrong is not None
        wrong.value += 1
    names = [each.name for each in doctor.check(now=clock.now())]
    assert "daily_figure.sums" in names
    assert "daily_figure.sums" in [each.name for each in doctor.repair()]
    assert "daily_figure.sums" not in [each.name for each in doctor.check(now=clock.now())]
    same_as_counted(shop)


def test_rebuilding_by_command(app: Flask) -> None:
    a_life(a_shop(), random.Random(2))
    run = app.test_cli_runner().invoke
    done = run(args=["reports", "rebuild", "--from", "2026-11-05", "--to", "2026-11-10"])
    assert done.exit_code == 0 and "已重建" in done.output
    assert run(args=["reports", "rebuild", "--from", "2026-11-05", "--to", "x"]).exit_code == 2


@on_sqlite
def test_the_days_that_are_made_are_not_read_again(app: Flask) -> None:
    shop = a_shop()
    a_life(shop, random.Random(1))
    rollup.roll_up_all(FIRST + timedelta(days=DAYS))
    with tenancy.acting_for(shop.merchant_id), plans() as found:
        rollup.of_campaigns(CAMPAIGNS[:1])
        rollup.of_templates(TEMPLATES)
    assert found and wide_reads(found) == []
