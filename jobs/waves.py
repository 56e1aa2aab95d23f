"""发券批次: the tick opens what is due and sees that every open wave has a worker."""

from redis.exceptions import RedisError

from backend import background, clock, tenancy
from backend.campaigns import lapse, reminders, waves
from jobs.runtime import job

RUN_SECONDS = 20
WORKED_ON_SECONDS = 30


@job
def tick() -> None:
    """Open what is due; hand out waves that nobody is known to work on, and reminders; sweep what
    lapsed."""
    waves.open_due(clock.now())
    for merchant_id, wave_id in waves.unfinished():
        if _take_note(f"wave-{wave_id}"):
            background.enqueue("jobs.waves.run", merchant_id, wave_id, queue=background.WAVES)
    if reminders.due(clock.now()) and _take_note("reminders"):
        background.enqueue("jobs.reminders.run", queue=background.UPKEEP)
    lapse.sweep(now=clock.now())


@job
def run(merchant_id: int, wave_id: int) -> None:
    """Work on a wave for a while; what is left is another job."""
    with tenancy.acting_for(merchant_id):
        waves.run(wave_id, at=clock.now(), seconds=RUN_SECONDS)
    for merchant, wave in waves.unfinished():
        if merchant == merchant_id:
            background.enqueue("jobs.waves.run", merchant, wave, queue=background.WAVES)
            break


def _take_note(work: str) -> bool:
    """Whether nobody was sent to this lately. A hint only: two workers share a wave."""
    try:
        return bool(background.redis().set(f"worked-on:{work}", 1, nx=True, ex=WORKED_ON_SECONDS))
    except RedisError:
        return False
