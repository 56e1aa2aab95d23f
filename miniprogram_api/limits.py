"""限流: how often each caller may ask (spec/08), in Redis, or here while it is away.

Machine time. A limit may have several windows; all must hold. However many limits a request asks
about at once, it is one question to Redis.
"""

import hashlib
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from flask import current_app, g
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from redis.commands.core import Script

from backend import background
from backend.coupons.errors import CouponNotFound
from backend.errors import RateLimited


class Limit(Enum):
    """One row per limit. A till may send 100 at once and 50 a second in the long run.

    ``CODE`` (one code of WeChat's) and ``WECHAT`` (one person's calls that ask it) are spent
    before WeChat is asked: until it answers, nobody knows whose a code is (``LOGIN``).
    ``WRONG_AT_TILL``: one whole quote of numbers that name nothing; of 12 digits a key finds one in
    decades at that pace, and no till mistypes so much.
    """

    CUSTOMER = (RateLimitItemPerSecond(20),)
    LOGIN = (RateLimitItemPerMinute(30),)
    CODE = (RateLimitItemPerMinute(5),)
    WECHAT = (RateLimitItemPerMinute(20),)
    WRONG_NUMBERS = (RateLimitItemPerMinute(10, 10),)
    WRONG_AT_TILL = (RateLimitItemPerMinute(100, 10),)
    TILL = (RateLimitItemPerSecond(100), RateLimitItemPerSecond(500, 10))
    MALL = (RateLimitItemPerSecond(100), RateLimitItemPerSecond(250, 5))


def spend(limit: Limit, who: str, *, look_at: tuple[Limit, str] | None = None) -> None:
    """One more call by ``who``; RateLimited with the seconds to wait when that is too many.

    ``look_at``: a limit that this request will be asked for (``refuse_if_spent``), looked at on the
    same way.
    """
    asked = [_Question(limit, who, spends=True)]
    if look_at is not None:
        asked.append(_Question(*look_at, spends=False))
    wait, *looked = _ask(asked)
    if wait is not None:
        raise _too_many(wait)
    if look_at is not None:
        g.limit_looked_at = (look_at, looked[0])


def refuse_if_spent(limit: Limit, who: str) -> None:
    """RateLimited when ``who`` has none left; spends nothing."""
    looked_at, wait = g.pop("limit_looked_at", (None, None))
    if looked_at != (limit, who):
        (wait,) = _ask([_Question(limit, who, spends=False)])
    if wait is not None:
        raise _too_many(wait)


def code_key(app: str, code: str) -> str:
    """One code of WeChat's, as ``Limit.CODE`` counts it; Redis need not know a live code."""
    return hashlib.sha256(f"{app}/{code}".encode(errors="replace")).hexdigest()[:32]


@contextmanager
def counting_wrong_numbers(who: str, *, limit: Limit = Limit.WRONG_NUMBERS) -> Iterator[None]:
    """Around whatever reads numbers that somebody could guess, and around its transaction: unknown
    ones count (CouponNotFound, and as ``note_wrong_numbers`` says), too many are refused unread."""
    refuse_if_spent(limit, who)
    note_wrong_numbers(0)
    try:
        yield
    except CouponNotFound:
        note_wrong_numbers(1)
        raise
    finally:
        wrong = g.pop("wrong_numbers", 0)
        if wrong:
            _ask([_Question(limit, who, spends=True)] * wrong)


def note_wrong_numbers(count: int) -> None:
    """So many of those that this request has named are nothing here."""
    g.wrong_numbers = count


@dataclass(frozen=True)
class _Question:
    """Whether ``who`` has one left; with ``spends`` it is taken, unless another one is refused."""

    limit: Limit
    who: str
    spends: bool

    @property
    def windows(self) -> tuple[RateLimitItem, ...]:
        windows: tuple[RateLimitItem, ...] = self.limit.value
        return windows


_COUNT = """
local now, waits, refused = tonumber(ARGV[1]), {}, false
for place, key in ipairs(KEYS) do
  local most, seconds = tonumber(ARGV[place * 3 - 1]), tonumber(ARGV[place * 3])
  local oldest = redis.call('lindex', key, most - 1)
  local wait = oldest and tonumber(oldest) + seconds - now or -1
  waits[place] = wait >= 0 and tostring(wait) or ''
  refused = refused or (wait >= 0 and ARGV[place * 3 + 1] == '1')
end
for place, key in ipairs(refused and {} or KEYS) do
  if ARGV[place * 3 + 1] == '1' then
    redis.call('lpush', key, ARGV[1])
    redis.call('ltrim', key, 0, ARGV[place * 3 - 1] - 1)
    redis.call('expire', key, ARGV[place * 3])
  end
end
return waits
"""
"""For each moving window (most, seconds, spends): how long it is full yet, empty when it is not."""


@dataclass
class _Counters:
    """Both places of one app."""

    shared: Script
    own: MovingWindowRateLimiter = field(
        default_factory=lambda: MovingWindowRateLimiter(MemoryStorage())
    )


def _ask(questions: Sequence[_Question]) -> list[float | None]:
    """For each question how many seconds to wait, or None; by our own count while Redis is away."""
    counters = _counters()
    return background.ask_redis(
        lambda: _shared(counters.shared, questions),
        otherwise=lambda: [_own(counters.own, each) for each in questions],
    )


def _shared(count: Script, questions: Sequence[_Question]) -> list[float | None]:
    keys: list[str] = []
    values: list[str | float] = [time.time()]
    for each in questions:
        for window in each.windows:
            seconds = window.get_expiry()
            keys.append(f"limit:{each.limit.name}:{each.who}:{seconds}")
            values += [window.amount, seconds, "1" if each.spends else "0"]
    waits = iter(count(keys, values))
    return [
        max((float(wait) for wait in [next(waits) for _ in each.windows] if wait), default=None)
        for each in questions
    ]


def _own(counters: MovingWindowRateLimiter, asked: _Question) -> float | None:
    for window in asked.windows:
        ask = counters.hit if asked.spends else counters.test
        if not ask(window, asked.limit.name, asked.who):
            stats = counters.get_window_stats(window, asked.limit.name, asked.who)
            return stats.reset_time - time.time()
    return None


def _too_many(wait: float) -> RateLimited:
    return RateLimited(retry_after=max(1, math.ceil(wait)))


def _counters() -> _Counters:
    counters: _Counters | None = current_app.extensions.get("limits")
    if counters is None:
        counters = _Counters(background.redis().register_script(_COUNT))
        current_app.extensions["limits"] = counters
    return counters
