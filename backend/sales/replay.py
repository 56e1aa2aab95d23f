"""离线补传: bills that a till settled while it was offline, in order, each judged at its own time.
(spec/05, 10)"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from backend import faults
from backend.errors import DomainError, InternalError
from backend.merchants.queries import Place
from backend.sales import refused_bills
from backend.sales.bill import Bill
from backend.sales.queries import Settlement
from backend.sales.refused_bills import Content

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sent:
    """One bill as it came: ``bill`` is what was read of it, or why it cannot be read."""

    number: str
    content: Content
    bill: Bill | DomainError


@dataclass(frozen=True)
class Replayed:
    """What became of it: settled, or refused."""

    number: str
    outcome: Settlement | DomainError


Settle = Callable[[Bill], Settlement]
"""结账 at the place and time of the replay."""


def replay(
    sent: Sequence[Sent], *, settle: Settle, here: Place, now: datetime
) -> Iterator[Replayed]:
    """补传. Each its own transaction: one that is refused is kept with its reason, and the others
    go on. What is only busy, or broke on our side, is not kept: it is to be sent again."""
    for each in sent:
        try:
            outcome: Settlement | DomainError = _settled(each, settle)
        except DomainError as refusal:
            outcome = refusal
            if refusal.http_status < 500:
                refused_bills.keep(each.number, each.content, refusal=refusal, here=here, now=now)
        except Exception:
            log.exception("A replayed bill failed", extra={"bill": each.number})
            outcome = InternalError()
        faults.point("replay.next")
        yield Replayed(each.number, outcome)


def _settled(sent: Sent, settle: Settle) -> Settlement:
    if isinstance(sent.bill, DomainError):
        raise sent.bill
    return settle(sent.bill)
