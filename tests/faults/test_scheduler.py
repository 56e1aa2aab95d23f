"""Schedulers killed in mid-wave: their ticks come again, once (F-05, S0-28)."""

import pytest

from tests.faults.deployment import SLOT, Deployment
from tests.faults.judge import assert_exactly_once, wait_until_quiet
from tests.faults.servers import kill
from tests.faults.striking import IN_MID_SENDING, IN_MID_WAVE, strike

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


@pytest.mark.parametrize("schedulers", [1, 2])
def test_a_scheduler_is_killed(deployment: Deployment, schedulers: int) -> None:
    for _ in range(1, schedulers):
        deployment.also_run("jobs.scheduler")
    deployment.set_clock(SLOT)
    for moment in (IN_MID_WAVE, IN_MID_SENDING):
        strike(deployment, lambda struck: kill(struck.pid("scheduler")), moment)
    wait_until_quiet(deployment)
    assert_exactly_once(deployment)
