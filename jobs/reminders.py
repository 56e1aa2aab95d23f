"""到期提醒: the messages of a slot, apart from its waves, so that neither waits for the other."""

from backend import clock
from backend.campaigns import reminders
from jobs.runtime import job


@job
def run() -> None:
    """Work off the slot that it is now."""
    reminders.run(clock.now())
