"""余额 of a bill: what of it was given back so far, and what it would earn as it is now. Pure.

Every part of a line goes back by units: each gives the floor of its share, the last one the rest.
Quantities are thousandths of a unit: what is weighed goes back by weight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from operator import add, sub

from backend.points.earn import Rules, counted_fen, points_for
from backend.quantity import PIECE, Quantity, thousandths
from backend.sales.errors import RefundExceeds


@dataclass(frozen=True)
class Parts:
    """What a line is made of: paid in money, by points, taken off by level, by hand, as 抹零, by
    coupons."""

    amount_fen: int = 0
    paid_fen: int = 0
    points_fen: int = 0
    level_fen: int = 0
    manual_fen: int = 0
    rounding_fen: int = 0

    @property
    def coupons_fen(self) -> int:
        """What neither of the others is."""
        return self.payable_fen - self.paid_fen - self.points_fen

    @property
    def payable_fen(self) -> int:
        """应付: what coupons, points and money pay."""
        return self.amount_fen - self.level_fen - self.manual_fen - self.rounding_fen

    def of_first(self, count: int, quantity: int) -> "Parts":
        """The share of the first ``count``: 100 fen over 3 → 33, 66, 100; half of 1 fen → 0."""
        if count == quantity:
            return self
        _, *made_of = astuple(self)
        shares = [
            whole * PIECE // quantity * count // PIECE for whole in (*made_of, self.coupons_fen)
        ]
        return Parts(sum(shares), *shares[:-1])

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(*map(add, astuple(self), astuple(other)))

    def __sub__(self, other: "Parts") -> "Parts":
        return Parts(*map(sub, astuple(self), astuple(other)))


@dataclass(frozen=True)
class LineState:
    """One line, and how much of it went back before, in thousandths."""

    parts: Parts
    quantity: int
    returned: int = 0

    @property
    def left(self) -> int:
        return self.quantity - self.returned

    @property
    def back(self) -> Parts:
        """What went back of it."""
        return self.parts.of_first(self.returned, self.quantity)

    def after(self, count: int) -> "LineState":
        """With so much more gone back; RefundExceeds when there is not as much."""
        if count > self.left:
            raise RefundExceeds()
        return LineState(self.parts, self.quantity, self.returned + count)


@dataclass(frozen=True)
class BillState:
    """A bill: its lines, the service fee, what its balance and points tenders brought."""

    lines: tuple[LineState, ...]
    service_fen: int
    service_back: bool
    balance_fen: int
    points_spent: int

    def after(self, counts: Mapping[int, int] | None) -> "BillState":
        """With this much by line gone back; ``None``: with all that is left of the bill."""
        if counts is None:
            if self.is_over:
                raise RefundExceeds()
            lines = [line.after(line.left) for line in self.lines]
        else:
            if not set(counts) <= set(range(len(self.lines))):
                raise RefundExceeds()
            lines = [line.after(counts.get(place, 0)) for place, line in enumerate(self.lines)]
        return BillState(
            tuple(lines),
            self.service_fen,
            self.service_back or counts is None,
            self.balance_fen,
            self.points_spent,
        )

    @property
    def no_dish_left(self) -> bool:
        return not any(line.left for line in self.lines)

    @property
    def is_over(self) -> bool:
        """Nothing is left that could go back."""
        return self.no_dish_left and (self.service_back or not self.service_fen)

    @property
    def back(self) -> Parts:
        """What went back, the service fee among it."""
        service_fen = self.service_fen if self.service_back else 0
        return sum((line.back for line in self.lines), Parts(service_fen, service_fen))

    @property
    def balance_back_fen(self) -> int:
        """Of the money that went back, the balance's share."""
        return _share(self.balance_fen, of=self.back.paid_fen, whole=self._whole.paid_fen)

    @property
    def points_back(self) -> int:
        """Of the points paid, those of what went back."""
        return _share(self.points_spent, of=self.back.points_fen, whole=self._whole.points_fen)

    def earns(self, rules: Rules) -> int:
        """本次积分 of what remains, by the rule the bill was settled under."""
        left = self._whole - self.back
        counted = counted_fen(
            left.payable_fen,
            coupons_fen=left.coupons_fen,
            balance_fen=self.balance_fen - self.balance_back_fen,
            rule=rules.rule,
        )
        return points_for(counted, rule=rules.rule, multiple=rules.multiple)

    @property
    def _whole(self) -> Parts:
        service = Parts(self.service_fen, self.service_fen)
        return sum((line.parts for line in self.lines), service)


@dataclass(frozen=True)
class Step:
    """What one refund moves: from the bill as it was to the bill as it is now."""

    before: BillState
    after: BillState

    @property
    def paid_fen(self) -> int:
        return self.after.back.paid_fen - self.before.back.paid_fen

    @property
    def service_fen(self) -> int:
        """Of it, service fee."""
        came_back = self.after.service_back and not self.before.service_back
        return self.after.service_fen if came_back else 0

    @property
    def balance_fen(self) -> int:
        return self.after.balance_back_fen - self.before.balance_back_fen

    @property
    def points_back(self) -> int:
        return self.after.points_back - self.before.points_back

    def points_taken(self, rules: Rules) -> int:
        """What the bill earned too much, now that less of it remains."""
        return self.before.earns(rules) - self.after.earns(rules)


def thousandths_by_line(asked: Sequence[tuple[int, Quantity]]) -> dict[int, int]:
    """(line, quantity) as asked for, a line named twice counted together."""
    counts: dict[int, int] = {}
    for line, quantity in asked:
        counts[line] = counts.get(line, 0) + thousandths(quantity)
    return counts


def _share(part: int, *, of: int, whole: int) -> int:
    return part * of // whole if whole else 0
