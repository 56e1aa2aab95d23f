"""体检: every invariant asked, what breaks it named, what can be derived rebuilt.

Reads across merchants, one statement per rule; writes only in ``repair``.
"""

from dataclasses import dataclass
from datetime import datetime

from backend import clock, tenancy
from backend.database import db, end_read, one_instant, transaction
from backend.reports.invariants import (
    audit,
    bills,
    campaigns,
    coupons,
    daily_figures,
    exchanges,
    ledgers,
    malls,
    members,
    messages,
    open_bills,
    references,
    texts,
)
from backend.reports.invariants.invariant import Invariant

MOST_TOLD = 20
"""How many rows of one rule a finding names; it counts them all."""


@dataclass(frozen=True)
class Finding:
    """One broken rule and the rows that break it."""

    name: str
    text: str
    subject: str
    ids: tuple[int, ...]

    def __str__(self) -> str:
        shown = "、".join(map(str, self.ids[:MOST_TOLD]))
        more = f" 等共 {len(self.ids)} 条" if len(self.ids) > MOST_TOLD else ""
        return f"{self.name}: {self.text}；不符：{self.subject} {shown}{more}"


@dataclass(frozen=True)
class Repaired:
    """A rule whose derived figures were rebuilt."""

    name: str
    rows: int


def invariants() -> tuple[Invariant, ...]:
    """Everything that must hold."""
    return (
        *coupons.INVARIANTS,
        *campaigns.INVARIANTS,
        *members.INVARIANTS,
        *ledgers.INVARIANTS,
        *exchanges.INVARIANTS,
        *messages.INVARIANTS,
        *bills.INVARIANTS,
        *malls.INVARIANTS,
        *open_bills.INVARIANTS,
        *audit.INVARIANTS,
        *daily_figures.INVARIANTS,
        *references.invariants(),
        *texts.invariants(),
    )


def check(*, now: datetime | None = None) -> list[Finding]:
    """体检. What does not hold, nothing if all does; ``now`` is machine time."""
    now = now or clock.machine_now()
    connection = one_instant()  # business goes on between two rules, and between a rule's own reads
    with tenancy.across_merchants("doctor looks at every merchant's rows"):
        found = [
            Finding(rule.name, rule.text, rule.subject, tuple(sorted(set(rows))))
            for rule in invariants()
            if (rows := [*rule.rows(connection, now)])
        ]
    end_read()
    return found


def repair() -> list[Repaired]:
    """Rebuild what can be derived: counters, classes, followers, stock taken, consents left,
    daily figures."""
    repaired = []
    for rule in invariants():
        if rule.repair is None:
            continue
        with transaction(), tenancy.across_merchants("doctor rebuilds derived figures"):
            rows = rule.repair(db.session.connection())
        if rows:
            repaired.append(Repaired(rule.name, rows))
    return repaired
