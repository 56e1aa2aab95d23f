"""Calls to WeChat: what goes wrong on the wire, with the token, with the quota."""

import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import pytest
from flask import Flask

from backend import background, clock
from backend.database import transaction
from backend.wechat import gateway, notices, tokens, users
from backend.wechat.errors import (
    NoPermission,
    OutcomeUnknown,
    QuotaExceeded,
    Refused,
    TokenInvalid,
    Transient,
    WechatError,
)
from backend.wechat.models import WechatApp
from scripts.wechat_platform.server import Platform

R = TypeVar("R")

TEMPLATE_SEND = "/cgi-bin/message/template/send"
CUSTOM_SEND = "/cgi-bin/message/custom/send"
USER_INFO = "/cgi-bin/user/info"
STABLE_TOKEN = "/cgi-bin/stable_token"


@contextmanager
def a_server_that_says(app: Flask, raw: bytes | None) -> Iterator[None]:
    """WeChat's place taken by something that answers every request with these bytes and hangs up;
    None: hangs up at once."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                try:
                    connection.sendall(raw or b"")
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    before = app.config["WECHAT_API_BASE_URL"]
    app.config["WECHAT_API_BASE_URL"] = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield
    finally:
        app.config["WECHAT_API_BASE_URL"] = before
        ended.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def http(body: bytes, *, status: bytes = b"200 OK", kind: bytes = b"application/json") -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return head % (status, kind, len(body)) + body


def a_send(app: WechatApp) -> notices.Sent:
    return notices.send_text(app, "o" * 28, "你好")


def test_every_call_goes_to_the_base_url_and_carries_the_apps_token(
    wechat: Platform, oa: WechatApp
) -> None:
    anna = wechat.person()
    wechat.follow(anna, oa.app_id)
    assert users.follower(oa, wechat.openid(anna, oa.app_id)).subscribed
    assert (wechat.calls(STABLE_TOKEN), wechat.calls(USER_INFO)) == (1, 1)


def test_one_token_serves_many_calls(wechat: Platform, oa: WechatApp) -> None:
    anna = wechat.person()
    for _ in range(3):
        users.follower(oa, wechat.openid(anna, oa.app_id))
    assert wechat.calls(STABLE_TOKEN) == 1


def test_no_call_is_made_inside_a_transaction(oa: WechatApp) -> None:
    with transaction(), pytest.raises(RuntimeError):
        users.follower(oa, "o")


@pytest.mark.parametrize("errcode", [40001, 40014])
def test_a_refused_token_is_replaced_once_and_the_call_tried_again(
    wechat: Platform, oa: WechatApp, errcode: int
) -> None:
    anna = wechat.person()
    wechat.follow(anna, oa.app_id)
    wechat.fail(USER_INFO, errcode=errcode)
    assert users.follower(oa, wechat.openid(anna, oa.app_id)).subscribed
    assert wechat.calls(USER_INFO) == 2


def test_an_expired_token_is_replaced(wechat: Platform, oa: WechatApp) -> None:
    openid = wechat.openid(wechat.person(), oa.app_id)
    users.follower(oa, openid)
    wechat.expire_tokens(oa.app_id)
    assert not users.follower(oa, openid).subscribed
    assert wechat.calls(STABLE_TOKEN) == 2


def test_a_token_refused_for_ever_costs_two_requests_and_then_one_per_message(
    wechat: Platform, oa: WechatApp
) -> None:
    wechat.fail(TEMPLATE_SEND, errcode=40001, times=1000)
    outcomes = [
        notices.send_template(
            oa, "o", template_id="T", values={}, page="", client_msg_id=str(n)
        ).outcome
        for n in range(10)
    ]
    assert outcomes == ["retry"] * 10
    assert wechat.calls(TEMPLATE_SEND) == 11
    assert wechat.calls(STABLE_TOKEN) == 3  # the first, the same again, a forced one


def test_a_token_that_cannot_be_replaced_is_tried_once_in_thirty_seconds(
    wechat: Platform, oa: WechatApp
) -> None:
    a_send(oa)
    wechat.fail(CUSTOM_SEND, errcode=40001, times=1000)
    wechat.fail(STABLE_TOKEN, errcode=40125, times=1000)
    assert [a_send(oa).outcome for _ in range(10)] == ["retry"] * 10
    assert wechat.calls(STABLE_TOKEN) == 2


def test_threads_that_meet_a_refused_token_replace_it_once(
    app: Flask, wechat: Platform, oa: WechatApp
) -> None:
    openid = wechat.openid(wechat.person(), oa.app_id)
    users.follower(oa, openid)
    us = tokens.credentials_of(oa)
    wechat.expire_tokens(oa.app_id)
    found = in_threads(app, 8, lambda: users.follower(oa_again(us), openid).subscribed)
    assert found == [False] * 8
    assert wechat.calls(STABLE_TOKEN) == 2


def test_sixteen_threads_without_a_token_fetch_one(
    app: Flask, wechat: Platform, oa: WechatApp
) -> None:
    us = tokens.credentials_of(oa)
    wechat.fail(STABLE_TOKEN, hang=0.2)
    found = in_threads(app, 16, lambda: tokens.token_of(us))
    assert len(set(found)) == 1
    assert wechat.calls(STABLE_TOKEN) == 1


def test_without_redis_a_process_still_fetches_one_token(
    app: Flask, wechat: Platform, oa: WechatApp, no_redis: None
) -> None:
    us = tokens.credentials_of(oa)
    found = in_threads(app, 4, lambda: tokens.token_of(us))
    assert len(set(found)) == 1
    assert wechat.calls(STABLE_TOKEN) == 1


def test_a_fetch_that_lost_its_lock_does_not_overwrite_the_token_of_the_winner(
    app: Flask, wechat: Platform, oa: WechatApp
) -> None:
    us = tokens.credentials_of(oa)
    wechat.fail(STABLE_TOKEN, hang=0.3)
    late = threading.Thread(target=within(app, lambda: tokens.token_of(us)))
    late.start()
    while wechat.calls(STABLE_TOKEN) == 0:
        late.join(0.01)
    background.redis().delete(f"wechat:token-lock:{us.app_id}")
    late.join()
    assert background.redis().get(f"wechat:token:{us.app_id}") is None


def test_a_wrong_secret_is_told_without_the_secret(
    wechat: Platform, oa: WechatApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    oa.secret = "canary-secret"
    us = tokens.credentials_of(oa)
    with pytest.raises(TokenInvalid) as caught:
        tokens.token_of(us)
    assert caught.value.code == 40125
    assert_hidden("canary-secret", caught.value, caplog)


def test_neither_token_nor_secret_stands_in_an_error_or_a_log_line(
    app: Flask, wechat: Platform, oa: WechatApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = tokens.token_of(tokens.credentials_of(oa))
    secret = oa.secret
    for raw in (None, http(b"<html>", status=b"502 Bad Gateway"), http(b"{}")):
        with a_server_that_says(app, raw), pytest.raises(WechatError) as caught:
            users.follower(oa, "o")
        assert_hidden(token, caught.value, caplog)
        assert_hidden(secret, caught.value, caplog)


def test_a_busy_wechat_is_asked_again_when_nothing_can_be_done_twice(
    wechat: Platform, oa: WechatApp
) -> None:
    wechat.fail(USER_INFO, errcode=-1, times=2)
    assert not users.follower(oa, wechat.openid(wechat.person(), oa.app_id)).subscribed
    assert wechat.calls(USER_INFO) == 3


def test_a_busy_wechat_is_not_asked_to_send_again(wechat: Platform, oa: WechatApp) -> None:
    wechat.fail(CUSTOM_SEND, errcode=-1)
    assert a_send(oa).outcome == "retry"
    assert wechat.calls(CUSTOM_SEND) == 1


def test_a_used_up_quota_stops_that_kind_of_call_for_that_app_until_midnight(
    wechat: Platform, oa: WechatApp, mini: WechatApp
) -> None:
    openid = wechat.openid(wechat.person(), oa.app_id)
    wechat.fail(USER_INFO, errcode=45009)
    for _ in range(3):
        with pytest.raises(QuotaExceeded) as caught:
            users.follower(oa, openid)
        shanghai = caught.value.until.astimezone(gateway._SHANGHAI)
        assert (shanghai.hour, shanghai.minute) == (0, 0)
        assert timedelta(0) < caught.value.until - clock.machine_now() <= timedelta(days=1)
    assert wechat.calls(USER_INFO) == 1
    assert a_send(oa).code == "40003"
    assert users.follower(mini, wechat.openid(wechat.person(), mini.app_id)).subscribed is False


def test_without_redis_a_used_up_quota_does_not_pause(
    wechat: Platform, oa: WechatApp, no_redis: None
) -> None:
    openid = wechat.openid(wechat.person(), oa.app_id)
    wechat.fail(USER_INFO, errcode=45009)
    with pytest.raises(QuotaExceeded):
        users.follower(oa, openid)
    assert not users.follower(oa, openid).subscribed


def test_without_a_connection_nothing_was_sent(app: Flask, oa: WechatApp) -> None:
    _ = oa.secret
    before = app.config["WECHAT_API_BASE_URL"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    app.config["WECHAT_API_BASE_URL"] = f"http://127.0.0.1:{port}"
    try:
        assert a_send(oa).outcome == "retry"
    finally:
        app.config["WECHAT_API_BASE_URL"] = before


ODD_ANSWERS = {
    "hung up": None,
    "half a header": b"HTTP/1.1 200",
    "half a body": b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"errcode":',
    "not HTTP": b"\x00\xff\x00\xff\r\n\r\n",
    "nothing": http(b""),
    "HTML": http(b"<html>busy</html>", kind=b"text/html"),
    "a gateway's 502": http(b"<html>", status=b"502 Bad Gateway", kind=b"text/html"),
    "a 500 with JSON": http(b'{"errcode":0}', status=b"500 Oops"),
    "a redirect": http(b"", status=b"302 Found\r\nLocation: http://127.0.0.1:1/"),
    "a list": http(b"[]"),
    "a word": http(b'"ok"'),
    "null": http(b"null"),
    "a number": http(b"0"),
    "no errcode": http(b"{}"),
    "errcode is a word": http(b'{"errcode":"fine"}'),
    "errcode is null": http(b'{"errcode":null}'),
    "errcode is a list": http(b'{"errcode":[0]}'),
    "broken JSON": http(b'{"errcode":0'),
    "broken UTF-8": http(b"\xff\xfe\xfd"),
    "deeper than anybody reads": http(b"[" * 500_000),
    "more than a megabyte": http(b'{"errcode":0,"x":"' + b"a" * 1_100_000 + b'"}'),
}


@pytest.mark.parametrize("raw", ODD_ANSWERS.values(), ids=ODD_ANSWERS.keys())
def test_an_answer_nobody_can_read_leaves_the_outcome_unknown(
    app: Flask, oa: WechatApp, raw: bytes | None
) -> None:
    tokens.token_of(tokens.credentials_of(oa))
    with a_server_that_says(app, raw):
        assert a_send(oa).outcome == "unknown"
        with pytest.raises(OutcomeUnknown):
            users.follower(oa, "o")


@pytest.mark.parametrize("raw", ODD_ANSWERS.values(), ids=ODD_ANSWERS.keys())
def test_when_the_token_cannot_be_had_the_message_was_surely_not_sent(
    app: Flask, oa: WechatApp, raw: bytes | None
) -> None:
    _ = oa.secret
    with a_server_that_says(app, raw):
        assert a_send(oa).outcome == "retry"


@pytest.mark.parametrize(
    ("errcode", "fact"), [(45011, Transient), (48001, NoPermission), (99999, Refused)]
)
def test_an_errcode_is_a_fact(
    wechat: Platform, oa: WechatApp, errcode: int, fact: type[WechatError]
) -> None:
    wechat.fail(USER_INFO, errcode=errcode)
    with pytest.raises(fact) as caught:
        users.follower(oa, "o")
    assert caught.value.code == errcode
    assert "rid:" in caught.value.words


@pytest.fixture
def no_redis(app: Flask, wechat: Platform) -> Iterator[None]:
    real = app.extensions["redis"]
    app.extensions["redis"] = background.connect("redis://127.0.0.1:1/0")
    yield
    app.extensions["redis"].close()
    app.extensions["redis"] = real


def oa_again(us: tokens.Credentials) -> WechatApp:
    """The row as another thread would have it."""
    return WechatApp(app_id=us.app_id, secret=us.secret)


def within(app: Flask, work: Callable[[], R]) -> Callable[[], R]:
    def run() -> R:
        with app.app_context():
            return work()

    return run


def in_threads(app: Flask, count: int, work: Callable[[], R]) -> list[R]:
    """What ``count`` threads find that start together."""
    together = threading.Barrier(count)

    def run(_: int) -> R:
        together.wait(10)
        return within(app, work)()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def assert_hidden(secret: str, error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    seen: BaseException | None = error
    while seen is not None:
        assert secret not in "".join(traceback.format_exception(seen, chain=False))
        assert secret not in repr(vars(seen))
        seen = seen.__context__ or seen.__cause__
    assert secret not in caplog.text
