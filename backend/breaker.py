"""断路器: who keeps others waiting again and again is left alone for a while, then tried by one.

What one process learns all of them know, workers that live for one job too: it stands in Redis.
While Redis is away each process counts for itself. Machine time.
"""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from backend.background import ask_redis, redis

LEFT_ALONE_SECONDS = 10.0

REMEMBERED_SECONDS = 600
"""Failures of so long ago say nothing about today."""


@dataclass(frozen=True)
class Line:
    """Where calls go, and how many slow failures in a row close it to everybody."""

    name: str
    most_slow: int


def admit(lines: Sequence[Line], *, try_seconds: float) -> int | None:
    """Whether a call over all these lines is made: how many slow failures stand against them now;
    None: one of them is left alone. Who may try a closed one is alone in it for ``try_seconds``."""
    most = [line.most_slow for line in lines]
    slow = ask_redis(
        lambda: _evaluate(_ADMIT, lines, *most, _milliseconds(try_seconds)),
        otherwise=lambda: _here.admit(lines, try_seconds),
    )
    return None if slow < 0 else slow


def answered(lines: Sequence[Line]) -> None:
    """It did, or failed without letting anybody wait: the counts begin anew."""
    ask_redis(
        lambda: int(redis().delete(*_keys(lines))),
        otherwise=lambda: _here.answered(lines),
    )


def kept_waiting(lines: Sequence[Line]) -> None:
    """A slow failure more."""
    most = [line.most_slow for line in lines]
    ask_redis(
        lambda: _evaluate(_COUNT, lines, *most, _milliseconds(LEFT_ALONE_SECONDS)),
        otherwise=lambda: _here.kept_waiting(lines),
    )


def forget() -> None:
    """As in a new process."""
    _here.forget()


_ADMIT = """
local against = 0
for i = 1, #KEYS / 2 do
    local slow = tonumber(redis.call('get', KEYS[2 * i - 1]) or '0')
    if slow >= tonumber(ARGV[i]) and redis.call('exists', KEYS[2 * i]) == 1 then return -1 end
    against = against + slow
end
for i = 1, #KEYS / 2 do
    if tonumber(redis.call('get', KEYS[2 * i - 1]) or '0') >= tonumber(ARGV[i]) then
        redis.call('set', KEYS[2 * i], 1, 'PX', ARGV[#ARGV - 1])
    end
end
return against
"""
_COUNT = """
for i = 1, #KEYS / 2 do
    if redis.call('incr', KEYS[2 * i - 1]) >= tonumber(ARGV[i]) then
        redis.call('set', KEYS[2 * i], 1, 'PX', ARGV[#ARGV - 1])
    end
    redis.call('expire', KEYS[2 * i - 1], ARGV[#ARGV])
end
return 0
"""


class _Here:
    """What this process knows by itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slow: Counter[str] = Counter()
        self._alone_until: dict[str, float] = {}

    def admit(self, lines: Sequence[Line], try_seconds: float) -> int:
        with self._lock:
            now = time.monotonic()
            closed = [line.name for line in lines if self._slow[line.name] >= line.most_slow]
            if any(now < self._alone_until[name] for name in closed):
                return -1
            self._alone_until.update(dict.fromkeys(closed, now + try_seconds))
            return sum(self._slow[line.name] for line in lines)

    def answered(self, lines: Sequence[Line]) -> int:
        with self._lock:
            for line in lines:
                self._slow.pop(line.name, None)
        return 0

    def kept_waiting(self, lines: Sequence[Line]) -> int:
        with self._lock:
            for line in lines:
                self._slow[line.name] += 1
                self._alone_until[line.name] = time.monotonic() + LEFT_ALONE_SECONDS
        return 0

    def forget(self) -> None:
        with self._lock:
            self._slow.clear()
            self._alone_until.clear()


def _evaluate(script: str, lines: Sequence[Line], *arguments: int) -> int:
    keys = _keys(lines)
    told = redis().eval(script, len(keys), *keys, *arguments, REMEMBERED_SECONDS)
    return int(told)


def _keys(lines: Sequence[Line]) -> list[str]:
    """Of each line its count, and the key that stands while it is left alone."""
    return [f"outside:{line.name}:{part}" for line in lines for part in ("slow", "alone")]


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


_here = _Here()
