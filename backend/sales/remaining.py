"""余额 of a bill: what of it was given back so far, and what it would earn as it is now. Pure.

Every part of a line goes back by units: each gives the floor of its share, the last one the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from operator import add, sub

from backend.points.earn import Rules, counted_fen, points_for
from backend.sales.errors import RefundExceeds


@dataclass(frozen=True)
class Parts:
    """What a line is made of: paid in money, by points, taken off by level, by hand, by coupons."""

    amount_fen: int = 0
    paid_fen: int = 0
    points_fen: int = 0
    level_fen: int = 0
    manual_fen: int = 0

    def of_units(self, units: int, quantity: int) -> "Parts":
        """The share of the first ``units``: 100 fen over 3 → 33, 66, 100."""
        return Parts(
            *(whole if units == quantity else whole // quantity * units for whole in astuple(self))
        )

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(*map(add, astuple(self), astuple(other)))

    def __sub__(self, other: "Parts") -> "Parts":
        return Parts(*map(sub, astuple(self), astuple(other)))


@dataclass(frozen=True)
class LineState:
    """One line, and how many of its units went back before."""

    parts: Parts
    quantity: int
    returned: int = 0

    @property
    def units_left(self) -> int:
        return self.quantity - self.returned

    @property
    def back(self) -> Parts:
        """What went back of it."""
        return self.parts.of_units(self.returned, self.quantity)

    def after(self, units: int) -> "LineState":
        """With so many more units gone back; RefundExceeds when there are not as many."""
        if units > self.units_left:
            raise RefundExceeds()
        return LineState(self.parts, self.quantity, self.returned + units)


@dataclass(frozen=True)
class BillState:
    """A bill: its lines, the service fee, what its balance and points tenders brought."""

    lines: tuple[LineState, ...]
    service_fen: int
    service_back: bool
    balance_fen: int
    points_spent: int

    def after(self, units: Mapping[int, int] | None) -> "BillState":
        """With these units by line gone back; ``None``: with all that is left of the bill."""
        if units is None:
            if self.is_over:
                raise RefundExceeds()
            lines = [line.after(line.units_left) for line in self.lines]
        else:
            if not set(units) <= set(range(len(self.lines))):
                raise RefundExceeds()
            lines = [line.after(units.get(place, 0)) for place, line in enumerate(self.lines)]
        return BillState(
            tuple(lines),
            self.service_fen,
            self.service_back or units is None,
            self.balance_fen,
            self.points_spent,
        )

    @property
    def no_dish_left(self) -> bool:
        return not any(line.units_left for line in self.lines)

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
        payable_fen = left.amount_fen - left.level_fen - left.manual_fen
        counted = counted_fen(
            payable_fen,
            coupons_fen=payable_fen - left.paid_fen - left.points_fen,
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


def units_by_line(asked: Sequence[tuple[int, int]]) -> dict[int, int]:
    """(line, quantity) as asked for, a line named twice counted together."""
    units: dict[int, int] = {}
    for line, quantity in asked:
        units[line] = units.get(line, 0) + quantity
    return units


def _share(part: int, *, of: int, whole: int) -> int:
    return part * of // whole if whole else 0
