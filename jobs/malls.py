"""聚微量: the tick links what waits for its campaign and tells malls what was redeemed."""

from backend import background, clock
from backend.malls import link, report
from jobs.runtime import job


@job
def tick() -> None:
    """Both look for themselves what is due; what is left when the time is up is the next tick's."""
    background.awake("jobs.malls.tick")
    link.link_everywhere(now=clock.now())
    report.send_due()
