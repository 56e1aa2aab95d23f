"""充值 and 撤销充值: the balance, what they do to the level, the message that tells of it."""

from dataclasses import dataclass
from datetime import datetime

from backend import faults, tenancy
from backend.database import after_commit, transactional
from backend.members.levels import Occasion, level_without
from backend.members.queries import survivor_id
from backend.members.view import MemberView, member_view
from backend.membership import levels
from backend.merchants import audit
from backend.merchants.queries import Place
from backend.money import yuan
from backend.wallet import ledger
from backend.wallet.ledger import Recharged
from backend.wallet.notices import tell_changed
from backend.wallet.reversal import Standing, reverse_recharge, standing


@dataclass(frozen=True)
class AfterRecharge:
    """What this recharge brought, and the member by now."""

    recharged: Recharged
    member: MemberView


@dataclass(frozen=True)
class Outlook:
    """撤销充值 before it is done: the recharge, its member now, and the level they would have."""

    recharge: Standing
    member: MemberView
    level_after: str | None

    @property
    def is_whole(self) -> bool:
        """Whether all that it brought is still there."""
        return self.recharge.left == self.recharge.brought


@transactional
def recharge(
    member_id: int, *, number: str, principal_fen: int, here: Place, now: datetime
) -> AfterRecharge:
    """充值, once per store and number of the till."""
    member_id, known_as = survivor_id(member_id), f"{here.code}/{number}"
    done = ledger.recharge(member_id, recharge_no=known_as, principal_fen=principal_fen, now=now)
    if done.is_new:
        levels.judge(member_id, cause=f"recharge-{known_as}", now=now)
        tell_changed(
            member_id,
            title="充值成功",
            amount_fen=done.principal_fen + done.bonus_fen,
            balance_fen=done.balance_fen,
            of_it=f"含赠送{yuan(done.bonus_fen)}元，" if done.bonus_fen else "",
            here=here,
            cause=f"recharge-{known_as}",
            now=now,
        )
    after_commit(lambda: faults.point("recharge.after_commit"))
    faults.point("recharge.before_commit")
    return AfterRecharge(done, member_view(member_id))


def outlook(number: str, *, store_code: str, now: datetime) -> Outlook:
    """What reversing the store's number would do; RechargeNotFound."""
    found = standing(f"{store_code}/{number}")
    after = level_without(
        found.member_id,
        recharge_fen=found.brought.principal_fen,
        recharged_at=found.recharged_at,
        now=now,
    )
    return Outlook(found, member_view(found.member_id), after)


@transactional
def reverse(
    number: str,
    *,
    reversal: str,
    reason: str,
    actor: str,
    origin: str = "",
    here: Place,
    now: datetime,
) -> AfterRecharge:
    """撤销充值 of the store's number, whole and once: balance, counters and level go back, the
    member is told, the log keeps who and why. The same reversal answers the same."""
    known_as = f"{here.code}/{reversal}"
    member_id, gone = reverse_recharge(
        f"{here.code}/{number}", reversal_no=known_as, reason=reason, actor=actor, now=now
    )
    if gone.is_new:
        levels.judge(member_id, cause=f"reversal-{known_as}", occasion=Occasion.WENT_BACK, now=now)
        tell_changed(
            member_id,
            title="撤销充值",
            amount_fen=-(gone.principal_fen + gone.bonus_fen),
            balance_fen=gone.balance_fen,
            of_it=f"含赠送{yuan(gone.bonus_fen)}元，" if gone.bonus_fen else "",
            here=here,
            cause=f"reversal-{known_as}",
            now=now,
        )
        audit.record(
            "recharge.reverse",
            subject=f"充值单 {number}",
            actor=actor,
            merchant_id=tenancy.merchant_id(),
            after={
                "member": member_id,
                "principal_fen": gone.principal_fen,
                "bonus_fen": gone.bonus_fen,
                "store": here.code,
                "reason": reason,
            },
            origin=origin,
            now=now,
        )
    return AfterRecharge(gone, member_view(member_id))
