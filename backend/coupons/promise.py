"""承诺: what one coupon promised when it was given, as the decisions read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from sqlalchemy import RowMapping

from backend.coupons.bill import BillLine
from backend.coupons.kinds import (
    CouponKind,
    DeductionRule,
    EveryFullRule,
    GiftRule,
    GroupBuyRule,
    Rule,
    parse_rule,
)
from backend.coupons.terms import Combine, Scope, UseHours

EVERYTHING = Scope()
ALWAYS = UseHours()
ALONE = Combine()


@dataclass(frozen=True)
class Promise:
    """One coupon: what it gives, on what, where and when. ``valid_until`` is exclusive.

    ``stores`` as ``promised_stores``.
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

    @classmethod
    def read(cls, row: RowMapping, *, number: str) -> Self:
        """The promise of a row that names the coupon's and its revision's columns, and both
        ``promised_stores`` and ``stores_now``, the template's."""
        kind = CouponKind(row["kind"])
        stores = promised_stores(row["promised_stores"], row["stores_now"])
        return cls(
            number=number,
            title=row["title"],
            kind=kind,
            rule=parse_rule(kind, row["rule"]),
            valid_from=row["valid_from"],
            valid_until=row["valid_until"],
            minimum_fen=row["minimum_fen"],
            scope=Scope.model_validate(row["scope"]),
            stores="all" if stores is None else stores,
            hours=UseHours.model_validate(row["hours"]),
            combine=Combine.model_validate(row["combine"]),
            max_per_bill=row["max_per_bill"],
        )

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


def promised_stores(
    promised: Sequence[object] | None, stores_now: Sequence[object] | None
) -> frozenset[str] | None:
    """适用门店, by code: those of the revision, and those added to the template since; a coupon
    never loses one (R-21). ``None`` for all."""
    if promised is None or stores_now is None:
        return None
    return frozenset(str(code) for code in (*promised, *stores_now))
