"""每日数据: the days that are over are summed."""

from backend import clock
from backend.reports import rollup
from jobs.runtime import job


@job
def tick() -> None:
    """Make the closed days that are not made yet."""
    rollup.roll_up_all(clock.now())
