"""Workers killed in mid-wave and mid-sending: all granted once, nobody told twice (F-01…F-03)."""

from collections.abc import Callable

import pytest

from tests.faults.deployment import SLOT, Deployment
from tests.faults.judge import assert_exactly_once, wait_until_quiet
from tests.faults.striking import IN_MID_SENDING, IN_MID_WAVE, strike

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("kill", "victims"),
    [(Deployment.kill_trees, 2), (Deployment.kill_parents, 2), (Deployment.kill_horses, 2)],
    ids=["with_their_horses", "without_their_horses", "only_the_horses"],
)
def test_workers_are_killed(
    deployment: Deployment, kill: Callable[[Deployment], None], victims: int
) -> None:
    deployment.set_clock(SLOT)
    strike(deployment, kill, IN_MID_WAVE)
    strike(deployment, kill, IN_MID_SENDING)
    wait_until_quiet(deployment)
    assert_exactly_once(deployment, kills=2 * victims)
