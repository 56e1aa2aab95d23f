"""本金与赠金: which goes first, and what a recharge brings on top. Pure.

本金 pays first, 赠金 when no 本金 is left. What is refunded comes back the other way round, so that
after a refund the balance is as if only the rest had been paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.merchants.settings import Tier


@dataclass(frozen=True)
class Parts:
    """An amount as 本金 and 赠金."""

    principal_fen: int = 0
    bonus_fen: int = 0

    @property
    def total_fen(self) -> int:
        """Both together."""
        return self.principal_fen + self.bonus_fen


def bonus_for(principal_fen: int, *, tiers: Sequence[Tier]) -> int:
    """赠金: of the highest tier that is reached, once.

    充500送50, 充1000送150: 999.99 → 50, 1000 → 150, 2000 → 150.
    """
    reached = [tier for tier in tiers if tier.principal_fen <= principal_fen]
    return max(reached, key=lambda tier: tier.principal_fen).bonus_fen if reached else 0


def paid_from(balance: Parts, fen: int) -> Parts:
    """Which parts pay ``fen``, which the balance covers: 300 of 200 + 150 → 200 + 100."""
    principal_fen = min(balance.principal_fen, fen)
    return Parts(principal_fen, fen - principal_fen)


def given_back(paid: Parts, fen: int) -> Parts:
    """Which parts of a payment come back: of 200 + 100, 150 → 50 本金 and 100 赠金."""
    bonus_fen = min(paid.bonus_fen, fen)
    return Parts(fen - bonus_fen, bonus_fen)
