"""撤销充值: a recharge that was typed wrong is taken back whole, once, while it is still there.

本金, 赠金 and 累计充值 go as they came. The reversal's number answers the same every time.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from backend import tenancy
from backend.database import MetAnother, changed, db, table_of, transactional
from backend.members.held import person
from backend.members.models import Member, Recharge
from backend.members.queries import survivor_id
from backend.wallet.account import Entry, Posting, book, hold, reversal_of
from backend.wallet.errors import (
    RechargeNotFound,
    RechargeReversed,
    RechargeSpent,
    ReversalConflict,
)
from backend.wallet.ledger import Recharged
from backend.wallet.models import EntryKind
from backend.wallet.parts import Parts

_recharges, _members = table_of(Recharge), table_of(Member)


@dataclass(frozen=True)
class Standing:
    """一笔充值 as it stands: whose it is by now, what it brought, and what of that is left."""

    member_id: int
    brought: Parts
    left: Parts
    recharged_at: datetime
    is_reversed: bool


def standing(recharge_no: str) -> Standing:
    """The recharge of a number, only looked at; RechargeNotFound."""
    cause, connection = f"recharge-{recharge_no}", db.session.connection()
    original = book.entry_of(cause)
    if original is None:
        raise RechargeNotFound(recharge=recharge_no)
    survivor = survivor_id(original.member_id)
    has = connection.execute(
        select(_members.c.principal_fen, _members.c.bonus_fen).where(
            _members.c.merchant_id == tenancy.merchant_id(), _members.c.id == survivor
        )
    ).one()
    row = connection.execute(
        select(_recharges.c.recharged_at, _recharges.c.reversed_at).where(
            _recharges.c.merchant_id == tenancy.merchant_id(), _recharges.c.cause == cause
        )
    ).one()
    left = _left(Parts(has.principal_fen, has.bonus_fen), original.change)
    is_reversed = row.reversed_at is not None
    return Standing(survivor, original.change, left, row.recharged_at, is_reversed)


@transactional
def reverse_recharge(
    recharge_no: str, *, reversal_no: str, reason: str, actor: str, now: datetime
) -> tuple[int, Recharged]:
    """撤销充值: whose it is, and what went. RechargeNotFound; RechargeReversed under another
    number; ReversalConflict where the number stands for another recharge; RechargeSpent says how
    much of it is left."""
    original, cause = book.entry_of(f"recharge-{recharge_no}"), f"reversal-{reversal_no}"
    if original is None:
        raise RechargeNotFound(recharge=recharge_no)
    survivor = person(original.member_id).id
    has, brought = hold((survivor,))[survivor], original.change
    earlier, done = book.entry_of(cause), reversal_of(original.id)
    if earlier is not None:
        if done is None or earlier.id != done.id:
            raise ReversalConflict(reversal=reversal_no)
        return survivor, _reversed(earlier, is_new=False)
    if done is not None:
        raise RechargeReversed(recharge=recharge_no)
    left = _left(has, brought)
    if left != brought:
        raise RechargeSpent(left_fen=left.total_fen)
    (entry,) = book.post(
        [
            Posting(
                survivor,
                Parts(-brought.principal_fen, -brought.bonus_fen),
                EntryKind.REVERSE,
                cause,
                reason=reason,
                actor=actor,
                reverses_id=original.id,
            )
        ],
        now=now,
    )
    if not changed(
        update(_recharges)
        .where(
            _recharges.c.merchant_id == tenancy.merchant_id(),
            _recharges.c.cause == original.cause,
            _recharges.c.reversed_at.is_(None),
        )
        .values(reversed_at=now)
    ):
        raise MetAnother("the recharge was reversed by somebody else")
    return survivor, _reversed(entry, is_new=True)


def _left(has: Parts, brought: Parts) -> Parts:
    """What of a recharge a balance still holds."""
    return Parts(
        min(has.principal_fen, brought.principal_fen), min(has.bonus_fen, brought.bonus_fen)
    )


def _reversed(entry: Entry, *, is_new: bool) -> Recharged:
    """The balance after it, and what went."""
    return Recharged(
        balance_fen=entry.after.total_fen,
        principal_fen=-entry.change.principal_fen,
        bonus_fen=-entry.change.bonus_fen,
        is_new=is_new,
    )
