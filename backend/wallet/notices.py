"""余额变动提醒: the member is told what a recharge or a payment did to their balance."""

from datetime import datetime

from backend.calendar import local
from backend.merchants.queries import Place
from backend.messaging import outbox
from backend.messaging.models import Purpose
from backend.money import yuan


def tell_changed(
    member_id: int,
    *,
    title: str,
    amount_fen: int,
    balance_fen: int,
    of_it: str = "",
    here: Place,
    cause: str,
    now: datetime,
) -> None:
    """One message per cause, in its transaction; ``of_it`` says what the amount includes."""
    outbox.queue(
        member_id,
        Purpose.BALANCE_CHANGED,
        {
            "title": title,
            "amount": yuan(amount_fen),
            "store": here.name,
            "merchant": here.merchant_name,
            "time": local(now, here.zone).isoformat(timespec="seconds"),
            "remark": f"{of_it}余额{yuan(balance_fen)}元",
        },
        dedupe_key=cause[:80],
        now=now,
    )
