"""承诺: what one coupon promised when it was given, as the decisions read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from backend.coupons.bill import BillLine
from backend.coupons.kinds import (
    CouponKind,
    DeductionRule,
    EveryFullRule,
    GiftRule,
    GroupBuyRule,
    Rule,
)
from backend.coupons.terms import Combine, Scope, UseHours

EVERYTHING = Scope()
ALWAYS = UseHours()
ALONE = Combine()


@dataclass(frozen=True)
class Promise:
    """One coupon: what it gives, on what, where and when. ``valid_until`` is exclusive.

    ``stores`` holds the codes of the revision and those added to the template since (R-21).
    """

    number: str
    title: str
    kind: CouponKind
    rule: Rule
    valid_from: datetime
    valid_until: datetime
    minimum_fen: int = 0
    scope: Scope = EVERYTHING
    stores: Literal["all"] | frozenset[str] = "all"
    hours: UseHours = ALWAYS
    combine: Combine = ALONE
    max_per_bill: int = 1

    def counts(self, line: BillLine) -> bool:
        """Whether a line is part of what the minimum and a computed reduction count."""
        return self._may_touch(line) and self.scope.covers(dish=line.dish, category=line.category)

    def names(self, line: BillLine) -> bool:
        """Whether a line is one of the dishes that the rule itself names; the scope, which then
        only says what the minimum counts, has no say."""
        return self._may_touch(line) and line.dish in self.named_dishes

    def applicable_fen(self, lines: Sequence[BillLine]) -> int:
        """适用金额. What counts, at original prices."""
        return sum(line.amount_fen for line in lines if self.counts(line))

    @property
    def named_dishes(self) -> tuple[str, ...]:
        """Dishes that must be on the bill; empty for kinds that name none."""
        match self.rule:
            case GiftRule() | DeductionRule() | GroupBuyRule():
                return self.rule.dishes
            case _:
                return ()

    @property
    def needed_fen(self) -> int:
        """门槛, inclusive. 每满减 gives nothing below one full threshold, so it needs that much."""
        match self.rule:
            case EveryFullRule(threshold_fen=threshold_fen):
                return max(self.minimum_fen, threshold_fen)
            case _:
                return self.minimum_fen

    def _may_touch(self, line: BillLine) -> bool:
        return self.combine.discounted_dishes or not line.discounted
