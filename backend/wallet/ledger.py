"""储值账: the one writer of the balance. Every change is an entry with a cause that happens once.

A cause that was seen before answers its entry again and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from backend import tenancy
from backend.database import db, table_of, transactional
from backend.ledger.ledger import opening
from backend.members.held import person
from backend.members.models import Member, Recharge
from backend.members.queries import ids_of
from backend.merchants.house import house
from backend.merchants.settings import RechargeSettings
from backend.wallet.account import Entry, Posting, book, hold
from backend.wallet.caps import cap_broken
from backend.wallet.errors import (
    BalanceCap,
    BalanceInsufficient,
    RechargeConflict,
    RefundExceedsPayment,
)
from backend.wallet.models import EntryKind
from backend.wallet.parts import Parts, bonus_for, given_back, paid_from

_members, _recharges = table_of(Member), table_of(Recharge)


@dataclass(frozen=True)
class Recharged:
    """充值: what this one brought, and the balance after it."""

    balance_fen: int
    principal_fen: int
    bonus_fen: int
    is_new: bool = True


@transactional
def recharge(member_id: int, *, recharge_no: str, principal_fen: int, now: datetime) -> Recharged:
    """充值 with the bonus of its tier. The same number answers the first time's figures;
    RechargeConflict for another member or amount; BalanceCap where too much would stand there."""
    if principal_fen <= 0:
        raise ValueError("a recharge brings something")
    cause, survivor = f"recharge-{recharge_no}", person(member_id).id
    has = hold((survivor,))[survivor]
    if earlier := book.entry_of(cause):
        same_person = earlier.member_id in ids_of(survivor)
        if not same_person or earlier.change.principal_fen != principal_fen:
            raise RechargeConflict(recharge=recharge_no)
        return _recharged(earlier, is_new=False)
    brings = _within_caps(survivor, principal_fen, has=has)
    (entry,) = book.post([Posting(survivor, brings, EntryKind.RECHARGE, cause)], now=now)
    db.session.connection().execute(
        insert(_recharges).values(
            merchant_id=tenancy.merchant_id(),
            member_id=survivor,
            cause=cause,
            principal_fen=principal_fen,
            recharged_at=now,
        )
    )
    return _recharged(entry, is_new=True)


@transactional
def pay(member_id: int, fen: int, *, cause: str, now: datetime) -> Entry | None:
    """余额支付, 本金 first; BalanceInsufficient when there is less. None for nothing to pay."""
    if fen <= 0:
        return None
    survivor = person(member_id).id
    balance = hold((survivor,))[survivor]
    if earlier := book.entry_of(cause):
        return earlier
    if balance.total_fen < fen:
        raise BalanceInsufficient()
    paid = paid_from(balance, fen)
    change = Parts(-paid.principal_fen, -paid.bonus_fen)
    (entry,) = book.post([Posting(survivor, change, EntryKind.PAY, cause)], now=now)
    return entry


@transactional
def refund(cause_of_original: str, fen: int, *, cause: str, now: datetime) -> Entry | None:
    """退回余额, what of a payment is to come back, 赠金 first; None for nothing, or no payment."""
    original = book.entry_of(cause_of_original)
    if original is None or fen <= 0:
        return None
    survivor = person(original.member_id).id
    if earlier := book.entry_of(cause):
        return earlier
    so_far = book.reversed_so_far(original.id)
    left = Parts(
        -original.change.principal_fen - so_far.principal_fen,
        -original.change.bonus_fen - so_far.bonus_fen,
    )
    if left.total_fen < fen:
        raise RefundExceedsPayment()
    posting = Posting(
        survivor, given_back(left, fen), EntryKind.REFUND, cause, reverses_id=original.id
    )
    (entry,) = book.post([posting], now=now)
    return entry


@transactional
def open_with(figures: Mapping[int, int], *, reason: str, actor: str, now: datetime) -> None:
    """期初余额 of an earlier system, as 本金: once for a person, when first given, be it 0 (R-24).
    Two at once meet on the unique cause."""
    if not figures:
        return
    hold(figures)
    before = book.opened(figures)
    book.post(
        [
            Posting(id, Parts(fen, 0), EntryKind.ADJUST, opening(id), reason=reason, actor=actor)
            for id, fen in figures.items()
            if id not in before
        ],
        now=now,
    )


@transactional
def set_to(figures: Mapping[int, int], *, reason: str, actor: str, now: datetime) -> None:
    """更正余额: bring balances to these figures, which count as 本金."""
    held = hold(figures) if figures else {}
    book.post(
        [
            Posting(
                member_id,
                Parts(figures[member_id] - has.principal_fen, -has.bonus_fen),
                EntryKind.ADJUST,
                reason=reason,
                actor=actor,
            )
            for member_id, has in held.items()
            if figures[member_id] != has.total_fen
        ],
        now=now,
    )


@transactional
def join(joined_id: int, kept_id: int, *, now: datetime) -> None:
    """合并: a pair of entries moves the balance, 本金 as 本金 and 赠金 as 赠金."""
    moving = hold((joined_id, kept_id))[joined_id]
    if moving.total_fen:
        leaving = Parts(-moving.principal_fen, -moving.bonus_fen)
        out = Posting(joined_id, leaving, EntryKind.JOIN, f"join-{joined_id}-out")
        book.post([out, Posting(kept_id, moving, EntryKind.JOIN, f"join-{joined_id}-in")], now=now)


def _recharged(entry: Entry, *, is_new: bool) -> Recharged:
    return Recharged(
        balance_fen=entry.after.total_fen,
        principal_fen=entry.change.principal_fen,
        bonus_fen=entry.change.bonus_fen,
        is_new=is_new,
    )


def _within_caps(member_id: int, principal_fen: int, *, has: Parts) -> Parts:
    """What the recharge brings, if the balance may hold it: BalanceCap."""
    phone = db.session.connection().scalar(
        select(_members.c.phone).where(
            _members.c.merchant_id == tenancy.merchant_id(), _members.c.id == member_id
        )
    )
    rules = house().settings(RechargeSettings)
    brings = Parts(principal_fen, bonus_for(principal_fen, tiers=rules.tiers))
    cap_fen = cap_broken(
        has.total_fen + brings.total_fen,
        caps=rules.caps,
        registered=phone is not None,
    )
    if cap_fen is not None:
        raise BalanceCap(cap_fen=cap_fen, balance_fen=has.total_fen, phone_known=bool(phone))
    return brings
