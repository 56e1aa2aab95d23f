"""撤销充值 on the page of a recharge: what it would take is shown first, why is asked."""

from collections.abc import Mapping

from flask import flash, request

from admin import access, causes
from admin.rights import Right
from backend import clock
from backend.errors import DomainError
from backend.membership.recharging import outlook, reverse
from backend.merchants.queries import place
from backend.wallet.errors import RechargeSpent
from backend.wallet.models import EntryKind, WalletEntry

LONGEST_REASON = 200


def facts(entry: WalletEntry) -> Mapping[str, object]:
    """What the page shows to who may: what would go, or why nothing can."""
    named = _recharge(entry)
    if named is None or not access.may(Right.REVERSE_RECHARGES):
        return {"reversal": None}
    code, number = named
    told = outlook(number, store_code=code, now=clock.now())
    spent = None if told.is_whole else RechargeSpent(left_fen=told.recharge.left.total_fen)
    return {
        "reversal": {
            "outlook": told,
            "is_theirs": _is_theirs(code),
            "spent": spent,
            "longest": LONGEST_REASON,
        }
    }


def take_back(entry: WalletEntry) -> None:
    """撤销 as the form says, told in a flash. Sent twice it is one reversal."""
    named = _recharge(entry)
    reason = request.form.get("reason", "").strip()
    if named is None or not _is_theirs(named[0]):
        flash("只能撤销本店的充值", "error")
        return
    if not 0 < len(reason) <= LONGEST_REASON:
        flash(f"请写明撤销的原因，最多 {LONGEST_REASON} 字", "error")
        return
    code, number = named
    try:
        reverse(
            number,
            reversal=f"后台-{entry.id}",
            reason=reason,
            actor=access.desk().actor,
            origin=request.remote_addr or "",
            here=place(code),
            now=clock.now(),
        )
    except DomainError as refusal:
        flash(refusal.message, "error")
    else:
        flash("充值已撤销，会员会收到余额变动的消息")


def _recharge(entry: WalletEntry) -> tuple[str, str] | None:
    return causes.recharge_of(entry.cause) if entry.kind == EntryKind.RECHARGE else None


def _is_theirs(code: str) -> bool:
    stores = access.desk().stores
    return stores is None or code in stores
