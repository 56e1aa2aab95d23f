"""Keeping house: what time has made useless is put away."""

from jobs.runtime import job


@job
def tick() -> None:
    """Sweep."""
