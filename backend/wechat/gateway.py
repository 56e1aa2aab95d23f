"""微信接口. Calls in an app's name: token, one retry after a new token, and what errors mean.

Never inside a transaction. A read may be asked again; what has an effect is sent once, and when
its answer is lost nobody knows whether it was carried out (``OutcomeUnknown``).
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from redis.exceptions import RedisError

from backend import background, clock, outside
from backend.database import end_read, in_transaction
from backend.wechat import tokens, transport
from backend.wechat.errors import (
    NoPermission,
    OutcomeUnknown,
    QuotaExceeded,
    Refused,
    TemplateInvalid,
    Transient,
    UserUnreachable,
    WechatError,
)
from backend.wechat.models import WechatApp
from backend.wechat.tokens import Credentials
from backend.wechat.transport import Json, Params, Said

log = logging.getLogger(__name__)

Object = dict[str, JsonValue]


def read(app: WechatApp, path: str, *, params: Params, expects: Iterable[str]) -> Object:
    """Ask something; asked again while WeChat is busy. ``expects`` names fields of the answer."""
    for pause in _BUSY_PAUSES:
        try:
            return _object(_call(app, path, params, None), expects)
        except Transient as error:
            if error.code != _BUSY:
                raise
        time.sleep(pause)
    return _object(_call(app, path, params, None), expects)


def write(
    app: WechatApp, path: str, body: Json, *, expects: Iterable[str] = ("errcode",)
) -> Object:
    """Have something done, once."""
    return _object(_call(app, path, {}, body), expects)


def picture(app: WechatApp, path: str, body: Json) -> bytes:
    """A JPEG or PNG."""
    answer = _call(app, path, {}, body)
    if isinstance(answer, bytes) and answer.startswith((b"\xff\xd8\xff", b"\x89PNG")):
        return answer
    raise OutcomeUnknown(words="not a picture")


def without_token(path: str, *, params: Params, expects: Iterable[str]) -> Object:
    """A call that brings its own secret (login)."""
    _leave_the_database()
    with _asking(str(params.get("appid", ""))):
        return _asked(path, lambda: _object(transport.ask(path, params=params), expects))


def meaning(error: Said, *, app_id: str, path: str) -> WechatError:
    """WeChat's errcode as one of our facts; 45009 pauses this kind of call for the app."""
    code = error.code or 0
    if code in _QUOTA:
        until = _quota_resets(code, path)
        _pause(app_id, path, until)
        return QuotaExceeded(code, error.words, until=until)
    kind = next((kind for kind, codes in _MEANINGS.items() if code in codes), Refused)
    if kind is NoPermission:
        log.error("WeChat forbids %s: %s %s", path, code, error.words, extra={"app_id": app_id})
    return kind(code, error.words)


_BUSY = -1
_BUSY_PAUSES = (0.1, 0.3)
_STALE_TOKEN = {40001, 40014, 42001}
_QUOTA = {45009}
_MEANINGS: dict[type[WechatError], set[int]] = {
    Transient: {_BUSY, 45011, 44990, 89501, *_STALE_TOKEN},
    UserUnreachable: {
        *(40003, 43004, 43019, 43101, 45015, 45047, 48002, 49003, 50005, 45087, 46004),
    },
    TemplateInvalid: {40035, 40037, 40039, 40165, 40166, 41030, 43116, 45021, 47001, 47003},
    NoPermission: {
        40013,
        40125,
        40164,
        43104,
        48001,
        48003,
        48004,
        48008,
        50001,
        50002,
        61003,
        61007,
    },
}
_SHANGHAI = ZoneInfo("Asia/Shanghai")
_MINUTE_QUOTA = {"/wxa/getwxacodeunlimit"}


def _call(app: WechatApp, path: str, params: Params, body: Json | None) -> Object | bytes:
    us = tokens.credentials_of(app)
    _leave_the_database()
    _check_pause(us.app_id, path)
    with _asking(us.app_id):
        return _asked_with_token(us, path, params, body)


def _asked_with_token(
    us: Credentials, path: str, params: Params, body: Json | None
) -> Object | bytes:
    token = tokens.token_of(us)

    def ask(with_token: str) -> Object | bytes:
        return transport.ask(path, params={**params, "access_token": with_token}, body=body)

    try:
        return ask(token)
    except Said as error:
        problem = error
    if problem.code in _STALE_TOKEN:
        token = tokens.another_token(us, stale=token)
        try:
            return ask(token)
        except Said as error:
            problem = error
    raise meaning(problem, app_id=us.app_id, path=path)


def _asked(path: str, ask: Callable[[], Object]) -> Object:
    try:
        return ask()
    except Said as error:
        problem = error
    raise meaning(problem, app_id="", path=path)


@contextmanager
def _asking(app_id: str) -> Iterator[None]:
    """Around a call with all that it needs; ``Transient`` when it is not made at all."""
    try:
        with outside.asking(outside.Service.WECHAT, app_id):
            yield
            return
    except outside.NotAsked as error:
        words = str(error)
    raise Transient(words=f"WeChat was not asked: {words}")


def _object(answer: Object | bytes, expects: Iterable[str]) -> Object:
    if isinstance(answer, dict) and all(name in answer for name in expects):
        return answer
    raise OutcomeUnknown(words="not an answer of WeChat's")


def _leave_the_database() -> None:
    if in_transaction():
        raise RuntimeError("no call to WeChat inside a transaction")
    end_read()


def _quota_resets(code: int, path: str) -> datetime:
    """The next Beijing midnight; the next minute where the quota is a minute's."""
    now = clock.machine_now().astimezone(_SHANGHAI)
    if path in _MINUTE_QUOTA:
        return now + timedelta(minutes=1)
    return (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _pause(app_id: str, path: str, until: datetime) -> None:
    seconds = int((until - clock.machine_now()).total_seconds()) + 1
    try:
        background.redis().set(_pause_key(app_id, path), until.timestamp(), ex=max(seconds, 1))
    except RedisError:
        return


def _check_pause(app_id: str, path: str) -> None:
    try:
        written = background.redis().get(_pause_key(app_id, path))
    except RedisError:
        return
    if written:
        until = datetime.fromtimestamp(float(written), UTC)
        raise QuotaExceeded(45009, "paused until the quota resets", until=until)


def _pause_key(app_id: str, path: str) -> str:
    return f"wechat:pause:{app_id}:{path}"
