"""余额上限 of prepaid money (China's rule: 5,000 元 with a name to it, 1,000 元 without). Pure.

A member whose phone is known counts as registered (记名).
"""

from backend.merchants.settings import Caps


def cap_broken(balance_fen: int, *, caps: Caps, registered: bool) -> int | None:
    """The cap that a balance would stand above; None while it does not. Exactly at it is fine."""
    cap = caps.of(registered=registered)
    return cap if cap is not None and balance_fen > cap else None
