"""Named crash points: where a test kills the real process. Without ``FAULTS`` they are nothing.

``FAULTS="wave.chunk_written:kill:3"`` kills this process with SIGKILL the third time it passes
that point. Points are listed in ``POINTS``, so that a test can visit every one.
"""

import os
import signal
from collections import Counter

POINTS = frozenset(
    {
        "follow.before_commit",
        "claim.before_commit",
        "redeem.before_commit",
        "redeem.after_commit",
        "settle.before_commit",
        "settle.after_commit",
        "wave.opened",
        "wave.chunk_written",
        "wave.chunk_committed",
        "outbox.claimed",
        "outbox.sent",
        "outbox.recorded",
    }
)

_plan = {
    name: int(count or 1)
    for name, _, count in (
        item.partition(":kill:") for item in os.environ.get("FAULTS", "").split(",") if item
    )
}
_passed: Counter[str] = Counter()


def point(name: str) -> None:
    """Pass the crash point ``name``."""
    if not _plan or name not in _plan:
        return
    _passed[name] += 1
    if _passed[name] == _plan[name]:
        os.kill(os.getpid(), signal.SIGKILL)
