"""柜台 under faults: workers killed and Redis gone while malls are told and money goes back, WeChat
Pay failing in every way it can: nothing lost, nothing twice."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import update

from backend import clock
from backend.database import table_of
from backend.redemption.models import ReportState, VoucherReport
from backend.vouchers.models import MallShop
from tests.faults.books import assert_books_agree, refunds_made
from tests.faults.counter import MANY
from tests.faults.deployment import Deployment
from tests.faults.folders import Folders, fine
from tests.faults.test_counter_points import (
    BACK,
    EXCHANGED,
    OWED,
    PAID,
    REFUNDED,
    SETTLED,
    SHEET,
    STRAY,
    TAKEN,
    count,
    goes_on,
)
from tests.faults.warm import Warm
from tests.malls import listening
from tests.patience import until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

_reports = table_of(VoucherReport)
BLOWS: tuple[Callable[[Deployment], None], ...] = (
    Deployment.kill_trees,
    Deployment.kill_horses,
    Deployment.kill_parents,
    Deployment.empty_redis,
    Deployment.replace_redis,
)


def test_workers_die_and_redis_goes_while_malls_are_told_and_money_goes_back(
    folders: Folders, warm: Warm
) -> None:
    """The mall refuses now and then; every voucher's use is told, all money is back."""
    with folders.copy("much_to_tell") as deployment, listening("x01") as ear:
        ear.answers = [500, 200] * (MANY // 2)
        with deployment.engine.begin() as connection:
            connection.execute(update(table_of(MallShop)).values(callback_url=ear.url))
        deployment.redis.kill()
        deployment.start()
        for blow in BLOWS:
            until(
                partial(is_further, deployment, ends(deployment)),
                what=f"something is told or goes back before {blow.__name__}",
            )
            blow(deployment)
            leases_are_over(deployment)
        until(
            lambda: ends(deployment) == 2 * MANY and not count(deployment, OWED),
            what=f"all is told and back:\n{deployment.logs()}",
        )
        told = Counter(event["event_id"] for event in ear.told)
        assert len(told) == MANY, "every use, under one id each"
        assert ear.forged == 0
        assert refunds_made(deployment) == MANY
        assert_books_agree(deployment)
        goes_on(warm, deployment)


def ends(deployment: Deployment) -> int:
    """How many uses are told and payments back."""
    return count(deployment, TAKEN) + count(deployment, BACK)


def is_further(deployment: Deployment, then: int) -> bool:
    return then < ends(deployment) or then == 2 * MANY


def leases_are_over(deployment: Deployment) -> None:
    """As if the minute had passed for which a dead process holds its reports."""
    with deployment.engine.begin() as connection:
        held = update(_reports).where(_reports.c.state != ReportState.TAKEN)
        connection.execute(held.values(due_at=clock.machine_now()))


@pytest.mark.parametrize("fault", ["pay_says_500", "pay_refuses", "pay_is_forged", "pay_hangs"])
def test_wechat_pay_fails_while_a_sheet_is_opened(folders: Folders, warm: Warm, fault: str) -> None:
    """Whatever WeChat Pay made of it, the guest pays once, with a sheet that opens later."""
    with folders.copy(*SHEET[:-1]) as deployment:
        fine(warm.do(fault, "pay_in_vain", environment=deployment.environment))
        goes_on(warm, deployment, "preparing_is_over", "tick", "pay", "confirm", "settle_paid")
        assert (count(deployment, PAID), count(deployment, SETTLED)) == (1, 1)
        assert_books_agree(deployment)


@pytest.mark.parametrize("fault", ["pay_says_500", "pay_refuses", "pay_is_forged"])
@pytest.mark.parametrize("owed", [STRAY, REFUNDED], ids=["stray", "refunded"])
def test_wechat_pay_fails_while_money_goes_back(
    folders: Folders, warm: Warm, fault: str, owed: tuple[str, ...]
) -> None:
    """It goes back once, by the next tick, and the till is told once."""
    with folders.copy(*owed) as deployment:
        fine(warm.do(fault, "tick", environment=deployment.environment))
        assert count(deployment, BACK) == 0
        goes_on(warm, deployment, "tick", "tick")
        assert (count(deployment, BACK), refunds_made(deployment)) == (1, 1)
        assert_books_agree(deployment)


def test_a_forged_notice_is_refused_and_the_true_one_taken_once(
    folders: Folders, warm: Warm
) -> None:
    with folders.copy(*SHEET) as deployment:
        fine(warm.do("notices_are_forged", "confirm_in_vain", environment=deployment.environment))
        assert count(deployment, PAID) == 0
        goes_on(warm, deployment, "notices_are_forged", "confirm_in_vain", "confirm", "confirm")
        assert count(deployment, PAID) == 1
        assert_books_agree(deployment)


def test_the_counter_works_without_redis(folders: Folders, warm: Warm) -> None:
    """Paying by phone, settling, refunding and exchanging need none; what waits for it comes."""
    with folders.copy("sold", "use_voucher") as deployment, listening("x01") as ear:
        with deployment.engine.begin() as connection:
            connection.execute(update(table_of(MallShop)).values(callback_url=ear.url))
        deployment.redis.kill()
        goes_on(warm, deployment, *REFUNDED)
        assert (count(deployment, EXCHANGED), count(deployment, PAID)) == (1, 1)
        deployment.redis.start()
        goes_on(warm, deployment, "tick", "tell_mall")
        assert (count(deployment, BACK), count(deployment, TAKEN), len(ear.told)) == (1, 1, 1)
        assert_books_agree(deployment)
