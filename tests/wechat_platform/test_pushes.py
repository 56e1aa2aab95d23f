"""Pushes as they arrive at the product, and what its answers do."""

import json
import time

import pytest
import xmltodict  # type: ignore[import-untyped]
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.crypto.base import BasePrpCrypto
from wechatpy.events import ScanEvent, SubscribeEvent, SubscribeScanEvent, UnsubscribeEvent
from wechatpy.exceptions import InvalidSignatureException
from wechatpy.messages import TextMessage
from wechatpy.replies import TextReply
from wechatpy.utils import check_signature

from scripts.wechat_platform.accounts import Account, Kind
from scripts.wechat_platform.envelopes import Fields, seal, signature, xml_of
from scripts.wechat_platform.server import Platform
from tests.wechat_platform.conftest import AES_KEY, Arrived, Product


def test_the_known_signatures_come_out() -> None:
    assert signature("simtoken", "1700000001", "nonce1") == (
        "c1686112adb1810e4e4b1d54dcaf01d233b69009"
    )


KNOWN: Fields = {
    "ToUserName": "gh_sim",
    "FromUserName": "oUser1",
    "CreateTime": 1700000000,
    "MsgType": "event",
    "Event": "subscribe",
    "EventKey": "qrscene_store_7",
    "Ticket": "TICKET",
}


def test_the_known_message_is_written_letter_by_letter() -> None:
    assert xml_of(KNOWN) == (
        "<xml><ToUserName><![CDATA[gh_sim]]></ToUserName><FromUserName><![CDATA[oUser1]]>"
        "</FromUserName><CreateTime>1700000000</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        "<Event><![CDATA[subscribe]]></Event><EventKey><![CDATA[qrscene_store_7]]></EventKey>"
        "<Ticket><![CDATA[TICKET]]></Ticket></xml>"
    )


def test_the_known_message_is_encrypted_letter_by_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BasePrpCrypto, "get_random_string", lambda _: "0123456789abcdef")
    account = Account(
        "wx1234567890abcdef", Kind.OFFICIAL_ACCOUNT, "s", token="simtoken", aes_key=AES_KEY
    )
    envelope = seal(account, "oUser1", KNOWN, nonce="nonce1", timestamp=1700000001)
    sealed = xmltodict.parse(envelope.body)["xml"]["Encrypt"]
    assert envelope.query["msg_signature"] == "387459ba1892b60c2171434b7e5bb7fdc132cd20"
    assert sealed.startswith("4j/AuRx71kQlxVlzbpsMWPQ1oGnV9iIv")
    assert sealed.endswith("ZqB0IIghKIQ==")


@pytest.mark.parametrize("kind", list(Kind))
def test_a_sealed_push_opens_with_the_accounts_own_keys(kind: Kind) -> None:
    account = Account("wx1234567890abcdef", kind, "s", "simtoken", AES_KEY)
    fields = {"ToUserName": account.original_id, "Content": "]]>结束", "MsgType": "text"}
    envelope = seal(account, "oUser1", fields, timestamp=1700000001)
    body = envelope.body.decode()
    outer = json.loads(body) if kind is Kind.MINIPROGRAM else xmltodict.parse(body)["xml"]
    assert set(outer) == {"ToUserName", "Encrypt"}
    query = envelope.query
    assert query["encrypt_type"] == "aes"
    opened = WeChatCrypto("simtoken", AES_KEY, account.app_id).decrypt_message(
        outer, query["msg_signature"], query["timestamp"], query["nonce"]
    )
    inner = json.loads(opened) if kind is Kind.MINIPROGRAM else xmltodict.parse(opened)["xml"]
    assert inner == fields


def _last(product: Product, token: str = "t-oa") -> Arrived:
    arrived = product.arrived[-1]
    query = arrived.query
    check_signature(token, query["signature"], query["timestamp"], query["nonce"])
    return arrived


def test_following_scanning_writing_and_leaving_are_pushed_as_wechat_does(
    platform: Platform, product: Product
) -> None:
    anna = platform.person("安娜")
    seen = []
    for deed in (
        lambda: platform.follow(anna, "wxoa"),
        lambda: platform.unfollow(anna, "wxoa"),
        lambda: platform.follow(anna, "wxoa", scene="s:xinghuo:s01"),
        lambda: platform.scan(anna, "wxoa", "s:xinghuo:s02"),
        lambda: platform.say(anna, "wxoa", "领券"),
    ):
        deed()  # type: ignore[no-untyped-call]
        arrived = _last(product)
        assert arrived.url.endswith("/wechat/wxoa/callback")
        assert arrived.query["openid"] == platform.openid(anna, "wxoa")
        seen.append(parse_message(arrived.body))
    assert [type(message) for message in seen] == [
        SubscribeEvent,
        UnsubscribeEvent,
        SubscribeScanEvent,
        ScanEvent,
        TextMessage,
    ]
    assert (seen[2].scene_id, seen[3].scene_id) == ("s:xinghuo:s01", "s:xinghuo:s02")
    assert seen[4].content == "领券"
    assert abs(seen[0].create_time.timestamp() - time.time()) < 5


def test_following_twice_is_pushed_once(platform: Platform, product: Product) -> None:
    anna = platform.person("安娜")
    platform.follow(anna, "wxoa")
    assert platform.follow(anna, "wxoa") is None
    assert len(product.arrived) == 1


def test_one_answer_in_the_subscription_dialog_is_an_object_and_two_are_a_list(
    platform: Platform, product: Product
) -> None:
    anna = platform.person("安娜")
    platform.answer(anna, "wxmini", {"T1": "accept"})
    one = json.loads(_last(product, "t-mini").body)
    assert one["Event"] == "subscribe_msg_popup_event"
    assert one["List"]["SubscribeStatusString"] == "accept"
    platform.answer(anna, "wxmini", {"T1": "accept", "T2": "reject", "T3": "ban"})
    two = json.loads(_last(product, "t-mini").body)
    assert [entry["TemplateId"] for entry in two["List"]] == ["T1", "T2"]


@pytest.mark.parametrize(
    ("answers", "tries", "status"),
    [
        ([], 1, 200),
        ([(503, b""), (200, b"")], 2, 200),
        ([(503, b""), (0, b""), (500, b""), (200, b"success")], 3, 500),
    ],
)
def test_a_push_is_tried_three_times(
    platform: Platform,
    product: Product,
    answers: list[tuple[int, bytes]],
    tries: int,
    status: int,
) -> None:
    product.answers = answers
    pushed = platform.follow(platform.person("安娜"), "wxoa")
    assert pushed is not None
    assert (pushed.tries, pushed.status) == (tries, status)
    assert len({arrived.body for arrived in product.arrived}) == 1


def _reply(platform: Platform, openid: str, text: str) -> str:
    account = platform.account("wxoa", "official_account", "wxoa-secret", token="t-oa")
    reply = TextReply(content=text)
    reply.source, reply.target = account.original_id, openid
    rendered: str = reply.render()
    return rendered


def test_a_passive_reply_stands_in_the_chat(platform: Platform, product: Product) -> None:
    anna = platform.person("安娜")
    product.answers = [(200, _reply(platform, platform.openid(anna, "wxoa"), "欢迎").encode())]
    platform.say(anna, "wxoa", "你好")
    assert [(line.channel, line.data.get("Content")) for line in platform.chat(anna, "wxoa")] == [
        ("said", None),
        ("reply", "欢迎"),
    ]
    assert platform.delivered() == []


def test_in_safe_mode_only_an_encrypted_reply_is_taken(
    platform: Platform, product: Product
) -> None:
    anna = platform.person("安娜")
    plain = _reply(platform, platform.openid(anna, "wxoa"), "欢迎")
    platform.account("wxoa", "official_account", "s", token="t-oa", aes_key=AES_KEY)
    sealed = WeChatCrypto("t-oa", AES_KEY, "wxoa").encrypt_message(plain, "n1", "1700000001")
    product.answers = [(200, plain.encode()), (200, sealed.encode())]
    refused, taken = platform.say(anna, "wxoa", "一"), platform.say(anna, "wxoa", "二")
    assert refused is not None
    assert refused.problem == "a plain reply in safe mode"
    assert taken is not None
    assert taken.reply is not None
    assert taken.reply["Content"] == "欢迎"


@pytest.mark.parametrize("answer", [b"<html>oops", b"ok", b"<xml><MsgType>text</MsgType></xml>"])
def test_an_answer_wechat_cannot_use_shows_its_excuse_to_one_who_wrote(
    platform: Platform, product: Product, answer: bytes
) -> None:
    anna = platform.person("安娜")
    product.answers = [(200, answer)]
    platform.say(anna, "wxoa", "你好")
    assert platform.chat(anna, "wxoa")[-1].data["text"] == (
        "该公众号提供的服务出现故障，请稍后再试"
    )


def test_pushes_can_be_doubled_and_forged(platform: Platform, product: Product) -> None:
    platform.spoil_pushes(duplicates=1)
    platform.spoil_pushes(wrong_signature=True)
    platform.follow(platform.person("安娜"), "wxoa")
    assert len(product.arrived) == 2
    assert product.arrived[0] == product.arrived[1]
    platform.follow(platform.person("本"), "wxoa")
    with pytest.raises(InvalidSignatureException):
        _last(product)
    platform.follow(platform.person("陈"), "wxoa")
    _last(product)


def test_an_account_without_a_token_pushes_nothing(platform: Platform, product: Product) -> None:
    platform.account("wxquiet", "official_account", "s")
    assert platform.follow(platform.person("安娜"), "wxquiet") is None
    assert product.arrived == []
