"""WeChat's pushes over HTTP: stored and answered, forged and refused, repeated and raced."""

import threading
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha1

import pytest
import xmltodict  # type: ignore[import-untyped]
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from wechatpy.crypto import WeChatCrypto

from backend import tenancy
from backend.campaigns.lifecycle import open_default_plan
from backend.coupons.models import Coupon
from backend.database import db, transaction
from backend.members.models import Member
from backend.merchants.models import Merchant
from backend.wechat import accounts, callbacks
from backend.wechat.models import CallbackInbox
from scripts.wechat_platform.server import Platform
from tests.builders import Shop, a_shop, reread
from tests.conftest import StillClock

AES_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
FOLLOW = (
    b"<xml><ToUserName>gh_sim</ToUserName><FromUserName>oAnna</FromUserName>"
    b"<CreateTime>1000</CreateTime><MsgType>event</MsgType><Event>subscribe</Event></xml>"
)


@pytest.fixture
def shop(wechat: Platform, clock: StillClock) -> Shop:
    shop = a_shop()
    wechat.account(shop.oa, "official_account", f"secret-{shop.oa}", token=f"token-{shop.oa}")
    open_default_plan(shop.merchant_id, now=clock.at)
    return shop


def signed(app_id: str) -> dict[str, str]:
    parts = sorted([f"token-{app_id}", "1", "n"])
    return {"signature": sha1("".join(parts).encode()).hexdigest(), "timestamp": "1", "nonce": "n"}


def counts(shop: Shop) -> tuple[int, int, int]:
    """Pushes, members, coupons."""
    reread()
    with tenancy.acting_for(shop.merchant_id):
        return (
            db.session.scalar(select(func.count()).select_from(CallbackInbox)) or 0,
            db.session.scalar(select(func.count()).select_from(Member)) or 0,
            db.session.scalar(select(func.count()).select_from(Coupon)) or 0,
        )


def test_the_server_check_answers_the_echo_as_it_came(http: FlaskClient, shop: Shop) -> None:
    url = f"/wechat/{shop.oa}/callback"
    good = http.get(url, query_string=signed(shop.oa) | {"echostr": "7<8"})
    assert (good.status_code, good.text, good.mimetype) == (200, "7<8", "text/plain")
    bad = http.get(url, query_string=signed("other") | {"echostr": "7"})
    assert bad.status_code == 403
    assert "7" not in bad.json["message"]  # type: ignore[index]


def test_an_unknown_app_is_404(http: FlaskClient, app: Flask) -> None:
    for answer in (http.get("/wechat/wxnobody/callback"), http.post("/wechat/wxnobody/callback")):
        assert (answer.status_code, answer.json["code"]) == (404, "APP_NOT_FOUND")  # type: ignore[index]


@pytest.mark.parametrize("aes_key", [None, AES_KEY])
def test_a_follow_is_answered_with_what_was_given(
    wechat: Platform, shop: Shop, aes_key: str | None
) -> None:
    if aes_key:
        encrypt(wechat, shop)
    pushed = wechat.follow(wechat.person(), shop.oa, scene=f"s:{shop.code}:s01")
    assert pushed is not None and (pushed.status, pushed.tries) == (200, 1)
    assert pushed.reply is not None and "您已获得" in str(pushed.reply["Content"])
    assert counts(shop) == (1, 1, 1)


def test_a_push_with_nothing_to_say_is_answered_success(http: FlaskClient, shop: Shop) -> None:
    body = FOLLOW.replace(b"subscribe<", b"VIEW<")
    answer = http.post(f"/wechat/{shop.oa}/callback", query_string=signed(shop.oa), data=body)
    assert (answer.status_code, answer.data) == (200, b"success")


def test_a_push_that_comes_three_times_has_one_effect_and_one_reply(
    http: FlaskClient, shop: Shop
) -> None:
    url, query = f"/wechat/{shop.oa}/callback", signed(shop.oa)
    answers = [http.post(url, query_string=query, data=FOLLOW) for _ in range(3)]
    texts = {answer.text.split("<Content>")[1] for answer in answers}
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len(texts) == 1
    assert counts(shop) == (1, 1, 1)


def test_pushes_that_come_at_the_same_moment_have_one_effect(app: Flask, shop: Shop) -> None:
    url, query = f"/wechat/{shop.oa}/callback", signed(shop.oa)
    together = threading.Barrier(3)

    def push(_: int) -> tuple[int, str]:
        together.wait(10)
        answer = app.test_client().post(url, query_string=query, data=FOLLOW)
        return answer.status_code, answer.text.split("<Content>")[1]

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(push, range(3)))
    assert len(set(answers)) == 1 and answers[0][0] == 200
    assert counts(shop) == (1, 1, 1)


def test_a_forged_push_leaves_nothing(wechat: Platform, shop: Shop) -> None:
    for aes_key in (None, AES_KEY):
        if aes_key:
            encrypt(wechat, shop)
        wechat.spoil_pushes(wrong_signature=True)
        pushed = wechat.follow(wechat.person(), shop.oa)
        assert pushed is not None and pushed.status == 403
    assert counts(shop) == (0, 0, 0)


@pytest.mark.parametrize("body", [b"", b"{}", b"<xml/>", b"[", b"\xff\x00", b"<xml>" * 9, b"null"])
def test_a_signed_body_nobody_can_read_is_kept_and_answered(
    http: FlaskClient, shop: Shop, body: bytes
) -> None:
    for _ in range(2):
        answer = http.post(f"/wechat/{shop.oa}/callback", query_string=signed(shop.oa), data=body)
        assert (answer.status_code, answer.data) == (200, b"success")
    reread()
    kept = db.session.scalars(select(CallbackInbox)).one()
    words = body.decode(errors="backslashreplace").replace("\0", "\\x00")
    assert (kept.state, kept.content) == ("unread", {"body": words})


def test_a_stranger_s_nested_body_is_403_before_it_is_parsed(
    http: FlaskClient, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """261 KB of tags cost 0.88 s when they were parsed first."""
    monkeypatch.setattr(callbacks, "_parsed", lambda _body: pytest.fail("parsed before proven"))
    bomb = b"<xml>" + b"<a>" * 37_000 + b"</a>" * 37_000 + b"</xml>"
    for query in ({}, signed("other"), signed("other") | {"msg_signature": "0" * 40}):
        answer = http.post(f"/wechat/{shop.oa}/callback", query_string=query, data=bomb)
        assert answer.status_code == 403
    assert counts(shop)[0] == 0


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_text_with_what_xml_forbids_is_answered(
    http: FlaskClient, wechat: Platform, shop: Shop, encrypted: bool
) -> None:
    with transaction():
        merchant = db.session.get_one(Merchant, shop.merchant_id)
        merchant.replies = {"default": {"text": "欢迎光临"}}
    if encrypted:
        encrypt(wechat, shop)
    body = (
        "<xml><ToUserName>gh_sim</ToUserName><FromUserName>oAnna</FromUserName>"
        "<CreateTime>1000</CreateTime><MsgType>text</MsgType><MsgId>9</MsgId>"
        "<Content><![CDATA[你\x08好]]></Content></xml>"
    )
    query = signed(shop.oa)
    if encrypted:
        sealed = WeChatCrypto(f"token-{shop.oa}", AES_KEY, shop.oa).encrypt_message(body, "n", "1")
        envelope = xmltodict.parse(sealed)["xml"]
        query |= {"encrypt_type": "aes", "msg_signature": envelope["MsgSignature"]}
        body = f"<xml><Encrypt><![CDATA[{envelope['Encrypt']}]]></Encrypt></xml>"
    answer = http.post(f"/wechat/{shop.oa}/callback", query_string=query, data=body.encode())
    assert answer.status_code == 200
    assert ("<Encrypt>" if encrypted else "欢迎") in answer.text


def test_a_body_over_256_kilobytes_is_not_read(http: FlaskClient, shop: Shop) -> None:
    answer = http.post(
        f"/wechat/{shop.oa}/callback", query_string=signed(shop.oa), data=b"x" * 300_000
    )
    assert answer.status_code == 413


def test_an_old_push_is_still_good(http: FlaskClient, shop: Shop, clock: StillClock) -> None:
    url, query = f"/wechat/{shop.oa}/callback", signed(shop.oa)
    assert http.post(url, query_string=query, data=FOLLOW).status_code == 200
    clock.move_to("2026-11-25 09:00")
    assert http.post(url, query_string=query, data=FOLLOW).status_code == 200
    assert counts(shop) == (1, 1, 1)


def test_a_push_that_cannot_be_stored_is_503_and_comes_again(
    http: FlaskClient, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    url, query = f"/wechat/{shop.oa}/callback", signed(shop.oa)
    with db.engine.begin() as connection:
        connection.execute(text("alter table callback_inbox rename to away"))
    try:
        assert http.post(url, query_string=query, data=FOLLOW).status_code == 503
        assert "A push could not be stored" in caplog.text
    finally:
        with db.engine.begin() as connection:
            connection.execute(text("alter table away rename to callback_inbox"))
    assert http.post(url, query_string=query, data=FOLLOW).status_code == 200
    assert counts(shop) == (1, 1, 1)


def test_a_push_asks_wechat_nothing(wechat: Platform, shop: Shop) -> None:
    wechat.follow(wechat.person(), shop.oa)
    assert wechat.calls("/cgi-bin/stable_token") == 0
    assert wechat.calls("/cgi-bin/user/info") == 0


def encrypt(wechat: Platform, shop: Shop) -> None:
    """安全模式 on both sides."""

    with transaction():
        accounts.app_by_id(shop.oa).aes_key = AES_KEY
    wechat.account(
        shop.oa, "official_account", f"secret-{shop.oa}", token=f"token-{shop.oa}", aes_key=AES_KEY
    )
