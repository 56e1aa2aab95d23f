"""余额上限 of prepaid money (China's rule: 5,000 元 with a name to it, 1,000 元 without). Pure.

A member whose phone is known counts as registered (记名).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caps:
    """The most a balance may hold after a recharge, bonus included; 0 or None: no limit."""

    registered_fen: int | None = 500_000
    unregistered_fen: int | None = 100_000

    def of(self, *, registered: bool) -> int | None:
        """The cap of such a member; None where there is none."""
        return (self.registered_fen if registered else self.unregistered_fen) or None


def cap_broken(balance_fen: int, *, caps: Caps, registered: bool) -> int | None:
    """The cap that a balance would stand above; None while it does not. Exactly at it is fine."""
    cap = caps.of(registered=registered)
    return cap if cap is not None and balance_fen > cap else None
