"""Keeping house: what time has made useless is put away."""

from backend import clock, idempotency
from backend.merchants import tills
from jobs.runtime import job


@job
def tick() -> None:
    """Sweep answers older than 72 hours and nonces out of range; machine time."""
    now = clock.machine_now()
    idempotency.forget_old(now)
    tills.forget_nonces(now)
