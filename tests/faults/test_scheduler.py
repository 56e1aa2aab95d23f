"""Schedulers killed in mid-wave: their ticks come again, once (F-05, S0-28)."""

import pytest

from tests.faults.deployment import SLOT, Deployment
from tests.faults.judge import assert_exactly_once, wait_until_quiet
from tests.faults.striking import IN_MID_SENDING, IN_MID_WAVE, strike

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


def test_a_scheduler_is_killed_alone_and_beside_another(deployment: Deployment) -> None:
    deployment.set_clock(SLOT)
    strike(deployment, Deployment.kill_scheduler, IN_MID_WAVE)
    deployment.also_run("jobs.scheduler")
    strike(deployment, Deployment.kill_scheduler, IN_MID_SENDING)
    wait_until_quiet(deployment)
    assert_exactly_once(deployment)
