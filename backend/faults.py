"""Named crash points: where a test kills the real process. Without ``FAULTS`` they are nothing.

``FAULTS="wave.chunk_written:kill:3"`` kills this process with SIGKILL the third time it passes
that point. ``tests/faults`` visits every one that stands in the code.
"""

import os
import signal
from collections import Counter

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
