"""Keeping house: what was lost is asked again, what time has made useless is put away."""

from redis.exceptions import RedisError

from backend import background, clock, idempotency, statistics
from backend.campaigns import link_end
from backend.membership import levels
from backend.merchants import tills
from backend.open_bills import sweeping
from backend.points import exchange_lapse
from backend.points import upkeep as points
from backend.visits import completion
from backend.wechat import inbox
from jobs.runtime import job

_SWEEPS_EVERY_SECONDS = 3600


@job
def tick() -> None:
    """Ask who new followers are where that job was lost; put away claim links that nobody opened,
    and give back the points of those that were exchanges; let points expire, and say so before;
    judge levels anew where they are kept; sweep old answers, nonces and pushes, once an hour old
    quotes and till events, and look at the tables for SQLite's planner."""
    now = clock.now()
    completion.complete_pending(now=now)
    link_end.sweep(now=now)
    exchange_lapse.give_back_all(now)
    points.expire_all(now)
    points.remind_all(now)
    levels.review_due(now)
    machine = clock.machine_now()
    idempotency.forget_old(machine)
    tills.forget_nonces(machine)
    inbox.forget_old(now=now)
    if _is_time("open-bills", _SWEEPS_EVERY_SECONDS):
        sweeping.sweep(now=now)
        statistics.refresh()


def _is_time(what: str, seconds: int) -> bool:
    """Whether this was not done lately; a hint only, doing it twice is harmless."""
    try:
        return bool(background.redis().set(f"upkeep:{what}", 1, nx=True, ex=seconds))
    except RedisError:
        return False
