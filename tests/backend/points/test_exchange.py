"""积分兑换: what is taken, given, refused and given back, to the point (S2-29…36)."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from backend import tenancy
from backend.campaigns import lifecycle, links, programmes
from backend.campaigns.draft import CampaignDraft
from backend.campaigns.errors import AlreadyClaimed, CampaignNotFound, ClaimLapsed
from backend.campaigns.models import Campaign, ClaimLink, Grant
from backend.coupons.errors import SoldOut, TemplateNotFound
from backend.coupons.models import Coupon, CouponTemplate
from backend.database import db, transaction
from backend.errors import DomainError
from backend.members.models import Member, MemberLevel
from backend.merchants.models import Subscription
from backend.messaging.models import Intent
from backend.points import exchange_lapse, ledger
from backend.points.errors import (
    ExchangeLimitReached,
    ExchangeNotRunning,
    LevelNotEligible,
    MemberBlacklisted,
    PointsInsufficient,
)
from backend.points.exchange import AtTill, ExchangeOrder, exchange, exchange_at_till
from backend.points.exchange_offers import ExchangeOption, wishes
from backend.points.till_entries import till_entries
from backend.reports import doctor
from backend.visits import at_counter
from tests.backend.campaigns.plans import change_member
from tests.backend.points.books import entries_of, lots_of, points_of
from tests.builders import a_member, a_shop, a_template, reread
from tests.conftest import StillClock
from tests.miniprogram_api.statements import counting


class Mall:
    """A shop where a cash coupon costs 100 points, 银卡 80, 黑卡 may not."""

    def __init__(self, clock: StillClock, **template: Any) -> None:  # noqa: ANN401
        self.shop, self.clock = a_shop(), clock
        self.template = a_template(self.shop, "t1", title="代金券10元", **template)
        self.member = a_member(self.shop, phone="18100004469")
        with tenancy.acting_for(self.shop.merchant_id):
            levels = (MemberLevel(position=1, name="银卡"), MemberLevel(position=2, name="黑卡"))
            db.session.add_all(levels)
            db.session.commit()
            ledger.earn(self.member, 250, cause="before", now=clock.at)
        self.campaign = self.run()

    def run(self, code: str = "x", **more: Any) -> int:  # noqa: ANN401
        prices = {"普通会员": 100, "银卡": 80, "黑卡": 0}
        content = {"offers": [{"template": "t1", "points": prices}], "introduction": "换好礼"}
        with tenancy.acting_for(self.shop.merchant_id):
            settings = programmes.parse("points_exchange", content)
            draft = CampaignDraft(code=code, kind="points_exchange", settings=settings, **more)
            campaign = lifecycle.save(draft, now=self.clock.at)
            lifecycle.start(campaign.id, now=self.clock.at)
            return campaign.id

    def level(self, name: str) -> None:
        with tenancy.acting_for(self.shop.merchant_id):
            level = db.session.scalars(select(MemberLevel).where(MemberLevel.name == name)).one()
            db.session.get_one(Member, self.member).level_id = level.id
            db.session.commit()

    def wanted(self) -> ExchangeOrder:
        return ExchangeOrder(self.campaign, self.template)

    def take(self) -> str:
        with tenancy.acting_for(self.shop.merchant_id):
            return exchange(self.member, self.wanted(), now=self.clock.at).number

    def take_at_till(self, store: str = "s01") -> AtTill:
        with tenancy.acting_for(self.shop.merchant_id):
            return exchange_at_till(self.member, self.wanted(), store_code=store, now=self.clock.at)

    def wishes(self, store: str | None = None) -> list[ExchangeOption]:
        with tenancy.acting_for(self.shop.merchant_id):
            return wishes(self.member, store_code=store, now=self.clock.at)

    def refused(self, error: type[DomainError], words: str) -> None:
        before = self.figures()
        for way in (self.take, self.take_at_till):
            with pytest.raises(error, match=words):
                way()
        assert self.figures() == before

    def figures(self) -> tuple[int, int, int, int, int | None]:
        """points, grants, links, coupons, stock taken."""
        points = points_of(self.shop, self.member)
        with tenancy.acting_for(self.shop.merchant_id):
            counts = [len(db.session.scalars(select(m)).all()) for m in (Grant, ClaimLink, Coupon)]
            issued = db.session.get_one(CouponTemplate, self.template).issued
        return points, counts[0], counts[1], counts[2], issued


@pytest.fixture
def mall(app: Flask, clock: StillClock) -> Mall:
    return Mall(clock, stock=5)


@pytest.fixture(autouse=True)
def sound(app: Flask) -> Any:  # noqa: ANN401
    yield
    reread()
    assert [str(finding) for finding in doctor.check()] == []


def test_a_member_takes_a_coupon_at_once_for_the_price_of_their_level(mall: Mall) -> None:
    mall.take()
    assert mall.figures() == (150, 1, 0, 1, 1)
    mall.level("银卡")
    mall.take()
    assert mall.figures() == (70, 2, 0, 2, 2)
    assert entries_of(mall.shop, mall.member) == [
        ("earn", 250, 250),
        ("spend", -100, 150),
        ("spend", -80, 70),
    ]


def test_a_level_whose_price_is_nought_may_not(mall: Mall) -> None:
    mall.level("黑卡")
    mall.refused(LevelNotEligible, "会员等级不符合兑换条件")
    (wish,) = mall.wishes()
    assert (wish.points, wish.eligible) == (0, False)


def test_too_few_points_say_how_many_are_missing(mall: Mall) -> None:
    mall.take()
    mall.take()
    mall.refused(PointsInsufficient, "积分不足，还差50积分")
    (wish,) = mall.wishes()
    assert wish.refusal is not None
    assert (wish.points, wish.refusal.message) == (100, "积分不足，还差50积分")


def test_what_is_sold_out_takes_no_points(app: Flask, clock: StillClock) -> None:
    mall = Mall(clock, stock=1)
    mall.take()
    mall.refused(SoldOut, "来晚啦，已被领完")
    (wish,) = mall.wishes()
    assert (wish.left, wish.eligible) == (0, False)


def test_limits_per_member_hold_for_what_waits_too(app: Flask, clock: StillClock) -> None:
    mall = Mall(clock, per_member=1)
    mall.take_at_till()
    mall.refused(ExchangeLimitReached, "您已达到该券的领取上限")


def test_a_budget_is_kept(mall: Mall) -> None:
    with tenancy.acting_for(mall.shop.merchant_id):
        lifecycle.end(mall.campaign, now=mall.clock.at)
    mall.campaign = mall.run("small", budget_per_day=1)
    mall.take()
    mall.refused(SoldOut, "来晚啦，已被领完")


def test_what_does_not_run_or_is_not_there_gives_nothing(mall: Mall) -> None:
    with tenancy.acting_for(mall.shop.merchant_id):
        lifecycle.pause(mall.campaign, now=mall.clock.at)
    mall.refused(ExchangeNotRunning, "兑换活动未在进行中")
    assert mall.wishes() == []
    with tenancy.acting_for(mall.shop.merchant_id):
        lifecycle.start(mall.campaign, now=mall.clock.at)
    other = a_template(mall.shop, "t2")
    mall.template, first = other, mall.template
    with pytest.raises(TemplateNotFound):
        mall.take()
    mall.template, mall.campaign = first, 10**9
    with pytest.raises(CampaignNotFound):
        mall.take()


def test_a_campaign_of_some_stores_is_not_shown_at_others(mall: Mall) -> None:
    with tenancy.acting_for(mall.shop.merchant_id):
        lifecycle.end(mall.campaign, now=mall.clock.at)
    mall.campaign = mall.run("there", stores=("s02",))
    assert mall.wishes("s01") == []
    assert len(mall.wishes("s02")) == len(mall.wishes()) == 1
    with pytest.raises(ExchangeNotRunning):
        mall.take_at_till(store="s01")


def test_the_till_takes_points_and_the_scan_collects_the_coupon_once(mall: Mall) -> None:
    done = mall.take_at_till()
    assert (done.points, done.points_total) == (100, 150)
    assert mall.figures() == (150, 1, 1, 0, 1)
    with tenancy.acting_for(mall.shop.merchant_id):
        claimed = links.claim(done.link.code, member_id=mall.member, now=mall.clock.at)
        assert len(claimed) == 1
        with pytest.raises(AlreadyClaimed):
            links.claim(done.link.code, member_id=mall.member, now=mall.clock.at)
    assert exchange_lapse.give_back_all(mall.clock.move_to("2026-12-30 00:00")) == 0
    assert mall.figures() == (150, 1, 1, 1, 1)


def test_the_next_login_collects_it_too(mall: Mall) -> None:
    mall.take_at_till()
    with tenancy.acting_for(mall.shop.merchant_id):
        visit = at_counter.identify(phone="18100004469", now=mall.clock.at)
    assert [coupon.title for coupon in visit.claimed] == ["代金券10元"]
    assert exchange_lapse.give_back_all(mall.clock.move_to("2026-12-30 00:00")) == 0


def test_what_nobody_claimed_gives_points_and_stock_back_once_as_old_as_they_were(
    mall: Mall,
) -> None:
    done = mall.take_at_till()
    assert lots_of(mall.shop, mall.member) == [(250, 150)]
    last = mall.clock.move_to("2026-11-29 23:59")
    assert exchange_lapse.give_back_all(last) == 0
    over = mall.clock.move_to("2026-11-30 00:00")
    with tenancy.acting_for(mall.shop.merchant_id), pytest.raises(ClaimLapsed):
        links.claim(done.link.code, member_id=mall.member, now=over)
    assert [exchange_lapse.give_back_all(over) for _ in range(2)] == [1, 0]
    assert mall.figures() == (250, 1, 1, 0, 0)
    assert lots_of(mall.shop, mall.member) == [(250, 250)]
    assert entries_of(mall.shop, mall.member)[-1] == ("reverse", 100, 250)
    with tenancy.acting_for(mall.shop.merchant_id):
        told = db.session.scalars(select(Intent).where(Intent.purpose == "points_changed")).one()
        assert (told.facts["points"], told.facts["points_total"]) == ("+100", 250)


def test_whom_campaigns_give_nothing_may_not_exchange_either(mall: Mall) -> None:
    change_member(mall.shop, mall.member, blacklisted=True)
    mall.refused(MemberBlacklisted, "不能参加兑换")
    (wish,) = mall.wishes()
    assert isinstance(wish.refusal, MemberBlacklisted) and not wish.eligible
    change_member(mall.shop, mall.member, blacklisted=False)
    mall.take()
    assert mall.figures() == (150, 1, 0, 1, 1)


def test_what_a_till_may_offer_is_asked_in_one_statement(mall: Mall, clock: StillClock) -> None:
    """手动增加积分, 手动扣减积分, 积分商城 (S2-17, S2-34)."""

    def offered(store: str = "s01") -> tuple[bool, bool, bool]:
        reread()
        with tenancy.acting_for(mall.shop.merchant_id), counting(db.engine) as seen:
            found = till_entries(store_code=store, now=clock.at)
        assert len(seen) == 1
        return found.add_points, found.subtract_points, found.exchange

    def change(model: type[Campaign | Subscription], **values: object) -> None:
        with transaction(), tenancy.acting_for(mall.shop.merchant_id):
            db.session.execute(update(model).values(**values))

    assert offered() == (False, False, True)
    with tenancy.acting_for(mall.shop.merchant_id):
        settings = programmes.parse("manual_points", {"add": True})
        draft = CampaignDraft(code="hand", kind="manual_points", settings=settings)
        lifecycle.start(lifecycle.save(draft, now=clock.at).id, now=clock.at)
    assert offered() == (True, False, True)
    change(Campaign, stores=["s02"])
    assert (offered()[2], offered("s02")[2]) == (False, True)
    change(Subscription, kinds=["gift"])
    assert offered("s02")[2] is False
    change(Subscription, kinds=["gift", "points_exchange"])
    assert offered("s02")[2] is True
    change(Subscription, ends_on=clock.at.date() - timedelta(days=1))
    assert offered("s02") == (True, False, False)
    change(Campaign, ends_on=clock.at.date() - timedelta(days=1))
    assert offered("s02") == (False, False, False)
