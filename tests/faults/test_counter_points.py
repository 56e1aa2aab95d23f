"""Every crash point at the counter is visited with SIGKILL; done again by its caller, the effect is
one, the doctor finds nothing, and the money agrees with WeChat Pay's own book."""

import signal
from dataclasses import dataclass

import pytest
from sqlalchemy import ColumnElement, Select, Table, func, select, update

from backend.campaigns.models import ClaimLink, GrantState
from backend.database import table_of
from backend.idempotency import CRASHED_AFTER, RememberedAnswer
from backend.open_bills.models import PaymentState, ScanPayment, TillEvent
from backend.points.models import PointsEntry
from backend.redemption.models import ReportState, VoucherReport
from backend.sales.models import Bill, Refund
from backend.vouchers.models import MallShop, MallVoucher
from backend.wallet.models import WalletEntry
from tests.faults.books import assert_books_agree, paid_orders, refunds_made
from tests.faults.deployment import Deployment
from tests.faults.folders import Folders, fine
from tests.faults.warm import Warm
from tests.malls import listening

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


def rows(table: Table, *conditions: ColumnElement[bool]) -> Select[int]:
    """How many."""
    return select(func.count()).select_from(table).where(*conditions)


_bills, _payments = table_of(Bill), table_of(ScanPayment)
_links, _events = table_of(ClaimLink), table_of(TillEvent)
_points, _reports = table_of(PointsEntry), table_of(VoucherReport)

GIFTS = rows(_links, _links.c.kind == "receipt")
CLAIMED = rows(_links, _links.c.state == GrantState.CLAIMED)
REFUNDS = rows(table_of(Refund))
SETTLED = rows(_bills)
RECHARGES = rows(table_of(WalletEntry))
EXCHANGED = rows(_points, _points.c.cause.startswith("exchange-"))
BY_HAND = rows(_points, _points.c.cause.startswith("manual-"))
VOUCHERS = rows(table_of(MallVoucher))
TAKEN = rows(_reports, _reports.c.state == ReportState.TAKEN)
PAID = rows(_events, _events.c.kind == "paid")
CLOSED = rows(_payments, _payments.c.state == PaymentState.CLOSED)
RETURNED = rows(_payments, _payments.c.state.in_((PaymentState.STRAY, PaymentState.REFUNDED)))
BACK = rows(_events, _events.c.kind == "refunded")
OWED = rows(_payments, _payments.c.state.in_((PaymentState.STRAY, PaymentState.REFUNDING)))

SHEET = ("exchange", "put", "pay")
ANEW = ("preparing_is_over", "tick", "pay", "confirm")
CALLED_OFF = ("call_off", "tick")
STRAY = (*SHEET, "settle_cash", "confirm")
REFUNDED = (*SHEET, "confirm", "settle_paid", "refund_paid")
TICKED = ("refund_paid", "tick")
USED = ("sold", "use_voucher")


@dataclass(frozen=True)
class Struck:
    """``deed`` dies at ``point``: ``stored`` of its ``effect`` stand then; ``then`` is what its
    caller and the ticks do afterwards, and one stands."""

    point: str
    deed: str
    effect: Select[int]
    stored: int
    before: tuple[str, ...] = ()
    then: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "-".join((*self.before[-1:], self.deed, self.point))


ALL = (
    Struck("settle.before_commit", "settle", GIFTS, 0),
    Struck("settle.after_commit", "settle", GIFTS, 1),
    Struck("claim_link.before_commit", "claim", CLAIMED, 0, ("settle",)),
    Struck("claim_link.after_commit", "claim", CLAIMED, 1, ("settle",)),
    Struck("refund.before_commit", "refund", REFUNDS, 0, ("settle",)),
    Struck("refund.after_commit", "refund", REFUNDS, 1, ("settle",)),
    Struck("recharge.before_commit", "recharge", RECHARGES, 0),
    Struck("recharge.after_commit", "recharge", RECHARGES, 1),
    Struck("exchange.before_commit", "exchange", EXCHANGED, 0),
    Struck("till_exchange.before_commit", "till_exchange", EXCHANGED, 0),
    Struck("manual_points.before_commit", "points_by_hand", BY_HAND, 0),
    Struck("manual_points.after_commit", "points_by_hand", BY_HAND, 1),
    Struck("pay.begun", "pay", PAID, 0, SHEET[:-1], ANEW),
    Struck("pay.prepared", "pay", PAID, 0, SHEET[:-1], ANEW),
    Struck("pay.kept", "pay", PAID, 0, SHEET[:-1], ("pay", "confirm")),
    Struck("pay.closed", "tick", CLOSED, 0, (*SHEET, "the_sheet_lapses")),
    Struck("payment.before_commit", "confirm", PAID, 0, SHEET),
    Struck("payment.after_commit", "confirm", PAID, 1, SHEET),
    Struck("settle.before_commit", "settle_paid", SETTLED, 0, (*SHEET, "confirm")),
    Struck("settle.after_commit", "settle_paid", SETTLED, 1, (*SHEET, "confirm")),
    Struck("refund.before_commit", "refund_paid", REFUNDS, 0, REFUNDED[:-1], TICKED),
    Struck("refund.after_commit", "refund_paid", REFUNDS, 1, REFUNDED[:-1], TICKED),
    Struck("give_back.told", "tick", BACK, 0, STRAY),
    Struck("give_back.recorded", "tick", BACK, 1, STRAY),
    Struck("give_back.told", "tick", BACK, 0, REFUNDED),
    Struck("give_back.recorded", "tick", BACK, 1, REFUNDED),
    Struck("call_off.before_commit", "call_off", RETURNED, 0, (*SHEET, "confirm"), CALLED_OFF),
    Struck("call_off.after_commit", "call_off", RETURNED, 1, (*SHEET, "confirm"), CALLED_OFF),
    Struck("mall.before_commit", "sold", VOUCHERS, 0),
    Struck("mall.after_commit", "sold", VOUCHERS, 1),
    Struck("keyed.done", "sold", VOUCHERS, 1),
)  # fmt: skip


AT_THE_COUNTER = {"replay.next", "mall.told", *(struck.point for struck in ALL)}


@pytest.mark.parametrize("struck", ALL, ids=str)
def test_a_deed_at_the_counter_is_killed_and_done_again(
    folders: Folders, warm: Warm, struck: Struck
) -> None:
    with folders.copy(*struck.before) as deployment:
        already = count(deployment, struck.effect)
        dies(warm, deployment, struck.deed, at=struck.point)
        assert count(deployment, struck.effect) == already + struck.stored
        keys_are_old(deployment)
        goes_on(warm, deployment, *(struck.then or (struck.deed,)))
        assert count(deployment, struck.effect) == already + 1
        assert_books_agree(deployment)
        assert paid_orders(deployment) <= 1
        assert refunds_made(deployment) <= 1


def test_an_offline_replay_dies_between_two_bills(folders: Folders, warm: Warm) -> None:
    with folders.copy() as deployment:
        dies(warm, deployment, "replay", at="replay.next")
        assert count(deployment, SETTLED) == 1
        goes_on(warm, deployment, "replay")
        assert count(deployment, SETTLED) == 2


def test_a_mall_hears_twice_of_one_event(folders: Folders, warm: Warm) -> None:
    """Killed between the mall's 2xx and our row, it is told again under the same id."""
    with folders.copy(*USED) as deployment, listening("x01") as ear:
        with deployment.engine.begin() as connection:
            connection.execute(update(table_of(MallShop)).values(callback_url=ear.url))
        dies(warm, deployment, "tell_mall", at="mall.told")
        assert (len(ear.told), count(deployment, TAKEN)) == (1, 0)
        goes_on(warm, deployment, "tell_mall", "tell_mall")
        first, again = ear.told
        assert first == again
        assert (ear.forged, count(deployment, TAKEN)) == (0, 1)


def test_a_payment_whose_notice_is_lost_is_found_by_the_tick(folders: Folders, warm: Warm) -> None:
    with folders.copy(*SHEET) as deployment:
        fine(warm.do("confirm_unheard", environment=deployment.environment))
        assert count(deployment, PAID) == 0
        goes_on(warm, deployment, "tick", "confirm", "settle_paid", "settle_paid")
        assert (count(deployment, PAID), count(deployment, SETTLED)) == (1, 1)
        assert_books_agree(deployment)


def dies(warm: Warm, deployment: Deployment, deed: str, *, at: str) -> None:
    died = warm.do(deed, environment=deployment.environment | {"FAULTS": f"{at}:kill:1"})
    assert died.code == -signal.SIGKILL, died


def goes_on(warm: Warm, deployment: Deployment, *deeds: str) -> None:
    fine(warm.do(*deeds, "examine", environment=deployment.environment))


def count(deployment: Deployment, effect: Select[int]) -> int:
    with deployment.engine.connect() as connection:
        return int(connection.scalar(effect) or 0)


def keys_are_old(deployment: Deployment) -> None:
    """As if the keyed requests had been made so long before that their process is known dead."""
    answers = table_of(RememberedAnswer)
    with deployment.engine.begin() as connection:
        for row in connection.execute(select(answers.c.id, answers.c.asked_at)).all():
            older = update(answers).where(answers.c.id == row.id)
            connection.execute(older.values(asked_at=row.asked_at - CRASHED_AFTER))
