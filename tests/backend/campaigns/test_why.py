"""为什么 (没有) 发给这个人, of cycles that no wave was made for."""

from flask import Flask

from backend import tenancy
from backend.campaigns import lifecycle, waves
from backend.campaigns.why import why
from tests.backend.campaigns.plans import a_periodic
from tests.builders import a_member, a_shop
from tests.conftest import StillClock


def test_a_cycle_that_a_pause_passed_over_is_not_said_to_come(
    app: Flask, clock: StillClock
) -> None:
    shop = a_shop()
    plan = a_periodic(shop, "daily")
    member = a_member(shop)
    with tenancy.acting_for(shop.merchant_id):
        clock.move_to("2026-11-24 09:50")
        lifecycle.pause(plan, now=clock.at)
        clock.move_to("2026-11-24 10:05")
        lifecycle.start(plan, now=clock.at)
    waves.open_due(clock.at)
    with tenancy.acting_for(shop.merchant_id):
        answer = why(member, "daily", at=clock.at)
        assert (answer.cycle, answer.granted, answer.reason) == (
            "2026-11-24@10:00",
            False,
            "paused",
        )
        clock.move_to("2026-11-25 10:00")
        assert why(member, "daily", at=clock.at).granted, "the next one is on its way"
