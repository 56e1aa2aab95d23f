"""故障: done at a chosen moment of the wave; it goes on soon afterwards."""

from collections.abc import Callable

from tests.faults.deployment import PEOPLE, Deployment
from tests.faults.judge import Progress, progress
from tests.faults.servers import until

Moment = Callable[[Progress], bool]


def IN_MID_WAVE(now: Progress) -> bool:
    return 0 < now.granted < PEOPLE


def IN_MID_SENDING(now: Progress) -> bool:
    return PEOPLE / 6 < now.delivered < PEOPLE


def strike(
    deployment: Deployment,
    fault: Callable[[Deployment], None],
    moment: Moment,
    *,
    recovers_within: float = 15,
) -> None:
    """Do it at that moment; the wave or its messages go on within so many seconds."""
    until(lambda: moment(progress(deployment)), seconds=60, what=moment.__name__)
    fault(deployment)
    struck = progress(deployment)
    until(
        lambda: _is_further(progress(deployment), struck),
        seconds=recovers_within,
        what="it goes on",
    )


def _is_further(now: Progress, then: Progress) -> bool:
    return now.granted > then.granted or now.delivered > then.delivered
