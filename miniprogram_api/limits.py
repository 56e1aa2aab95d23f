"""限流: how often each caller may ask (spec/08), in Redis, or here while it is away.

Machine time. A limit may have several windows; all must hold.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from flask import current_app
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from backend import background
from backend.coupons.errors import CouponNotFound
from backend.errors import RateLimited

T = TypeVar("T")


class Limit(Enum):
    """One row per limit. A till may send 100 at once and 50 a second in the long run."""

    CUSTOMER = (RateLimitItemPerSecond(20),)
    LOGIN = (RateLimitItemPerMinute(30),)
    WRONG_NUMBERS = (RateLimitItemPerMinute(10, 10),)
    TILL = (RateLimitItemPerSecond(100), RateLimitItemPerSecond(500, 10))
    MALL = (RateLimitItemPerSecond(100), RateLimitItemPerSecond(250, 5))


def spend(limit: Limit, who: str) -> None:
    """One more call by ``who``; RateLimited with the seconds to wait when that is too many."""
    for window in limit.value:
        if not _ask(MovingWindowRateLimiter.hit, window, limit, who):
            raise _too_many(window, limit, who)


def refuse_if_spent(limit: Limit, who: str) -> None:
    """RateLimited when ``who`` has none left; spends nothing."""
    for window in limit.value:
        if not _ask(MovingWindowRateLimiter.test, window, limit, who):
            raise _too_many(window, limit, who)


@contextmanager
def counting_wrong_numbers(who: str) -> Iterator[None]:
    """Around whatever reads a coupon's number: unknown ones count, too many are refused unread."""
    refuse_if_spent(Limit.WRONG_NUMBERS, who)
    try:
        yield
    except CouponNotFound:
        for window in Limit.WRONG_NUMBERS.value:
            _ask(MovingWindowRateLimiter.hit, window, Limit.WRONG_NUMBERS, who)
        raise


@dataclass
class _Counters:
    """Both places of one app."""

    shared: MovingWindowRateLimiter
    own: MovingWindowRateLimiter = field(
        default_factory=lambda: MovingWindowRateLimiter(MemoryStorage())
    )


def _ask(question: Callable[..., T], window: RateLimitItem, limit: Limit, who: str) -> T:
    """A question to the shared counters, or to our own while Redis is away."""
    counters = _counters()
    return background.ask_redis(
        lambda: question(counters.shared, window, limit.name, who),
        otherwise=lambda: question(counters.own, window, limit.name, who),
    )


def _too_many(window: RateLimitItem, limit: Limit, who: str) -> RateLimited:
    stats = _ask(MovingWindowRateLimiter.get_window_stats, window, limit, who)
    return RateLimited(retry_after=max(1, math.ceil(stats.reset_time - time.time())))


def _counters() -> _Counters:
    counters: _Counters | None = current_app.extensions.get("limits")
    if counters is None:
        pool = background.redis().connection_pool
        counters = _Counters(
            MovingWindowRateLimiter(RedisStorage("redis://", connection_pool=pool))
        )
        current_app.extensions["limits"] = counters
    return counters
