"""积分账 against an independent model: in any order of earning, spending, adjusting, reversing and
expiring the lots are what the model says, and doctor finds nothing (C-06, V-01…V-09, R-25)."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count

from flask import Flask
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from backend import tenancy
from backend.database import db
from backend.points import ledger
from backend.points.errors import PointsInsufficient
from backend.reports import doctor
from backend.reports.invariants import ledgers
from tests.backend.points.books import lots_of, owed_by, points_of, set_expiry
from tests.builders import a_member, a_shop
from tests.conftest import SHANGHAI

POINTS = st.integers(1, 60)


@dataclass
class Heap:
    """Points that one deed brought: good until the midnight after the same day a month later."""

    points: int
    left: int
    until: datetime
    owed: int = 0


@dataclass
class Deed:
    """What a cause moved, what of it was undone, and (heap, points) that it took."""

    moved: int
    undone: int = 0
    brought: Heap | None = None
    taken: list[tuple[Heap, int]] = field(default_factory=list)


class Saver(RuleBasedStateMachine):
    """One member who does everything with points that can be done."""

    @initialize()
    def arrives(self) -> None:
        self.shop = a_shop()
        set_expiry(self.shop, 1)
        self.member = a_member(self.shop)
        self.now = datetime(2026, 11, 23, 8, tzinfo=SHANGHAI)
        self.heaps: list[Heap] = []
        self.deeds: dict[str, Deed] = {}
        self.causes = (f"cause-{n}" for n in count())

    @rule(days=st.integers(0, 20))
    def waits(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(points=POINTS)
    def earns(self, points: int) -> None:
        cause = next(self.causes)
        with tenancy.acting_for(self.shop.merchant_id):
            for _ in range(2):
                ledger.earn(self.member, points, cause=cause, now=self.now)
        self._brings(cause, points)

    @rule(points=POINTS)
    def spends(self, points: int) -> None:
        cause = next(self.causes)
        with tenancy.acting_for(self.shop.merchant_id):
            try:
                for _ in range(2):
                    ledger.spend(self.member, points, cause=cause, now=self.now)
            except PointsInsufficient as refused:
                assert refused.detail["n"] == points - self._total() > 0
                return
        assert points <= self._total()
        self.deeds[cause] = Deed(points, taken=self._takes(points))

    @rule(points=st.integers(-60, 60).filter(bool))
    def is_adjusted(self, points: int) -> None:
        cause, words = next(self.causes), {"reason": "错账", "actor": "till"}
        with tenancy.acting_for(self.shop.merchant_id):
            try:
                ledger.adjust(self.member, points, cause=cause, now=self.now, **words)
            except PointsInsufficient:
                assert -points > self._total()
                return
        if points > 0:
            self._brings(cause, points)
        else:
            assert -points <= self._total()
            self.deeds[cause] = Deed(-points, taken=self._takes(-points))

    @precondition(lambda self: self.deeds)
    @rule(data=st.data(), points=st.none() | POINTS)
    def is_reversed(self, data: st.DataObject, points: int | None) -> None:
        original = data.draw(st.sampled_from(sorted(self.deeds)))
        cause, deed = next(self.causes), self.deeds[original]
        with tenancy.acting_for(self.shop.merchant_id):
            for _ in range(2):
                ledger.reverse(original, points=points, cause=cause, now=self.now)
        left = deed.moved - deed.undone
        wanted = left if points is None else min(points, left)
        if deed.brought is None:
            self._comes_back(deed, wanted)
        else:
            self._total()
            taken = min(wanted, deed.brought.left)
            deed.brought.left -= taken
            deed.brought.owed += wanted - taken
        deed.undone += wanted

    @invariant()
    def the_ledger_agrees(self) -> None:
        with tenancy.acting_for(self.shop.merchant_id):
            ledger.expire_due(self.now)
        assert points_of(self.shop, self.member) == self._total()
        expected = [(heap.points, heap.left) for heap in self.heaps]
        assert lots_of(self.shop, self.member) == expected
        assert owed_by(self.shop, self.member) == [heap.owed for heap in self.heaps]
        with tenancy.across_merchants("a test asks the ledgers' rules"):
            connection = db.session.connection()
            broken = [each.name for each in ledgers.INVARIANTS if each.rows(connection, self.now)]
        assert broken == []

    def teardown(self) -> None:
        assert [str(finding) for finding in doctor.check()] == []

    def _brings(self, cause: str, points: int) -> None:
        self._total()
        day = self.now.date()
        year, month = day.year + day.month // 12, day.month % 12 + 1
        last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
        end = datetime(year, month, min(day.day, last), tzinfo=SHANGHAI) + timedelta(days=1)
        heap = Heap(points, points, end)
        self.heaps.append(heap)
        self.deeds[cause] = Deed(points, brought=heap)

    def _total(self) -> int:
        """What is good now; what is over is gone."""
        for heap in self.heaps:
            if heap.until <= self.now:
                heap.left = 0
        return sum(heap.left for heap in self.heaps)

    def _takes(self, points: int) -> list[tuple[Heap, int]]:
        taken = []
        for heap in self.heaps:
            if part := min(heap.left, points):
                heap.left -= part
                points -= part
                taken.append((heap, part))
        return taken

    def _comes_back(self, deed: Deed, points: int) -> None:
        self._total()
        kept = []
        for heap, part in reversed(deed.taken):
            back = min(part, points)
            paid_off = min(back, heap.owed)
            heap.left += back - paid_off
            heap.owed -= paid_off
            points -= back
            kept.append((heap, part - back))
        deed.taken = kept[::-1]


def test_whatever_a_member_does_the_ledger_is_what_the_model_says(app: Flask) -> None:
    run_state_machine_as_test(Saver, settings=settings(max_examples=25, stateful_step_count=20))
