"""Keeping house: what was lost is asked again, what time has made useless is put away."""

from backend import clock, idempotency
from backend.merchants import tills
from backend.visits import completion
from backend.wechat import inbox
from jobs.runtime import job


@job
def tick() -> None:
    """Ask who new followers are where that job was lost; sweep old answers, nonces and pushes."""
    completion.complete_pending(now=clock.now())
    machine = clock.machine_now()
    idempotency.forget_old(machine)
    tills.forget_nonces(machine)
    inbox.forget_old(now=clock.now())
