"""防猜密码: wrong tries cost whoever makes them, at the address where they make them.

Nobody can lock a person out: only the same person's tries from the same address pause, each time
for longer; and one address may have only so many passwords judged, whoever they are for. Counted
in Redis, or by this process while it is away. Machine time.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from backend import background
from backend.deployment import once_per_app
from backend.errors import RateLimited

TRIES = 5
"""So many wrong ones are forgiven; from then on each is followed by a pause."""

FIRST_PAUSE, LONGEST_PAUSE = 60, 3600
"""Seconds; each pause is twice the one before."""

FORGOTTEN_AFTER = 24 * 3600
"""Seconds after the last wrong try."""

PER_ADDRESS, ADDRESS_WINDOW = 60, 600
"""So many passwords are judged in so many seconds; right ones give theirs back."""

_MOST_OF_OUR_OWN = 10_000


class TooManyTries(RateLimited):
    """Here, for now. Elsewhere the same person signs in."""

    message = "输错次数太多，请在{retry_after}秒后再试"


@dataclass(frozen=True)
class Try:
    """One try: ``who`` is tried, from ``address``."""

    who: str
    address: str

    def begin(self) -> None:
        """Count it before it is judged, so that many at once are no more than one by one.
        TooManyTries while a pause lasts, which such a try does not make longer."""
        if wait := _ask(lambda counts: _begin(counts, self)):
            raise TooManyTries(retry_after=wait)

    def was_right(self) -> None:
        """Nothing of it counts."""
        _ask(lambda counts: counts.forget(self._wrong, self._pause, back=self._of_address))

    @property
    def _key(self) -> str:
        return hashlib.sha256(f"{self.who}\n{network(self.address)}".encode()).hexdigest()[:32]

    @property
    def _wrong(self) -> str:
        return f"sign-in:wrong:{self._key}"

    @property
    def _pause(self) -> str:
        return f"sign-in:pause:{self._key}"

    @property
    def _of_address(self) -> str:
        return f"sign-in:from:{network(self.address)}"


def network(address: str) -> str:
    """Who has one IPv6 address has 2⁶⁴ of them."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


def pause_after(wrong: int) -> int:
    """Seconds to wait behind the so manieth wrong try: none, then 60, 120, … 3600."""
    if wrong < TRIES:
        return 0
    return min(LONGEST_PAUSE, FIRST_PAUSE << min(wrong - TRIES, 10))


class _Counts(Protocol):
    def left(self, key: str) -> int: ...
    def count(self, key: str, *, seconds: int, anew: bool) -> int: ...
    def begin_pause(self, key: str, *, seconds: int) -> bool: ...
    def forget(self, *keys: str, back: str) -> int: ...


def _begin(counts: _Counts, tried: Try) -> int:
    """Seconds to wait; 0 when it may be judged."""
    if wait := counts.left(tried._pause):
        return wait
    if counts.count(tried._of_address, seconds=ADDRESS_WINDOW, anew=False) > PER_ADDRESS:
        return max(1, counts.left(tried._of_address))
    wrong = counts.count(tried._wrong, seconds=FORGOTTEN_AFTER, anew=True)
    pause = pause_after(wrong)
    if pause and not counts.begin_pause(tried._pause, seconds=pause):
        return max(1, counts.left(tried._pause))
    return 0


class _Shared:
    """In Redis."""

    def left(self, key: str) -> int:
        return max(0, int(background.redis().ttl(key)))

    def count(self, key: str, *, seconds: int, anew: bool) -> int:
        with background.redis().pipeline() as pipe:
            pipe.incr(key)
            pipe.expire(key, seconds, nx=not anew)
            return int(pipe.execute()[0])

    def begin_pause(self, key: str, *, seconds: int) -> bool:
        return bool(background.redis().set(key, 1, nx=True, ex=seconds))

    def forget(self, *keys: str, back: str) -> int:
        with background.redis().pipeline() as pipe:
            pipe.delete(*keys)
            pipe.decr(back)
            pipe.expire(back, ADDRESS_WINDOW, nx=True)
            pipe.execute()
        return 0


@dataclass
class _Own:
    """In this process: key → count and when it ends. The oldest go when there are too many."""

    kept: dict[str, tuple[int, float]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def left(self, key: str) -> int:
        with self.lock:
            count, until = self.kept.get(key, (0, 0.0))
            return max(0, round(until - time.monotonic() + 0.5)) if count else 0

    def count(self, key: str, *, seconds: int, anew: bool) -> int:
        with self.lock:
            now = time.monotonic()
            count, until = self.kept.pop(key, (0, 0.0))
            if until <= now:
                count, until = 0, now + seconds
            self.kept[key] = (count + 1, now + seconds if anew else until)
            while len(self.kept) > _MOST_OF_OUR_OWN:
                del self.kept[next(iter(self.kept))]
            return count + 1

    def begin_pause(self, key: str, *, seconds: int) -> bool:
        return self.count(key, seconds=seconds, anew=False) == 1

    def forget(self, *keys: str, back: str) -> int:
        with self.lock:
            for key in keys:
                self.kept.pop(key, None)
            if back in self.kept:
                count, until = self.kept[back]
                self.kept[back] = (count - 1, until)
        return 0


def _ask(question: Callable[[_Counts], int]) -> int:
    own = once_per_app("sign_in_counts", _Own)
    return background.ask_redis(lambda: question(_Shared()), otherwise=lambda: question(own))
