"""WeChat Pay as the product asks it (S1-19), against the local platform over HTTP."""

import time
import traceback
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from backend import outside, tenancy
from backend.database import db, transaction
from backend.wechat import pay, pay_client
from backend.wechat.errors import (
    AlreadyPaid,
    PayClosed,
    PayNotOffered,
    PayRefused,
    WechatUnavailable,
)
from backend.wechat.models import PayAccount
from backend.wechat.pay import RefundState, TradeState
from scripts.wechat_platform.pay_accounts import public_pem_of
from scripts.wechat_platform.pay_orders import opened_sheet
from scripts.wechat_platform.server import Platform
from tests.backend.wechat.pay_desk import PayDesk, a_pay_desk
from tests.builders import Shop, a_pay_account, a_shop
from tests.conftest import StillClock

ORDER = "/v3/pay/transactions/jsapi"
QUERY = "/v3/pay/transactions/out-trade-no/bill000001"
REFUND = "/v3/refund/domestic/refunds"


@pytest.fixture
def desk(wechat: Platform, shop: Shop) -> PayDesk:
    return a_pay_desk(wechat, shop)


@pytest.fixture
def acting(desk: PayDesk) -> Iterator[None]:
    with tenancy.acting_for(desk.shop.merchant_id):
        yield


def change(desk: PayDesk, **values: object) -> None:
    """Write into the account's row."""
    with transaction(), tenancy.acting_for(desk.shop.merchant_id):
        db.session.execute(update(PayAccount).values(**values))


def test_a_prepared_payment_opens_the_pay_sheet(desk: PayDesk) -> None:
    prepared = desk.prepare()
    order = opened_sheet(desk.platform.world, dict(prepared.params))  # type: ignore[arg-type]
    assert (order.total, order.openid, order.description) == (12345, desk.openid, "星火火锅 A8 桌")
    assert order.notify_url == "http://127.0.0.1:8000/wechat/pay/notify/1900000101"
    assert prepared.params["package"] == f"prepay_id={prepared.prepay_id}"
    assert prepared.params["signType"] == "RSA"


def test_an_order_that_was_paid_tells_who_paid_what_and_when(desk: PayDesk, acting: None) -> None:
    desk.prepare(attach="bill=7")
    unpaid = pay.ask("bill000001")
    assert unpaid is not None and not unpaid.is_paid
    assert (unpaid.state, unpaid.transaction_id, unpaid.paid_at) == (TradeState.NOTPAY, "", None)
    desk.platform.pay(desk.guest, desk.prepare(attach="bill=7").prepay_id)
    paid = pay.ask("bill000001")
    assert paid is not None and paid.is_paid and paid.paid_at is not None
    assert (paid.merchant_id, paid.amount_fen, paid.openid, paid.app_id, paid.attach) == (
        *(desk.shop.merchant_id, 12345, desk.openid, desk.shop.mini, "bill=7"),
    )
    assert len(paid.transaction_id) == 28
    assert abs(paid.paid_at.timestamp() - time.time()) < 30


def test_nobody_knows_an_order_that_was_never_placed(desk: PayDesk, acting: None) -> None:
    assert pay.ask("nothing0001") is None
    assert pay.ask_refund("nothing0001") is None


def test_the_same_order_again_can_be_paid_once(desk: PayDesk, acting: None) -> None:
    first, second = desk.prepare(), desk.prepare()
    desk.platform.pay(desk.guest, second.prepay_id)
    with pytest.raises(AlreadyPaid):
        desk.prepare()
    assert first.prepay_id != second.prepay_id
    assert len(desk.told) == 1


def test_another_order_under_the_same_number_is_refused(desk: PayDesk) -> None:
    desk.prepare()
    with pytest.raises(PayRefused) as refused:
        desk.prepare(fen=1)
    assert refused.value.errcode == "OUT_TRADE_NO_USED"
    assert "商户订单号重复" in refused.value.message


def test_a_closed_order_cannot_be_paid_and_closes_again_without_complaint(
    desk: PayDesk, acting: None
) -> None:
    desk.prepare()
    pay.close("bill000001")
    pay.close("bill000001")
    pay.close("nothing0001")
    closed = pay.ask("bill000001")
    assert closed is not None and closed.state is TradeState.CLOSED
    with pytest.raises(PayClosed):
        desk.prepare()


def test_a_paid_order_is_not_closed(desk: PayDesk, acting: None) -> None:
    desk.paid()
    with pytest.raises(AlreadyPaid):
        pay.close("bill000001")


def test_an_order_lapses_by_the_machines_clock(desk: PayDesk, clock: StillClock) -> None:
    clock.move_to("2031-01-01 12:00")
    desk.prepare(lasts=timedelta(minutes=7))
    (order,) = desk.platform.orders()
    assert order.expires_at is not None
    assert 400 < order.expires_at - time.time() <= 420


def test_a_long_description_is_cut_between_characters(desk: PayDesk) -> None:
    desk.prepare(description="锅" * 60)
    (order,) = desk.platform.orders()
    assert order.description == "锅" * 42


def test_a_refund_is_asked_for_and_ends_a_moment_later(desk: PayDesk, acting: None) -> None:
    desk.paid()
    asked = desk.give_back(2345)
    assert (asked.state, asked.refund_fen, asked.refunded_at) == (
        *(RefundState.PROCESSING, 2345, None),
    )
    desk.platform.push_waiting()
    ended = pay.ask_refund("back1")
    assert ended is not None and ended.refunded_at is not None
    assert (ended.state, ended.refund_id, ended.out_trade_no) == (
        *(RefundState.SUCCESS, asked.refund_id, "bill000001"),
    )
    order = pay.ask("bill000001")
    assert order is not None and order.state is TradeState.REFUND and order.is_paid


def test_the_same_refund_number_gives_back_once(desk: PayDesk, acting: None) -> None:
    desk.paid()
    assert desk.give_back(12345).refund_id == desk.give_back(12345).refund_id
    assert [made.refund for made in desk.platform.refunds()] == [12345]


def test_no_more_is_given_back_than_was_paid(desk: PayDesk, acting: None) -> None:
    desk.paid()
    desk.give_back(10000, "back1")
    with pytest.raises(PayRefused) as refused:
        desk.give_back(2346, "back2")
    assert refused.value.errcode == "INVALID_REQUEST"
    desk.give_back(2345, "back2")
    assert sum(made.refund for made in desk.platform.refunds()) == 12345


@pytest.mark.parametrize("state", [RefundState.ABNORMAL, RefundState.CLOSED])
def test_a_refund_may_fail(desk: PayDesk, acting: None, state: RefundState) -> None:
    desk.paid()
    desk.platform.end_next_refund(state)
    desk.give_back(100)
    desk.platform.push_waiting()
    ended = pay.ask_refund("back1")
    assert ended is not None and (ended.state, ended.refunded_at) == (state, None)


def test_without_money_on_the_account_nothing_is_given_back(desk: PayDesk, acting: None) -> None:
    desk.paid()
    desk.platform.fail(REFUND, status=403, code="NOT_ENOUGH")
    with pytest.raises(PayRefused) as refused:
        desk.give_back(100)
    assert refused.value.errcode == "NOT_ENOUGH"
    assert desk.platform.refunds() == []


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "code": "SYSTEM_ERROR"},
        {"status": 429, "code": "FREQUENCY_LIMITED"},
        {"status": 502, "html": True},
        {"status": 404, "html": True},
        {"status": 200, "html": True},
        {"truncate": True},
        {"status": 503, "html": True, "carried_out": True},
    ],
)
def test_what_is_no_answer_of_wechat_pays_leaves_it_unknown(
    desk: PayDesk, acting: None, fault: dict[str, int | str | bool]
) -> None:
    desk.platform.fail(ORDER, **fault)  # type: ignore[arg-type]
    with pytest.raises(WechatUnavailable):
        desk.prepare()
    desk.prepare()
    desk.platform.fail(QUERY, **fault)  # type: ignore[arg-type]
    with pytest.raises(WechatUnavailable):
        pay.ask("bill000001")


def test_a_slow_answer_is_not_waited_for(
    desk: PayDesk, acting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "ANSWER_SECONDS", 0.2)
    pay_client._client.cache_clear()
    desk.platform.fail(ORDER, hang=20)
    began = time.monotonic()
    with pytest.raises(WechatUnavailable):
        desk.prepare()
    assert time.monotonic() - began < 15
    pay_client._client.cache_clear()


def test_nobody_answers(app: Flask, desk: PayDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "WECHAT_PAY_API_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(WechatUnavailable) as raised:
        desk.prepare()
    said = "".join(traceback.format_exception(raised.value))
    assert desk.credentials.api_v3_key not in said and "Authorization" not in said


def test_an_answer_that_wechat_pay_did_not_sign_is_no_answer(desk: PayDesk, acting: None) -> None:
    another = desk.platform.pay_account("1900000102")
    change(desk, public_key=public_pem_of(another.private_key))
    with pytest.raises(WechatUnavailable):
        desk.prepare()


def test_an_unknown_serial_number_is_not_looked_up(desk: PayDesk, acting: None) -> None:
    change(desk, public_key_id="PUB_KEY_ID_0114232134912410000000000000")
    with pytest.raises(WechatUnavailable):
        desk.prepare()
    assert desk.platform.calls("/v3/certificates") == 0


def test_wrong_keys_of_ours_are_refused_in_wechat_pays_words(desk: PayDesk) -> None:
    change(desk, serial_no="00FF")
    with pytest.raises(PayRefused) as refused:
        desk.prepare()
    assert refused.value.errcode == "SIGN_ERROR"
    assert desk.credentials.private_key.splitlines()[1] not in str(refused.value)


def test_another_apps_person_cannot_be_asked_to_pay(desk: PayDesk) -> None:
    openid = desk.platform.openid(desk.guest, desk.shop.oa)
    with pytest.raises(PayRefused) as refused:
        desk.prepare(openid=openid)
    assert refused.value.errcode == "PARAM_ERROR"


def test_nothing_is_asked_inside_a_transaction(desk: PayDesk, acting: None) -> None:
    with transaction(), pytest.raises(RuntimeError):
        desk.prepare()


def test_a_merchant_without_an_account_offers_no_payment(desk: PayDesk) -> None:
    other = a_shop()
    with tenancy.acting_for(other.merchant_id):
        assert not pay.available(other.merchant_id)
        for use in (pay.ask, pay.close, pay.ask_refund):
            with pytest.raises(PayNotOffered):
                use("bill000001")
        with pytest.raises(PayNotOffered):
            pay.notify_address(other.merchant_id)


def test_an_account_that_was_switched_off_finishes_what_it_began(
    desk: PayDesk, acting: None
) -> None:
    headers, body = desk.paid()
    change(desk, active=False)
    assert not pay.available(desk.shop.merchant_id)
    with pytest.raises(PayNotOffered):
        desk.prepare("bill000002")
    told = pay.ask("bill000001")
    assert told is not None and told.is_paid
    assert desk.give_back(100).refund_fen == 100
    assert pay.read_notification(headers, body) == told


def test_each_merchant_signs_for_itself(desk: PayDesk, wechat: Platform) -> None:
    desk.paid()
    other = a_shop()
    a_pay_account(other, wechat.pay_account("1900000103"))
    with tenancy.acting_for(other.merchant_id):
        assert pay.ask("bill000001") is None


def test_no_secret_is_spelt(desk: PayDesk) -> None:
    with tenancy.acting_for(desk.shop.merchant_id):
        account = pay.account_of(desk.shop.merchant_id)
    assert account is not None
    assert repr(pay_client.Signer.of(account)) == "Signer(1900000101)"
