"""发送调度: everything that is due leaves, in batches, a few at a time (D-6).

Any number of these may run at once, in any process; leases keep them apart.
"""

import logging
import time
from collections import Counter
from datetime import datetime
from functools import partial

from backend import clock
from backend.background import side_by_side
from backend.database import end_read
from backend.leases import Lease
from backend.messaging import leases
from backend.messaging.deliver import deliver
from backend.messaging.models import IntentState

BATCH, THREADS = 50, 8
TICK_SECONDS = 20.0
LOOK_AGAIN_SECONDS = 0.2

log = logging.getLogger(__name__)


def send_due(*, seconds: float = TICK_SECONDS) -> Counter[str]:
    """Send until nothing is due or the time is up; how many ended in which state."""
    ended: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    while True:
        machine, now = clock.machine_now(), clock.now()
        ended += leases.put_away(machine=machine, now=now)
        taken = leases.take_due(BATCH, machine=machine, now=now)
        if not taken:
            return ended
        states = side_by_side(partial(_send, now=now), taken, threads=THREADS)
        ended.update(state.value for state in states if state is not None)
        if time.monotonic() > deadline:
            return ended


def drain(*, patience: float = 90.0) -> Counter[str]:
    """Send all that is due, and wait for what others have in hand."""
    ended: Counter[str] = Counter()
    deadline = time.monotonic() + patience
    while True:
        ended += send_due(seconds=float("inf"))
        if not leases.is_any_under_way(machine=clock.machine_now(), now=clock.now()):
            return ended
        if time.monotonic() > deadline:
            return ended
        end_read()
        time.sleep(LOOK_AGAIN_SECONDS)


def _send(lease: Lease, *, now: datetime) -> IntentState | None:
    """One row; what goes wrong with it must not stop the others (F-21)."""
    try:
        return deliver(lease, now=now)
    except Exception:
        log.exception("A message could not be sent", extra={"intent_id": lease.row_id})
        leases.stumble(lease, machine=clock.machine_now())
        return None
