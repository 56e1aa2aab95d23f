"""预扣积分: points that a guest pays with are taken when the paying begins, so that nobody can
spend them elsewhere; settled, they are the bill's; not settled, they go back."""

from datetime import datetime

from backend.open_bills.till_events import PaidBy
from backend.points import ledger


def kept_as(number: str) -> str:
    """The cause under which they were taken: ``number`` is the payment's, or the quote's where
    nothing was left to pay."""
    return f"scan-{number}-points"


def of_paid(paid: PaidBy) -> str:
    """The cause of the points with which a bill was paid."""
    return kept_as(paid.payment or paid.quote_code)


def take(member_id: int, points: int, *, number: str, now: datetime) -> None:
    """预扣; PointsInsufficient."""
    ledger.spend(member_id, points, cause=kept_as(number), now=now)


def give_back(cause: str, *, now: datetime) -> None:
    """退回, once, if there were any."""
    ledger.reverse(cause, cause=f"{cause}-back", now=now)
