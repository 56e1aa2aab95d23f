"""What happens to one message on its road; the platform's delivery log is the judge."""

from datetime import timedelta

import pytest

from backend import clock as business_clock
from backend.messaging import dispatch
from backend.messaging.models import Channel, IntentState, Purpose
from scripts.wechat_platform.server import Platform
from tests.backend.messaging.post import (
    CUSTOM,
    FACTS,
    SUBSCRIBE,
    TEMPLATE,
    TPL,
    Customer,
    a_customer,
    a_wechat_shop,
    accepts,
    attempts,
    consents_left,
    has_rules,
    has_template,
    intent,
    machine_moves,
    only_the_product_knows,
    pause_left,
    queue,
    unfollows,
)
from tests.builders import Shop
from tests.conftest import StillClock


def all_channels(wechat: Platform, shop: Shop) -> Customer:
    """Every road is open: consent, following, and a window of contact."""
    customer = a_customer(wechat, shop, interacted=True)
    accepts(wechat, customer)
    has_template(shop, Channel.SUBSCRIBE)
    has_template(shop, Channel.TEMPLATE)
    return customer


def sent_by(wechat: Platform, customer: Customer) -> list[str]:
    return [message.channel.value for message in wechat.delivered(customer.person)]


def test_a_consent_becomes_one_subscribe_message(
    wechat: Platform, shop: Shop, anna: Customer
) -> None:
    has_template(shop, Channel.SUBSCRIBE, page="pages/coupons")
    accepts(wechat, anna)
    message = queue(anna)
    assert dispatch.send_due() == {"sent": 1}
    (delivered,) = wechat.delivered(anna.person)
    assert delivered.template_id == TPL
    assert delivered.link == "pages/coupons"
    assert delivered.data == {"thing1": "满100减10", "time2": "2026-12-22 23:59"}
    assert consents_left(anna) == 0
    row = intent(shop, message)
    assert (row.state, row.channel) == (IntentState.SENT, Channel.SUBSCRIBE)
    assert attempts(shop, message) == [("subscribe", "accepted", "0")]


def test_a_follower_without_a_consent_gets_a_template_message(
    wechat: Platform, shop: Shop, anna: Customer
) -> None:
    has_template(shop, Channel.SUBSCRIBE)
    has_template(shop, Channel.TEMPLATE, page="pages/coupons")
    queue(anna)
    dispatch.send_due()
    (delivered,) = wechat.delivered(anna.person)
    assert delivered.channel.value == "template"
    assert delivered.link == f"miniprogram:{shop.mini}:pages/coupons"


def test_without_templates_the_open_window_takes_a_sentence(wechat: Platform, shop: Shop) -> None:
    ben = a_customer(wechat, shop, interacted=True)
    queue(ben)
    dispatch.send_due()
    (delivered,) = wechat.delivered(ben.person)
    assert delivered.data["text"] == {
        "content": "您收到 1 张券：满100减10，有效期至 2026-12-22，到店出示即可。"
    }


def test_the_first_channel_that_can_wins_and_the_others_rest(wechat: Platform, shop: Shop) -> None:
    ben = all_channels(wechat, shop)
    queue(ben)
    dispatch.send_due()
    assert sent_by(wechat, ben) == ["subscribe"]


def test_the_merchants_order_comes_first(wechat: Platform, shop: Shop) -> None:
    ben = all_channels(wechat, shop)
    has_rules(shop, order={"coupon_received": ["custom", "template", "subscribe", "sms"]})
    queue(ben)
    dispatch.send_due()
    assert sent_by(wechat, ben) == ["custom"]
    assert consents_left(ben) == 1


def test_who_has_no_address_gets_nothing_and_the_row_says_why(
    wechat: Platform, shop: Shop, anna: Customer
) -> None:
    message = queue(anna)
    assert dispatch.send_due() == {"unreachable": 1}
    assert intent(shop, message).failure == "没有可用的消息渠道"
    assert attempts(shop, message) == []


def test_who_cannot_be_reached_one_way_is_reached_the_next_at_once(
    wechat: Platform, shop: Shop
) -> None:
    ben = a_customer(wechat, shop, interacted=True)
    only_the_product_knows(ben, times=2)
    has_template(shop, Channel.SUBSCRIBE)
    has_template(shop, Channel.TEMPLATE)
    wechat.fail(TEMPLATE, errcode=43004)
    message = queue(ben)
    assert dispatch.send_due() == {"sent": 1}
    assert attempts(shop, message) == [
        ("subscribe", "unreachable", "43101"),
        ("template", "unreachable", "43004"),
        ("custom", "accepted", "0"),
    ]
    assert consents_left(ben) == 0
    assert sent_by(wechat, ben) == ["custom"]


@pytest.mark.parametrize("errcode", [45015, 45047])
def test_when_no_channel_is_left_it_waits_for_one_and_says_the_last_reason(
    wechat: Platform, shop: Shop, errcode: int
) -> None:
    ben = a_customer(wechat, shop, interacted=True)
    wechat.fail(CUSTOM, errcode=errcode)
    message = queue(ben)
    assert dispatch.send_due() == {"unreachable": 1}
    assert intent(shop, message).failure.startswith(str(errcode))
    assert dispatch.send_due() == {}


@pytest.mark.parametrize("errcode", [47003, 40037, 41030])
def test_what_is_refused_for_good_is_not_tried_again_and_costs_no_consent(
    wechat: Platform, shop: Shop, errcode: int
) -> None:
    ben = all_channels(wechat, shop)
    wechat.fail(SUBSCRIBE, errcode=errcode)
    message = queue(ben)
    assert dispatch.send_due() == {"failed": 1}
    assert dispatch.send_due() == {}
    assert wechat.calls(SUBSCRIBE) == 1
    assert sent_by(wechat, ben) == []
    assert consents_left(ben) == 1
    assert attempts(shop, message) == [("subscribe", "refused", str(errcode))]


def test_what_fails_for_now_is_tried_again_after_growing_pauses(
    wechat: Platform, shop: Shop
) -> None:
    ben = all_channels(wechat, shop)
    message = queue(ben)
    for minutes in (0.5, 2, 10, 30, 60, 60):
        wechat.fail(SUBSCRIBE, errcode=-1)
        before = business_clock.machine_now()
        assert dispatch.send_due() == {"due": 1}
        assert consents_left(ben) == 1
        pause = pause_left(intent(shop, message), before)
        assert timedelta(0) <= pause - timedelta(minutes=minutes) < timedelta(seconds=20)
        assert dispatch.send_due() == {}
        machine_moves(shop, message, pause)
    assert dispatch.send_due() == {"sent": 1}
    assert sent_by(wechat, ben) == ["subscribe"]
    assert consents_left(ben) == 0


def test_a_token_that_is_refused_for_ever_costs_two_calls_a_message(
    wechat: Platform, shop: Shop, anna: Customer
) -> None:
    has_template(shop, Channel.TEMPLATE)
    wechat.fail(TEMPLATE, errcode=40001, times=50)
    messages = [queue(anna, key=f"m{n}") for n in range(3)]
    assert dispatch.send_due() == {"due": 3}
    assert wechat.calls(TEMPLATE) <= 2 * len(messages)
    assert wechat.calls("/cgi-bin/stable_token") <= 3  # the first, and one refresh in two steps


def test_an_exhausted_quota_holds_this_kind_of_call_until_it_resets(
    wechat: Platform, shop: Shop
) -> None:
    ben = all_channels(wechat, shop)
    wechat.fail(SUBSCRIBE, errcode=45009)
    message = queue(ben)
    assert dispatch.send_due() == {"due": 1}
    row = intent(shop, message)
    assert row.retry_at is not None
    assert (row.retry_at.hour, row.retry_at.minute) == (16, 0)
    queue(ben, key="m2")
    assert dispatch.send_due() == {"due": 1}
    assert wechat.calls(SUBSCRIBE) == 1
    assert consents_left(ben) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"truncate": True},
        {"html": True, "carried_out": True},
        {"html": True, "status": 502},
        {"status": 500},
    ],
)
def test_a_message_whose_answer_is_lost_is_unknown_and_never_sent_again(
    wechat: Platform, shop: Shop, fault: dict[str, bool]
) -> None:
    ben = all_channels(wechat, shop)
    wechat.fail(SUBSCRIBE, **fault)
    message = queue(ben)
    assert dispatch.send_due() == {"unknown": 1}
    machine_moves(shop, message, timedelta(days=2))
    assert dispatch.send_due() == {}
    assert intent(shop, message).state == IntentState.UNKNOWN
    assert wechat.calls(SUBSCRIBE) == 1
    assert consents_left(ben) == 0


def test_what_nobody_wants_any_more_expires_unsent(
    wechat: Platform, shop: Shop, anna: Customer, clock: StillClock
) -> None:
    has_template(shop, Channel.TEMPLATE)
    message = queue(anna, lasts=timedelta(hours=3))
    clock.move_to("2026-11-23 11:00")
    assert dispatch.send_due() == {"expired": 1}
    assert intent(shop, message).state == IntentState.EXPIRED
    assert wechat.delivered() == []


def test_marketing_waits_for_the_morning_and_a_notice_does_not(
    wechat: Platform, shop: Shop, clock: StillClock
) -> None:
    ben = a_customer(wechat, shop, interacted=True)
    accepts(wechat, ben)
    has_template(shop, Channel.SUBSCRIBE, purpose=Purpose.CAMPAIGN_NEWS)
    clock.move_to("2026-11-23 23:00")
    news = queue(ben, purpose=Purpose.CAMPAIGN_NEWS, key="news")
    queue(ben, key="notice")
    assert dispatch.send_due() == {"due": 1, "sent": 1}
    assert sent_by(wechat, ben) == ["custom"]
    clock.move_to("2026-11-24 08:29")
    assert dispatch.send_due() == {}
    clock.move_to("2026-11-24 08:30")
    assert dispatch.send_due() == {"sent": 1}
    assert intent(shop, news).channel == Channel.SUBSCRIBE


def test_marketing_stops_at_the_weekly_cap_also_when_all_is_due_at_once(
    wechat: Platform, shop: Shop, anna: Customer, clock: StillClock
) -> None:
    accepts(wechat, anna, times=9)
    has_template(shop, Channel.SUBSCRIBE, purpose=Purpose.CAMPAIGN_NEWS)
    has_rules(shop, weekly_cap=2)
    clock.move_to("2026-11-23 10:00")
    for n in range(5):
        queue(anna, purpose=Purpose.CAMPAIGN_NEWS, key=f"news-{n}")
    assert dispatch.send_due() == {"sent": 2, "failed": 3}
    clock.move_to("2026-11-30 10:00")
    queue(anna, purpose=Purpose.CAMPAIGN_NEWS, key="next week")
    assert dispatch.send_due() == {"sent": 1}
    assert len(wechat.delivered(anna.person)) == 3


def test_outside_the_subscription_campaigns_are_silent_and_receipts_are_not(
    wechat: Platform,
) -> None:
    shop = a_wechat_shop(wechat, subscribed=False)
    ben = a_customer(wechat, shop, interacted=True)
    silent = queue(ben, key="campaign")
    queue(ben, key="receipt", purpose=Purpose.COUPON_REDEEMED, facts={"title": "券"})
    assert dispatch.send_due() == {"failed": 1, "sent": 1}
    assert intent(shop, silent).failure == "营销包年已到期"


def test_an_unfollower_is_not_written_to_through_the_account(
    wechat: Platform, shop: Shop, anna: Customer
) -> None:
    has_template(shop, Channel.TEMPLATE)
    unfollows(anna)
    queue(anna)
    assert dispatch.send_due() == {"unreachable": 1}
    assert wechat.calls(TEMPLATE) == 0


def test_a_message_of_a_broken_template_does_not_stop_the_others(
    wechat: Platform, shop: Shop, anna: Customer
) -> None:
    has_template(shop, Channel.TEMPLATE, fields=["thing1"])  # type: ignore[arg-type]
    poisoned = queue(anna, key="bad")
    has_template(shop, Channel.TEMPLATE, purpose=Purpose.COUPON_REDEEMED)
    queue(anna, key="good", purpose=Purpose.COUPON_REDEEMED, facts=FACTS)
    assert dispatch.send_due() == {"sent": 1}
    for _ in range(4):
        assert intent(shop, poisoned).state == IntentState.DUE
        machine_moves(shop, poisoned, timedelta(hours=1))
        dispatch.send_due()
    assert intent(shop, poisoned).state == IntentState.FAILED
