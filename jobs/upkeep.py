"""Keeping house: what was lost is asked again, what time has made useless is put away."""

from backend import clock, idempotency
from backend.campaigns import links
from backend.membership import levels
from backend.merchants import tills
from backend.points import exchange_lapse
from backend.points import upkeep as points
from backend.visits import completion
from backend.wechat import inbox
from jobs.runtime import job


@job
def tick() -> None:
    """Ask who new followers are where that job was lost; put away claim links that nobody opened,
    and give back the points of those that were exchanges; let points expire, and say so before;
    judge levels anew where they are kept; sweep old answers, nonces and pushes."""
    now = clock.now()
    completion.complete_pending(now=now)
    links.sweep(now=now)
    exchange_lapse.give_back_all(now)
    points.expire_all(now)
    points.remind_all(now)
    levels.review_due(now)
    machine = clock.machine_now()
    idempotency.forget_old(machine)
    tills.forget_nonces(machine)
    inbox.forget_old(now=now)
