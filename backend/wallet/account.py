"""储值账户: a member's 本金 and 赠金 held, entries written under the guard. Only this package calls
it."""

from collections.abc import Iterable, Mapping
from dataclasses import astuple

from backend.ledger import ledger
from backend.ledger.ledger import Figure, Ledger
from backend.members import held
from backend.wallet.models import EntryKind, WalletEntry
from backend.wallet.parts import Parts

Entry = ledger.Entry[Parts, EntryKind]
Posting = ledger.Posting[Parts, EntryKind]


def hold(member_ids: Iterable[int]) -> Mapping[int, Parts]:
    """The balances of these members, nobody else's to change until we commit.

    MetAnother when one of them was joined into somebody meanwhile.
    """
    return {
        each.id: Parts(each.principal_fen, each.bonus_fen)
        for each in held.hold(member_ids).values()
    }


def reversal_of(entry_id: int) -> Entry | None:
    """The entry that took a recharge back."""
    return next(iter(book.reversals_of(entry_id)), None)


def _recharged_fen(posting: Posting) -> int:
    """累计充值: what a recharge brings, and what its reversal takes."""
    counts = posting.kind in (EntryKind.RECHARGE, EntryKind.REVERSE)
    return posting.change.principal_fen if counts else 0


book = Ledger(
    WalletEntry,
    EntryKind,
    Figure("principal_fen", change="principal_fen", after="principal_after"),
    Figure("bonus_fen", change="bonus_fen", after="bonus_after"),
    parts=astuple,
    whole=Parts,
    along={"recharged_fen": _recharged_fen},
)
