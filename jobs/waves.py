"""发券批次: the tick opens what is due and sees that every open wave has a worker."""

import time

from redis.exceptions import RedisError

from backend import background, clock, tenancy
from backend.campaigns import lapse, reminders, waves
from jobs.runtime import job

RUN_SECONDS = 4.0
WAVE_SECONDS, REMINDERS_SECONDS = 8, 30
"""What a killed worker had in hand is handed out again after so long; a wave's run renews it."""


@job
def tick() -> None:
    """Open what is due; hand out waves that nobody is known to work on, and reminders; sweep what
    lapsed."""
    waves.open_due(clock.now())
    for merchant_id, wave_id in waves.unfinished():
        if _take_note(f"wave-{wave_id}", WAVE_SECONDS):
            _hand_out(merchant_id, wave_id)
    slots = sorted({slot.key for _, slot in reminders.due(clock.now())})
    if slots and _take_note(f"reminders-{slots}", REMINDERS_SECONDS):
        background.enqueue("jobs.reminders.run", queue=background.UPKEEP)
    lapse.sweep(now=clock.now())


@job
def run(merchant_id: int, wave_id: int) -> None:
    """Work on a wave for a while; what is left, or waited for it, is another job. A wave that has
    to wait itself hands out nothing: the one before it will."""
    began = time.monotonic()
    with tenancy.acting_for(merchant_id):
        is_done = waves.run(wave_id, at=clock.now(), seconds=RUN_SECONDS)
    if not is_done and time.monotonic() - began < RUN_SECONDS:
        return
    left = [wave for merchant, wave in waves.unfinished() if merchant == merchant_id]
    if left:
        _take_note(f"wave-{left[0]}", WAVE_SECONDS, anew=True)
        _hand_out(merchant_id, left[0])


def _hand_out(merchant_id: int, wave_id: int) -> None:
    background.enqueue("jobs.waves.run", merchant_id, wave_id, queue=background.WAVES)


def _take_note(work: str, seconds: int, *, anew: bool = False) -> bool:
    """Whether nobody was sent to this lately. A hint only: two workers share a wave."""
    try:
        return bool(background.redis().set(f"worked-on:{work}", 1, nx=not anew, ex=seconds))
    except RedisError:
        return False
