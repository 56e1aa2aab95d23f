"""故障: done at a chosen moment of the wave; it goes on soon afterwards."""

from collections.abc import Callable

from tests.faults.deployment import PEOPLE, Deployment
from tests.faults.judge import Progress, progress
from tests.patience import until

Moment = Callable[[Progress], bool]


def IN_MID_WAVE(now: Progress) -> bool:
    return 0 < now.granted < PEOPLE


def IN_MID_SENDING(now: Progress) -> bool:
    return PEOPLE / 6 < now.delivered < PEOPLE


def strike(
    deployment: Deployment,
    fault: Callable[[Deployment], None],
    moment: Moment,
) -> None:
    """Do it at that moment; the wave or its messages go on."""
    until(lambda: moment(progress(deployment)), what=moment.__name__)
    fault(deployment)
    struck = progress(deployment)
    until(
        lambda: _is_further(progress(deployment), struck),
        what="it goes on",
    )


def _is_further(now: Progress, then: Progress) -> bool:
    return now.granted > then.granted or now.delivered > then.delivered
