"""The ticks: what is looked at, and how often. Intervals only; the calendar is ours
(``campaigns/cadence.py``) and the truth is rows, so that one tick or a hundred do the same."""

from dataclasses import dataclass

from backend import background


@dataclass(frozen=True)
class Tick:
    """One periodic look; ``name`` is its fixed id."""

    name: str
    job: str
    every_seconds: int
    queue: str


TICKS = (
    Tick("tick-waves", "jobs.waves.tick", 2, background.WAVES),
    Tick("tick-deliveries", "jobs.deliveries.tick", 3, background.MESSAGES),
    Tick("tick-open-bills", "jobs.open_bills.tick", 5, background.UPKEEP),
    Tick("tick-malls", "jobs.malls.tick", 3, background.MESSAGES),
    Tick("tick-reports", "jobs.reports.tick", 60, background.UPKEEP),
    Tick("tick-upkeep", "jobs.upkeep.tick", 60, background.UPKEEP),
)
