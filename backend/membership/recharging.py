"""充值 at the counter: the balance, what it does to the level, the message that tells of it."""

from dataclasses import dataclass
from datetime import datetime

from backend.calendar import local
from backend.database import transactional
from backend.members.queries import survivor_id
from backend.members.view import MemberView, member_view
from backend.membership import levels
from backend.merchants.queries import Place
from backend.messaging import outbox
from backend.messaging.models import Purpose
from backend.money import yuan
from backend.wallet import ledger
from backend.wallet.ledger import Recharged


@dataclass(frozen=True)
class AfterRecharge:
    """What this recharge brought, and the member by now."""

    recharged: Recharged
    member: MemberView


@transactional
def recharge(
    member_id: int, *, number: str, principal_fen: int, here: Place, now: datetime
) -> AfterRecharge:
    """充值, once per store and number of the till."""
    member_id, known_as = survivor_id(member_id), f"{here.code}/{number}"
    done = ledger.recharge(member_id, recharge_no=known_as, principal_fen=principal_fen, now=now)
    if done.is_new:
        levels.judge(member_id, cause=f"recharge-{known_as}", now=now)
        _tell(member_id, done, known_as, here=here, now=now)
    return AfterRecharge(done, member_view(member_id))


def _tell(member_id: int, done: Recharged, known_as: str, *, here: Place, now: datetime) -> None:
    gift = f"含赠送{yuan(done.bonus_fen)}元，" if done.bonus_fen else ""
    outbox.queue(
        member_id,
        Purpose.BALANCE_CHANGED,
        {
            "title": "充值成功",
            "amount": yuan(done.principal_fen + done.bonus_fen),
            "store": here.name,
            "merchant": here.merchant_name,
            "time": local(now, here.zone).isoformat(timespec="seconds"),
            "remark": f"{gift}余额{yuan(done.balance_fen)}元",
        },
        dedupe_key=f"recharge-{known_as}"[:80],
        now=now,
    )
