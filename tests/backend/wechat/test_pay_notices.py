"""WeChat Pay's notices (S1-19): what is taken for true, and every forgery that is not."""

import base64
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from backend.wechat import pay
from backend.wechat.errors import PayForged
from backend.wechat.pay import PaidNotice, RefundNotice, RefundState, TradeState
from scripts.wechat_platform.pay_accounts import known_pay_account
from scripts.wechat_platform.pay_signing import sealed, signed_headers
from scripts.wechat_platform.server import Platform
from tests.backend.wechat.pay_desk import Headers, PayDesk, a_pay_desk
from tests.backend.wechat.test_pay import change
from tests.builders import Shop, a_shop

SIGNED = (
    "Wechatpay-Serial",
    "Wechatpay-Signature",
    "Wechatpay-Timestamp",
    "Wechatpay-Nonce",
    "Wechatpay-Signature-Type",
)


@pytest.fixture
def desk(wechat: Platform, shop: Shop) -> PayDesk:
    return a_pay_desk(wechat, shop)


def forged(headers: Headers, body: bytes, mch_id: str | None = None) -> None:
    with pytest.raises(PayForged):
        pay.read_notification(headers, body, mch_id=mch_id)


def told(desk: PayDesk, content: object, *, age: float = 0.0) -> tuple[Headers, bytes]:
    """Anything at all, rightly signed."""
    body = json.dumps(content).encode()
    return signed_headers(body, at=desk.platform.world.clock() - age), body


def test_a_payment_is_told_as_it_is(desk: PayDesk) -> None:
    headers, body = desk.paid()
    notice = pay.read_notification(headers, body, mch_id="1900000101")
    assert isinstance(notice, PaidNotice)
    (order,) = desk.platform.orders()
    assert (notice.merchant_id, notice.out_trade_no, notice.state, notice.amount_fen) == (
        *(desk.shop.merchant_id, "bill000001", TradeState.SUCCESS, 12345),
    )
    assert (notice.transaction_id, notice.openid) == (order.transaction_id, order.openid)
    assert pay.read_notification(headers, body) == notice


def test_a_refund_is_told_as_it_ended(desk: PayDesk) -> None:
    desk.paid()
    for number, end in (("back1", "SUCCESS"), ("back2", "ABNORMAL"), ("back3", "CLOSED")):
        desk.platform.end_next_refund(end)
        desk.give_back(100, number)
        desk.platform.push_waiting()
        notice = pay.read_notification(*desk.told[-1])
        assert isinstance(notice, RefundNotice)
        assert (notice.out_refund_no, notice.state, notice.refund_fen) == (
            *(number, RefundState(end), 100),
        )
        assert (notice.refunded_at is not None) == (end == "SUCCESS")


def test_a_notice_comes_again_until_it_is_taken(desk: PayDesk) -> None:
    desk.platform.spoil_notices(wrong_signature=True)
    desk.platform.deliver_notice = lambda url, headers, body: (
        desk.told.append((headers, body)) or (_answer(headers, body), b"")
    )
    desk.platform.pay(desk.guest, desk.prepare().prepay_id)
    assert [notice.done for notice in desk.platform.notices()] == [False]
    desk.platform.push_waiting()
    assert [(notice.done, notice.tries) for notice in desk.platform.notices()] == [(True, 2)]
    assert desk.platform.push_waiting() == 0


def _answer(headers: Headers, body: bytes) -> int:
    try:
        pay.read_notification(headers, body)
    except PayForged as refused:
        return refused.http_status
    return 204


@pytest.mark.parametrize("name", SIGNED)
def test_every_header_is_needed(desk: PayDesk, name: str) -> None:
    headers, body = desk.paid()
    forged({key: value for key, value in headers.items() if key != name}, body)
    forged(headers | {name: ""}, body)


@pytest.mark.parametrize("name", SIGNED)
def test_a_header_that_was_changed_anywhere_is_refused(desk: PayDesk, name: str) -> None:
    headers, body = desk.paid()
    value = headers[name]
    for at in {0, 1, len(value) // 2, len(value) - 1}:
        other = "1" if value[at] != "1" else "2"
        forged(headers | {name: value[:at] + other + value[at + 1 :]}, body)
    for other in (value + " ", " " + value, value + "\n", value.swapcase() + "x", value * 2):
        forged(headers | {name: other}, body)


def test_a_signature_has_one_spelling(desk: PayDesk) -> None:
    headers, body = desk.paid()
    signature = headers["Wechatpay-Signature"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = signature[-3]
    loose = signature[:-3] + alphabet[alphabet.index(last) + 1] + "=="
    assert base64.b64decode(loose) == base64.b64decode(signature)
    for spelling in (
        loose,
        signature[:10] + "!" + signature[10:],
        signature[:10] + "\n" + signature[10:],
    ):
        forged(headers | {"Wechatpay-Signature": spelling}, body)


def test_a_body_that_was_changed_anywhere_is_refused(desk: PayDesk) -> None:
    headers, body = desk.paid()
    for at in range(0, len(body), 7):
        forged(headers, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])
    for other in (b"", body + b"\n", b" " + body, body[:-1], b"\xff\xfe", b"null", body + body):
        forged(headers, other)


@pytest.mark.parametrize(("age", "taken"), [(290, True), (-290, True), (310, False), (-310, False)])
def test_a_notice_is_good_for_five_minutes(desk: PayDesk, age: float, taken: bool) -> None:
    desk.platform.spoil_notices(age=age)
    headers, body = desk.paid()
    if taken:
        assert pay.read_notification(headers, body)
    else:
        forged(headers, body)


@pytest.mark.parametrize("timestamp", ["", "x", "-1", "1e9", "１７０００００００１", "9" * 40, "0"])
def test_a_timestamp_that_is_none_is_refused(desk: PayDesk, timestamp: str) -> None:
    headers, body = desk.paid()
    forged(headers | {"Wechatpay-Timestamp": timestamp}, body)


@pytest.mark.parametrize("spelling", ["HTTP_WECHATPAY_{}", "wechatpay-{}"])
def test_an_old_notice_is_not_smuggled_in_under_other_names_of_the_headers(
    desk: PayDesk, spelling: str
) -> None:
    desk.platform.spoil_notices(age=3600)
    headers, body = desk.paid()
    fresh = signed_headers(b"{}", at=desk.platform.world.clock())
    under = {}
    for name in SIGNED:
        tail = name.removeprefix("Wechatpay-")
        tail = tail.upper().replace("-", "_") if spelling.startswith("HTTP") else tail.lower()
        under[spelling.format(tail)] = headers[name]
    forged(fresh | under, body)


def test_a_signature_of_something_else_is_refused(desk: PayDesk) -> None:
    desk.platform.spoil_notices(wrong_signature=True)
    forged(*desk.paid())


def test_a_signature_by_another_key_is_refused(desk: PayDesk) -> None:
    headers, body = desk.paid()
    key = load_pem_private_key(desk.credentials.private_key.encode(), None)
    head = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode()
    signed = key.sign(head + body + b"\n", PKCS1v15(), SHA256())  # type: ignore[union-attr,call-arg,arg-type]
    forged(headers | {"Wechatpay-Signature": base64.b64encode(signed).decode()}, body)


def test_what_our_key_does_not_open_is_refused(desk: PayDesk) -> None:
    headers, body = desk.paid()
    change(desk, api_v3_key="0" * 32)
    forged(headers, body)


def test_what_opens_but_is_about_another_account_is_refused(desk: PayDesk) -> None:
    headers, body = desk.paid()
    change(desk, mch_id="1900000199")
    forged(headers, body)
    change(desk, mch_id="1900000101")
    assert pay.read_notification(headers, body)


def test_a_refund_of_another_account_is_refused(desk: PayDesk) -> None:
    desk.paid()
    desk.give_back(100)
    desk.platform.push_waiting()
    change(desk, mch_id="1900000199")
    forged(*desk.told[-1])


def test_the_address_names_the_account(desk: PayDesk) -> None:
    headers, body = desk.paid()
    forged(headers, body, mch_id="1900000199")
    forged(headers, body, mch_id="")
    assert pay.read_notification(headers, body, mch_id="1900000101")


def test_of_several_accounts_the_one_that_is_told_of_is_found(
    desk: PayDesk, wechat: Platform
) -> None:
    other = a_pay_desk(wechat, _another_shop(wechat), mch_id="1900000105")
    notice = pay.read_notification(*other.paid())
    assert notice.merchant_id == other.shop.merchant_id
    forged(*other.told[-1], mch_id="1900000101")


def _another_shop(wechat: Platform) -> Shop:
    shop = a_shop()
    wechat.account(shop.mini, "miniprogram", f"secret-{shop.mini}")
    return shop


Spoil = Callable[[dict[str, object]], object]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda resource: resource | {"amount": {}},
        lambda resource: resource | {"amount": {"total": -5}} | {"transaction_id": ""},
        lambda resource: resource | {"success_time": "yesterday"},
        lambda resource: resource | {"success_time": "2026-11-22T10:00:00"},
        lambda resource: resource | {"trade_state": "SOMETHING"},
        lambda resource: resource | {"transaction_id": ""},
        lambda resource: {key: value for key, value in resource.items() if key != "mchid"},
        lambda resource: {key: value for key, value in resource.items() if key != "out_trade_no"},
        lambda resource: [resource],
        lambda resource: "text",
    ],
)
def test_a_payment_that_is_not_told_whole_is_refused(desk: PayDesk, spoil: Spoil) -> None:
    resource: dict[str, object] = {
        "mchid": "1900000101",
        "appid": desk.shop.mini,
        "out_trade_no": "bill000001",
        "trade_state": "SUCCESS",
        "transaction_id": "42",
        "success_time": "2026-11-22T10:00:00+08:00",
        "amount": {"total": 5},
        "payer": {"openid": "o"},
    }
    assert pay.read_notification(*told(desk, _envelope(desk, resource)))
    forged(*told(desk, _envelope(desk, spoil(resource))))


@pytest.mark.parametrize(
    "change_envelope",
    [
        lambda envelope: envelope | {"event_type": "PAYSCORE.USER_PAID"},
        lambda envelope: envelope | {"event_type": 5},
        lambda envelope: envelope | {"resource_type": "plain"},
        lambda envelope: envelope | {"resource": None},
        lambda envelope: envelope | {"resource": {**envelope["resource"], "algorithm": "NONE"}},
        lambda envelope: envelope | {"resource": {**envelope["resource"], "nonce": "x"}},
        lambda envelope: (
            envelope | {"resource": {**envelope["resource"], "associated_data": "refund"}}
        ),
        lambda envelope: envelope | {"resource": {**envelope["resource"], "ciphertext": "AAAA"}},
        lambda envelope: [envelope],
        lambda envelope: {},
    ],
)
def test_an_envelope_of_another_make_is_refused(
    desk: PayDesk, change_envelope: Callable[[dict[str, dict[str, str]]], object]
) -> None:
    resource = {
        "mchid": "1900000101",
        "appid": desk.shop.mini,
        "out_trade_no": "bill000001",
        "trade_state": "NOTPAY",
    }
    envelope = _envelope(desk, resource)
    assert pay.read_notification(*told(desk, envelope))
    forged(*told(desk, change_envelope(envelope)))  # type: ignore[arg-type]


def _envelope(desk: PayDesk, resource: object) -> dict[str, object]:
    account = known_pay_account(desk.platform.world.store, "1900000101")
    return {
        "id": "1",
        "resource_type": "encrypt-resource",
        "event_type": "TRANSACTION.SUCCESS",
        "resource": sealed(account, resource, kind="transaction"),  # type: ignore[arg-type]
    }
