"""经营概览: today beside the same hours of yesterday, the plan nobody edited, what needs a look."""

from datetime import date

from flask import Flask
from sqlalchemy import update

from backend import tenancy
from backend.campaigns import lifecycle
from backend.coupons.bill import BillLine
from backend.database import db, transaction
from backend.merchants.models import Merchant, Subscription
from backend.merchants.queries import place
from backend.open_bills.content import Content
from backend.open_bills.models import OpenBill, OpenBillState
from backend.open_bills.put import put
from backend.redemption.models import VoucherReport
from backend.sales import refused_bills
from backend.sales.bill import DishLine, Goods
from backend.sales.errors import QuoteExpired
from tests.admin.desk import at_desk, one_of_each
from tests.backend.campaigns.test_links import a_gift
from tests.builders import Shop, a_member, a_shop, reread
from tests.conftest import StillClock


def opened(shop: Shop, clock: StillClock) -> int:
    plan = lifecycle.open_default_plan(shop.merchant_id, now=clock())
    reread()
    return plan.id


def test_a_plan_nobody_edited_is_warned_of_with_the_next_wave(
    app: Flask, clock: StillClock
) -> None:
    """S0-18."""
    shop = a_shop()
    clock.move_to("2026-11-23 15:18")
    opened(shop, clock)
    text = at_desk(app, shop).read("/admin/")
    assert "还是默认方案" in text and "下一次 16:00，还有 42 分钟" in text


def test_an_edited_plan_is_not_warned_of(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    plan = opened(shop, clock)
    visitor = at_desk(app, shop)
    visitor.read("/admin/")
    sent = visitor.send(
        f"/admin/campaigns/edit/?id={plan}",
        **{"name": "三类客户", "new-on": "y", "new-template": "default-new", "new-quantity": "2"},
    )  # fmt: skip
    assert sent.status_code == 302
    assert "还是默认方案" not in visitor.read("/admin/")


def test_today_is_compared_with_the_same_hours_of_yesterday(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    for at in ("2026-11-22 09:00", "2026-11-22 09:30", "2026-11-22 18:00", "2026-11-23 09:00"):
        a_member(shop, joined_at=clock.move_to(at))
    clock.move_to("2026-11-23 10:00")
    text = " ".join(at_desk(app, shop).read("/admin/").split())
    assert '<div class="figure">1</div> <div class="help">昨日同时段 2' in text
    assert "↓ 50.0%" in text


def test_todays_waves_stand_there_before_they_run(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    opened(shop, clock)
    text = at_desk(app, shop).read("/admin/")
    assert "09:00 票券营销" in text and "16:00 票券营销" in text and "待发放" in text


def test_what_gives_nothing_by_itself_stands_not_among_todays_waves(
    app: Flask, clock: StillClock
) -> None:
    shop = a_shop()
    a_gift(shop)
    clock.move_to("2026-11-23 08:00")
    assert "今天没有要发的券" in at_desk(app, shop).read("/admin/")


def test_the_counter_is_told_of_bills_that_wait_for_somebody(app: Flask, clock: StillClock) -> None:
    shop, now = a_shop(), clock()
    lines = Goods((DishLine("毛肚", BillLine("D001", None, 1, 5600)),))
    with tenancy.acting_for(shop.merchant_id):
        for number in ("1", "2", "3"):
            put(Content(lines, table=f"A{number}"), number=number, here=place("s01"), now=now)
        refused_bills.keep("9", {}, refusal=QuoteExpired(), here=place("s01"), now=now)
        with transaction():
            paid = {"state": OpenBillState.PAID, "paid_at": now}
            db.session.execute(update(OpenBill).where(OpenBill.number == "3").values(paid))
    reread()
    visitor = at_desk(app, shop)
    text = visitor.read("/admin/")
    assert "<dt>未结账的桌</dt><dd>2</dd>" in text
    alarms = text.split("需要处理")[1]
    assert "1 张离线补传的账单没有入账" in alarms and 'href="/admin/refused-bills/"' in alarms
    assert "收银台还没有结账" not in text
    clock.move_to("2026-11-23 10:11")
    assert "1 桌已用手机付款，收银台还没有结账" in visitor.read("/admin/")


def test_a_mall_that_could_not_be_told_is_led_to(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    with tenancy.acting_for(shop.merchant_id), transaction():
        db.session.add(
            VoucherReport(
                redemption_id=1, voucher_id=1, kind="redeemed", at=clock(), state="failed",
                due_at=clock(),
            )
        )  # fmt: skip
    alarms = at_desk(app, shop).read("/admin/").split("需要处理")[1]
    assert "1 次票券核销没能通知商城" in alarms and 'href="/admin/malls/"' in alarms


def test_trouble_is_said_in_words_and_led_to(app: Flask) -> None:
    shop = a_shop()
    one_of_each(shop)
    text = at_desk(app, shop).read("/admin/")
    assert "近 7 天 1 条消息结果未知" in text and 'href="/admin/messages/"' in text


def test_a_subscription_that_ends_soon_is_said(app: Flask) -> None:
    """S0-16: from 30 days before."""
    shop = a_shop()
    visitor = at_desk(app, shop)
    assert "请联系运营者续期" not in visitor.read("/admin/")
    for ends_on, words in (
        (date(2026, 12, 22), "营销包年还剩 30 天"),
        (date(2026, 11, 22), "营销包年未开通或已到期"),
    ):
        with transaction(), tenancy.acting_for(shop.merchant_id):
            db.session.execute(update(Subscription).values(ends_on=ends_on))
        reread()
        assert words in visitor.read("/admin/")


def test_the_first_steps_vanish_when_they_are_done(app: Flask, clock: StillClock) -> None:
    shop = a_shop()
    plan = opened(shop, clock)
    visitor = at_desk(app, shop)
    assert "完成 1 / 3 步" in visitor.read("/admin/")
    with transaction(), tenancy.acting_for(shop.merchant_id):
        db.session.execute(
            update(Merchant)
            .where(Merchant.id == shop.merchant_id)
            .values(phone="0755-1", address="福田")
        )
    visitor.send(
        f"/admin/campaigns/edit/?id={plan}",
        **{"name": "三类客户", "new-on": "y", "new-template": "default-new", "new-quantity": "1"},
    )  # fmt: skip
    assert "开始使用" not in visitor.read("/admin/")
