"""Redis emptied, killed, away: it is never the only copy of a fact (F-05, F-06, F-08)."""

import pytest

from tests.faults.calls import Guest, redeem
from tests.faults.deployment import SLOT, Deployment
from tests.faults.judge import assert_exactly_once, progress, wait_until_quiet
from tests.faults.striking import IN_MID_SENDING, IN_MID_WAVE, strike
from tests.patience import until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


def test_redis_is_emptied_in_mid_wave(deployment: Deployment) -> None:
    deployment.set_clock(SLOT)
    for moment in (IN_MID_WAVE, IN_MID_SENDING):
        strike(deployment, Deployment.empty_redis, moment)
    wait_until_quiet(deployment)
    assert_exactly_once(deployment)


def test_redis_is_killed_in_mid_wave_and_back_empty(deployment: Deployment) -> None:
    """A worker that loses its Redis may take its horse with it, hence the kills."""
    deployment.set_clock(SLOT)
    for moment in (IN_MID_WAVE, IN_MID_SENDING):
        strike(deployment, Deployment.replace_redis, moment)
    wait_until_quiet(deployment)
    assert_exactly_once(deployment, kills=4)


def test_redis_is_away_over_the_slot(deployment: Deployment) -> None:
    """Following, logging in and redeeming need no Redis; what waits for it comes on its return."""
    early = Guest.follows(deployment, "小红")
    until(early.numbers, what="the follow's coupons stand in the card pack")
    deployment.redis.kill()
    deployment.set_clock(SLOT)
    early, late = Guest.enters(deployment, early.person), Guest.follows(deployment, "小明")
    used, kept = early.numbers()
    assert redeem(deployment, used).status_code == 201
    assert early.numbers() == [kept]
    assert progress(deployment).granted == 0
    deployment.redis.start()
    until(lambda: progress(deployment).granted, what="the wave begins")
    wait_until_quiet(deployment)
    assert_exactly_once(deployment, kills=2)
    until(late.numbers, what="who followed meanwhile has the coupons too")
