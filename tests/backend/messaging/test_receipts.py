"""What WeChat says later about a message it took (D-6, X-10)."""

from datetime import timedelta

import pytest

from backend.messaging import dispatch, receipts
from backend.messaging.models import Channel, IntentState
from scripts.wechat_platform.server import Platform
from tests.backend.messaging.post import (
    SUBSCRIBE,
    TEMPLATE,
    Customer,
    accepts,
    has_template,
    intent,
    queue,
)
from tests.builders import Shop
from tests.conftest import StillClock


@pytest.fixture
def sent(wechat: Platform, shop: Shop, anna: Customer) -> int:
    has_template(shop, Channel.TEMPLATE)
    message = queue(anna)
    assert dispatch.send_due() == {"sent": 1}
    return message


def msgid(wechat: Platform, customer: Customer) -> str:
    return str(wechat.delivered(customer.person)[-1].msgid)


def test_a_message_that_did_not_arrive_shows_it(
    wechat: Platform, shop: Shop, anna: Customer, sent: int, clock: StillClock
) -> None:
    openid = wechat.openid(anna.person, shop.oa)
    said = "failed:user block"
    assert receipts.note(shop.oa, msgid(wechat, anna), said, openid=openid, now=clock.at)
    row = intent(shop, sent)
    assert (row.state, row.failure) == (IntentState.SENT, "未送达 failed:user block")


def test_a_good_receipt_changes_nothing_that_is_shown(
    wechat: Platform, shop: Shop, anna: Customer, sent: int, clock: StillClock
) -> None:
    openid = wechat.openid(anna.person, shop.oa)
    assert receipts.note(shop.oa, msgid(wechat, anna), "success", openid=openid, now=clock.at)
    row = intent(shop, sent)
    assert (row.state, row.failure) == (IntentState.SENT, "")


def test_a_receipt_of_another_account_or_of_no_message_of_ours_is_nothing(
    wechat: Platform, shop: Shop, anna: Customer, sent: int, clock: StillClock
) -> None:
    openid = wechat.openid(anna.person, shop.oa)
    number = msgid(wechat, anna)
    assert not receipts.note(shop.mini, number, "failed", openid=openid, now=clock.at)
    assert not receipts.note(shop.oa, "1", "failed", openid=openid, now=clock.at)
    assert intent(shop, sent).failure == ""


@pytest.mark.parametrize(
    ("channel", "path"), [(Channel.TEMPLATE, TEMPLATE), (Channel.SUBSCRIBE, SUBSCRIBE)]
)
def test_a_receipt_settles_the_one_message_whose_answer_was_lost(
    wechat: Platform,
    shop: Shop,
    anna: Customer,
    clock: StillClock,
    channel: Channel,
    path: str,
) -> None:
    accepts(wechat, anna)
    has_template(shop, channel)
    wechat.fail(path, truncate=True)
    message = queue(anna)
    assert dispatch.send_due() == {"unknown": 1}
    app_id = shop.mini if channel is Channel.SUBSCRIBE else shop.oa
    openid = wechat.openid(anna.person, app_id)
    later = clock.at + timedelta(minutes=9)
    assert receipts.note(app_id, msgid(wechat, anna), "success", openid=openid, now=later)
    assert intent(shop, message).state == IntentState.SENT
    assert not receipts.note(app_id, "77", "success", openid=openid, now=later)


def test_what_cannot_be_matched_stays_unknown(
    wechat: Platform, shop: Shop, anna: Customer, clock: StillClock
) -> None:
    has_template(shop, Channel.TEMPLATE)
    wechat.fail(TEMPLATE, truncate=True, times=2)
    messages = [queue(anna, key="1"), queue(anna, key="2")]
    assert dispatch.send_due() == {"unknown": 2}
    openid = wechat.openid(anna.person, shop.oa)
    mini_openid = wechat.openid(anna.person, shop.mini)
    late = clock.at + timedelta(minutes=10)
    assert not receipts.note(shop.oa, "5", "success", openid=openid, now=clock.at)
    assert not receipts.note(shop.mini, "5", "success", openid=mini_openid, now=clock.at)
    assert not receipts.note(shop.oa, "5", "success", openid=openid, now=late)
    assert {intent(shop, m).state for m in messages} == {IntentState.UNKNOWN}
