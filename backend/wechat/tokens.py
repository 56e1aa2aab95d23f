"""access_token: one fetch for all processes, from ``stable_token`` under a lock in Redis.

While Redis is away every process keeps its own copy. Lifetimes follow the machine's clock.
"""

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace

from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from backend import background, clock, outside
from backend.wechat import transport
from backend.wechat.errors import TokenInvalid, Transient, WechatError
from backend.wechat.models import WechatApp

MARGIN_SECONDS = 300
"""A token is given up so long before WeChat does."""

REFRESH_APART_SECONDS = 30
"""40001 and its kin replace an app's token at most once in so many seconds (X-07)."""

_LOCK_SECONDS = 30
_WAIT_SECONDS = 15


@dataclass(frozen=True)
class Credentials:
    """An app as a caller of WeChat's API."""

    app_id: str
    secret: str


@dataclass(frozen=True)
class _Token:
    value: str
    good_until: float
    replaced_at: float

    def __repr__(self) -> str:
        return "_Token(…)"


def credentials_of(app: WechatApp) -> Credentials:
    """What calls need of the row, so that the row can be let go before anybody waits."""
    return Credentials(app.app_id, app.secret)


def token_of(app: Credentials) -> str:
    """The token that all processes use now."""
    found = _usable(_stored(app.app_id))
    if found is None:
        with _one_at_a_time(app.app_id) as fence:
            found = _usable(_stored(app.app_id))
            if found is None:
                found = _fetch(app, replaced_at=0.0)
                _store(app.app_id, found, fence)
    return found.value


def another_token(app: Credentials, *, stale: str) -> str:
    """A token other than ``stale``, which WeChat refused. ``TokenInvalid`` if one was just made."""
    with _one_at_a_time(app.app_id) as fence:
        known = _stored(app.app_id)
        if known is not None and known.value != stale:
            return known.value
        now = clock.machine_now().timestamp()
        if known is not None and now - known.replaced_at < REFRESH_APART_SECONDS:
            raise TokenInvalid(words="the token was replaced a moment ago")
        if known is not None:
            _store(app.app_id, replace(known, replaced_at=now), fence)
        found = _fetch(app, replaced_at=now)
        if found.value == stale:
            found = _fetch(app, replaced_at=now, force=True)
        _store(app.app_id, found, fence)
    return found.value


def _fetch(app: Credentials, *, replaced_at: float, force: bool = False) -> _Token:
    try:
        answer = transport.ask(
            "/cgi-bin/stable_token",
            params={},
            body={
                "grant_type": "client_credential",
                "appid": app.app_id,
                "secret": app.secret,
                "force_refresh": force,
            },
        )
    except transport.Said as error:
        problem: WechatError = TokenInvalid(error.code, error.words)
    except WechatError as error:
        problem = Transient(words=error.words)
    else:
        value = answer.get("access_token") if isinstance(answer, dict) else None
        lasts = answer.get("expires_in") if isinstance(answer, dict) else None
        if isinstance(value, str) and value and isinstance(lasts, int):
            good_until = clock.machine_now().timestamp() + max(lasts - MARGIN_SECONDS, 1)
            return _Token(value, good_until, replaced_at)
        problem = Transient(words="not an answer of WeChat's")
    raise problem


def _usable(token: _Token | None) -> _Token | None:
    if token is None or clock.machine_now().timestamp() >= token.good_until:
        return None
    return token


_of_this_process: dict[str, _Token] = {}
_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
_WHILE_MINE = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('set', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""


def _stored(app_id: str) -> _Token | None:
    try:
        written = background.redis().get(_key(app_id))
    except RedisError:
        return _of_this_process.get(app_id)
    return _Token(**json.loads(written)) if written else None


def _store(app_id: str, token: _Token, fence: str | None) -> None:
    """For all, if the lock is still ours; what a late fetch brings is for its caller only."""
    _of_this_process[app_id] = token
    if fence is None:
        return
    seconds = max(int(token.good_until - clock.machine_now().timestamp()), 1)
    try:
        background.redis().eval(
            _WHILE_MINE,
            2,
            _lock_key(app_id),
            _key(app_id),
            fence,
            json.dumps(asdict(token)),
            seconds,
        )
    except RedisError:
        return


@contextmanager
def _one_at_a_time(app_id: str) -> Iterator[str | None]:
    """Hold the app's lock in Redis; yields what proves it. Without Redis, this process's lock."""
    if not _locks[app_id].acquire(timeout=min(_WAIT_SECONDS, outside.seconds_left())):
        raise Transient(words="this process is still fetching the token")
    with ExitStack() as stack:
        stack.callback(_locks[app_id].release)
        lock = background.redis().lock(
            _lock_key(app_id),
            timeout=_LOCK_SECONDS,
            blocking_timeout=min(_WAIT_SECONDS, outside.seconds_left()),
            sleep=0.05,
        )
        held = _acquired(lock)
        if held is False:
            raise Transient(words="another process is still fetching the token")
        try:
            yield lock.local.token.decode() if held else None
        finally:
            if held:
                _let_go(lock)


def _acquired(lock: Lock) -> bool | None:
    """None: Redis is away."""
    try:
        return bool(lock.acquire())
    except RedisError:
        return None


def _let_go(lock: Lock) -> None:
    try:
        lock.release()
    except (LockError, RedisError):
        return


def _key(app_id: str) -> str:
    return f"wechat:token:{app_id}"


def _lock_key(app_id: str) -> str:
    return f"wechat:token-lock:{app_id}"
