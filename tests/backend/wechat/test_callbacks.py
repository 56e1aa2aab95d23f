"""Pushes: what WeChat signs is read, everything else is forged."""

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha1

import pytest
import xmltodict  # type: ignore[import-untyped]
from flask import Flask
from wechatpy.crypto import WeChatCrypto

from backend.wechat import callbacks
from backend.wechat.errors import ForgedPush, UnreadablePush
from backend.wechat.models import AppKind, WechatApp

TOKEN, APP_ID = "simtoken", "wx1234567890abcdef"
AES_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
TIMESTAMP, NONCE = "1700000001", "nonce1"
FOLLOW = (
    "<xml><ToUserName><![CDATA[gh_sim]]></ToUserName>"
    "<FromUserName><![CDATA[oUser1]]></FromUserName><CreateTime>1700000000</CreateTime>"
    "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[subscribe]]></Event>"
    "<EventKey><![CDATA[qrscene_store_7]]></EventKey><Ticket><![CDATA[TICKET]]></Ticket></xml>"
)


def an_app(*, aes_key: str | None = None) -> WechatApp:
    return WechatApp(
        app_id=APP_ID, kind=AppKind.OFFICIAL_ACCOUNT, secret="s", token=TOKEN, aes_key=aes_key
    )


def signed(*more: str) -> str:
    return sha1("".join(sorted([TOKEN, TIMESTAMP, NONCE, *more])).encode()).hexdigest()


def plain_query() -> dict[str, str]:
    return {"signature": signed(), "timestamp": TIMESTAMP, "nonce": NONCE}


def sealed(text: str, *, app_id: str = APP_ID) -> tuple[dict[str, str], str]:
    """Query and sealed text of an encrypted push."""
    whole = WeChatCrypto(TOKEN, AES_KEY, app_id).encrypt_message(text, NONCE, TIMESTAMP)
    envelope = xmltodict.parse(whole)["xml"]
    query = plain_query() | {"encrypt_type": "aes", "msg_signature": envelope["MsgSignature"]}
    return query, envelope["Encrypt"]


def read(
    body: str | bytes, *, app: WechatApp | None = None, query: Mapping[str, str] | None = None
) -> callbacks.Push:
    raw = body.encode() if isinstance(body, str) else body
    return callbacks.read(
        app or an_app(), query=query or plain_query(), body=raw, content_type="text/xml"
    )


def event(**fields: object) -> str:
    whole = {
        "ToUserName": "gh_sim",
        "FromUserName": "oUser1",
        "CreateTime": 1700000000,
        "MsgType": "event",
        **fields,
    }
    return json.dumps(whole, ensure_ascii=False)


def test_the_known_vector_of_a_server_check(app: Flask) -> None:
    assert signed() == "c1686112adb1810e4e4b1d54dcaf01d233b69009"
    query = plain_query() | {"echostr": "echo"}
    assert callbacks.check_server(an_app(), query=query) == "echo"


def test_a_plain_push_is_read(app: Flask) -> None:
    push = read(FOLLOW)
    assert (push.openid, push.account, push.kind) == ("oUser1", "gh_sim", "subscribe")
    assert (push.key, push.created_at) == ("qrscene_store_7", 1700000000)
    assert (push.is_event, push.encrypted, push.as_json) == (True, False, False)


def test_an_encrypted_push_is_read(app: Flask) -> None:
    query, text = sealed(FOLLOW)
    body = f"<xml><ToUserName>gh_sim</ToUserName><Encrypt><![CDATA[{text}]]></Encrypt></xml>"
    push = read(body, app=an_app(aes_key=AES_KEY), query=query)
    assert push == replace(read(FOLLOW), encrypted=True)


def test_in_compatible_mode_only_the_sealed_half_is_believed(app: Flask) -> None:
    query, text = sealed(FOLLOW)
    open_half = FOLLOW.replace("oUser1", "oSomebodyElse").removesuffix("</xml>")
    push = read(
        f"{open_half}<Encrypt>{text}</Encrypt></xml>", app=an_app(aes_key=AES_KEY), query=query
    )
    assert push.openid == "oUser1"


def test_json_is_read_plain_and_encrypted(app: Flask) -> None:
    text = event(Event="subscribe_msg_popup_event", List={"TemplateId": "T"})
    assert read(text).as_json
    query, hidden = sealed(text)
    push = read(json.dumps({"Encrypt": hidden}), app=an_app(aes_key=AES_KEY), query=query)
    assert push.kind == "subscribe_msg_popup_event"
    assert push.fields["List"] == {"TemplateId": "T"}


def test_a_plain_push_to_an_encrypted_account_is_forged_in_production(app: Flask) -> None:
    assert read(FOLLOW, app=an_app(aes_key=AES_KEY)).kind == "subscribe"
    app.config["PRODUCTION"] = True
    try:
        with pytest.raises(ForgedPush):
            read(FOLLOW, app=an_app(aes_key=AES_KEY))
        assert read(FOLLOW).kind == "subscribe"
    finally:
        app.config["PRODUCTION"] = False


@pytest.mark.parametrize(
    "change",
    [
        {"signature": "0" * 40},
        {"signature": ""},
        {"signature": "c1686112adb1810e4e4b1d54dcaf01d233b6900"},
        {"signature": signed().upper()},
        {"signature": "中文\ud800"},
        {"timestamp": "1700000002"},
        {"nonce": ""},
        {"nonce": "\udc80"},
    ],
)
def test_a_wrong_signature_is_forged(app: Flask, change: dict[str, str]) -> None:
    with pytest.raises(ForgedPush):
        read(FOLLOW, query=plain_query() | change)
    with pytest.raises(ForgedPush):
        callbacks.check_server(an_app(), query=plain_query() | change)


def test_without_any_query_a_push_is_forged(app: Flask) -> None:
    with pytest.raises(ForgedPush):
        callbacks.read(an_app(), query={}, body=FOLLOW.encode(), content_type="")


def test_an_app_without_a_token_takes_no_push(app: Flask) -> None:
    app_without = an_app()
    app_without.token = None
    empty = sha1("".join(sorted(["", TIMESTAMP, NONCE])).encode()).hexdigest()
    with pytest.raises(ForgedPush):
        read(FOLLOW, app=app_without, query=plain_query() | {"signature": empty})


def test_an_envelope_of_another_app_is_not_read(app: Flask) -> None:
    query, text = sealed(FOLLOW, app_id="wxsomebodyelse")
    with pytest.raises(UnreadablePush):
        read(json.dumps({"Encrypt": text}), app=an_app(aes_key=AES_KEY), query=query)


def test_an_encrypted_push_to_an_app_without_a_key_is_not_read(app: Flask) -> None:
    query, text = sealed(FOLLOW)
    with pytest.raises(UnreadablePush):
        read(json.dumps({"Encrypt": text}), query=query)


def test_no_changed_byte_of_a_sealed_push_passes(app: Flask) -> None:
    query, text = sealed(FOLLOW)
    ours = an_app(aes_key=AES_KEY)
    chance = random.Random(7)
    for place in range(len(text)):
        other = chance.choice("ABCDEFabcdef0123456789+/".replace(text[place], ""))
        changed = text[:place] + other + text[place + 1 :]
        with pytest.raises(ForgedPush):
            read(json.dumps({"Encrypt": changed}), app=ours, query=query)
        resigned = query | {"msg_signature": signed(changed)[::-1]}
        with pytest.raises(ForgedPush):
            read(json.dumps({"Encrypt": changed}), app=ours, query=resigned)
    for name in ("msg_signature", "timestamp", "nonce"):
        for place in range(len(query[name])):
            value = query[name][:place] + "~" + query[name][place + 1 :]
            with pytest.raises(ForgedPush):
                read(json.dumps({"Encrypt": text}), app=ours, query=query | {name: value})


def test_rightly_signed_nonsense_in_the_envelope_is_not_read(app: Flask) -> None:
    ours = an_app(aes_key=AES_KEY)
    for nonsense in ("A", "AAAA", "A" * 44, "A" * 88, "=" * 64, sealed("x")[1][:-8]):
        query = plain_query() | {"msg_signature": signed(nonsense)}
        with pytest.raises(UnreadablePush):
            read(json.dumps({"Encrypt": nonsense}), app=ours, query=query)
    for never_base64 in ("", "中文"):
        query = plain_query() | {"msg_signature": signed(never_base64)}
        with pytest.raises(ForgedPush):
            read(json.dumps({"Encrypt": never_base64}), app=ours, query=query)


def test_a_slash_that_json_escapes_is_a_slash_of_the_seal(app: Flask) -> None:
    query, text = sealed(FOLLOW)
    body = json.dumps({"Encrypt": text}).replace("/", "\\/")
    assert read(body, app=an_app(aes_key=AES_KEY), query=query).kind == "subscribe"


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize(
    ("written", "is_read_as"),
    [("你\x08好", "你好"), ("你&#8;好&#x3000;", "你好"), ("a\x00\x1f\ufffe\tb", "a\tb")],
)
def test_what_xml_forbids_is_dropped_from_what_a_follower_wrote(
    app: Flask, written: str, is_read_as: str, encrypted: bool
) -> None:
    text = (
        "<xml><ToUserName>gh</ToUserName><FromUserName>oU</FromUserName><CreateTime>1</CreateTime>"
        f"<MsgType>text</MsgType><MsgId>7</MsgId><Content>{written}</Content></xml>"
    )
    query, hidden = sealed(text)
    push = (
        read(json.dumps({"Encrypt": hidden}), app=an_app(aes_key=AES_KEY), query=query)
        if encrypted
        else read(text)
    )
    assert push.text.strip() == is_read_as


def test_what_json_escapes_and_a_database_refuses_is_dropped(app: Flask) -> None:
    odd = event(MsgType="text", MsgId=1, Content="你\x00\x08好").replace("好", "\\ud800好")
    assert read(odd).text == "你好"


BOMB = b"<xml>" + b"<a>" * 37_000 + b"</a>" * 37_000 + b"</xml>"


@pytest.mark.parametrize("query", [{}, {"signature": "0" * 40}, {"msg_signature": "0" * 40}])
def test_a_stranger_s_body_is_never_parsed(
    app: Flask, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(BOMB) > 250_000
    monkeypatch.setattr(callbacks, "_parsed", lambda _body: pytest.fail("parsed before proven"))
    for body in (BOMB, b'{"a":' * 40_000, b"<Encrypt>" * 20_000, b'"Encrypt" :' * 20_000):
        with pytest.raises(ForgedPush):
            read(body, query=plain_query() | {"signature": ""} | query)


def test_a_signed_bomb_is_given_up_at_its_ninth_level(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xmltodict, "parse", lambda _text: pytest.fail("built a tree of it"))
    for body in (BOMB, b"<xml>" + b"<a/>" * 60_000 + b"</xml>"):
        with pytest.raises(UnreadablePush):
            read(body)


ODD_BODIES: dict[str, str | bytes] = {
    "nothing": b"",
    "blanks": b"  \n ",
    "a word": "success",
    "an empty root": "<xml/>",
    "another root": FOLLOW.replace("xml>", "html>"),
    "no end": FOLLOW[:-6],
    "two roots": FOLLOW + FOLLOW,
    "a doubled tag": FOLLOW.replace("<Ticket>", "<Event>unsubscribe</Event><Ticket>"),
    "a doubled sender": FOLLOW.replace("<Ticket>", "<FromUserName>o2</FromUserName><Ticket>"),
    "a sender with an attribute": FOLLOW.replace("<FromUserName>", '<FromUserName a="b">'),
    "an entity": "<!DOCTYPE x [<!ENTITY a 'b'>]>" + FOLLOW.replace("TICKET", "&a;"),
    "an entity from a file": "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + FOLLOW,
    "UTF-16": FOLLOW.encode("utf-16"),
    "deep XML": "<xml>" + "<a>" * 20_000 + "</a>" * 20_000 + "</xml>",
    "deep JSON": '{"a":' * 30_000 + "1" + "}" * 30_000,
    "a JSON list": "[]",
    "broken JSON": '{"MsgType":',
    "no sender": event(Event="subscribe", FromUserName=""),
    "a sender of spaces": event(Event="subscribe", FromUserName="o 1"),
    "a sender too long": event(Event="subscribe", FromUserName="o" * 65),
    "a sender that is a list": event(Event="subscribe", FromUserName=["o"]),
    "no time": event(Event="subscribe", CreateTime="now"),
    "a negative time": event(Event="subscribe", CreateTime=-1),
    "a time beyond time": event(Event="subscribe", CreateTime=10**13),
    "an event without a name": event(),
    "no type": event(MsgType=None),
    "not a number": event(Event="subscribe", X=float("nan")),
    "endless": event(Event="subscribe", X=float("inf")),
    "too large a number": '{"X":1e999,' + event(Event="subscribe")[1:],
    "a number of 5000 digits": '{"X":' + "9" * 5000 + "," + event(Event="subscribe")[1:],
    "an envelope in an envelope": json.dumps({"Encrypt": {"Encrypt": "x"}}),
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES.keys())
def test_a_signed_body_that_cannot_be_read_is_no_forgery(app: Flask, body: str | bytes) -> None:
    with pytest.raises(UnreadablePush):
        read(body)


@pytest.mark.parametrize("odd", ["中文".encode("gbk"), b"\xff\xfe", b"\x00"])
def test_bytes_that_are_no_text_spoil_only_their_own_field(app: Flask, odd: bytes) -> None:
    assert read(FOLLOW.encode().replace(b"TICKET", odd)).kind == "subscribe"


def test_a_repeat_has_the_same_key_and_any_other_push_another(app: Flask) -> None:
    texts = [
        event(Event="subscribe"),
        event(Event="SCAN"),
        event(Event="subscribe", EventKey="x"),
        event(Event="subscribe", CreateTime=1700000001),
        event(Event="subscribe", FromUserName="oUser2"),
        event(Event="TEMPLATESENDJOBFINISH", MsgID=1),
        event(Event="TEMPLATESENDJOBFINISH", MsgID=2),
        event(MsgType="text", Content="a", MsgId=1),
        event(MsgType="text", Content="a", MsgId=2),
        event(MsgType="text", Content="a"),
    ]
    keys = [read(text).dedupe_key for text in texts]
    assert len(set(keys)) == len(texts)
    assert [read(text).dedupe_key for text in texts] == keys
    another = an_app()
    another.app_id = "wxanother"
    assert read(texts[0], app=another).dedupe_key not in keys


def test_a_message_is_known_by_its_id_whatever_else_is_repeated(app: Flask) -> None:
    first = event(MsgType="text", Content="a", MsgId=1)
    later = event(MsgType="text", Content="a", MsgId=1, CreateTime=1700000005)
    assert read(first).dedupe_key == read(later).dedupe_key


@pytest.mark.parametrize("text", ["欢迎", "a]]>b<x>&", "]]>]]>", "<a href='x'>券</a>"])
@pytest.mark.parametrize("aes_key", [None, AES_KEY])
def test_a_reply_goes_back_to_who_caused_it(app: Flask, text: str, aes_key: str | None) -> None:
    ours = an_app(aes_key=aes_key)
    query, hidden = sealed(FOLLOW)
    push = read(json.dumps({"Encrypt": hidden}), app=ours, query=query) if aes_key else read(FOLLOW)
    answer = callbacks.reply_text(ours, push, text).decode()
    if aes_key:
        outer = xmltodict.parse(answer)["xml"]
        answer = WeChatCrypto(TOKEN, AES_KEY, APP_ID).decrypt_message(
            outer, outer["MsgSignature"], outer["TimeStamp"], outer["Nonce"]
        )
    reply = xmltodict.parse(answer)["xml"]
    assert (reply["ToUserName"], reply["FromUserName"]) == ("oUser1", "gh_sim")
    assert (reply["MsgType"], reply["Content"]) == ("text", text)


def test_without_a_text_and_to_a_mini_program_the_answer_is_success(app: Flask) -> None:
    assert callbacks.reply_text(an_app(), read(FOLLOW), "") == b"success"
    assert callbacks.reply_text(an_app(), read(event(Event="x")), "欢迎") == b"success"


def test_a_reply_ends_at_2048_bytes_between_two_characters() -> None:
    assert len(callbacks.fit_reply("券" * 1000)) == 682
