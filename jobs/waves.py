"""发券批次: the tick opens what is due; chunks follow."""

from jobs.runtime import job


@job
def tick() -> None:
    """Look which cycles are due."""
