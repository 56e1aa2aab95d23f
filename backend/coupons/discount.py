"""优惠金额: what one coupon takes off which lines, to the fen.

Counted on original prices (quantity × price), never on the service fee and never on what another
coupon left. Whether the coupon may be used at all is decided in ``applicability``.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from backend.coupons.bill import BillLine
from backend.coupons.kinds import (
    CashRule,
    DeductionRule,
    DiscountRule,
    EveryFullRule,
    GeneralRule,
    GiftRule,
    GroupBuyRule,
)
from backend.coupons.promise import Promise
from backend.money import split


@dataclass(frozen=True)
class Reduction:
    """What a coupon takes off: ``lines`` has one figure for each line of the bill, in order."""

    lines: tuple[int, ...]

    @property
    def total_fen(self) -> int:
        """The sum of its parts, by construction."""
        return sum(self.lines)


def reduction(promise: Promise, lines: Sequence[BillLine]) -> Reduction:
    """优惠金额 of one coupon on a bill that it may be used on.

    代金券 ¥100 over lines of ¥60 and ¥20 → 60 + 20: no change is given. 每满300减100 on ¥1,200
    → 400. 8.5折 on ¥99.99 → 14.99. 兑换券: its quantity of the dearest units named.
    """
    applicable_fen = promise.applicable_fen(lines)
    match promise.rule:
        case CashRule(value_fen=value_fen):
            return _spread(min(value_fen, applicable_fen), promise, lines)
        case EveryFullRule(threshold_fen=threshold_fen, reduce_fen=reduce_fen):
            return _spread(applicable_fen // threshold_fen * reduce_fen, promise, lines)
        case DiscountRule(rate_bp=rate_bp, max_fen=max_fen):
            off_fen = applicable_fen * (10_000 - rate_bp) // 10_000
            return _spread(min(off_fen, max_fen or off_fen), promise, lines)
        case GiftRule() | DeductionRule() | GroupBuyRule():
            return _units_off(promise, lines)
        case GeneralRule():
            return Reduction((0,) * len(lines))


def _spread(total_fen: int, promise: Promise, lines: Sequence[BillLine]) -> Reduction:
    weights = [line.amount_fen if promise.counts(line) else 0 for line in lines]
    return Reduction(tuple(split(total_fen, weights)))


def _units_off(promise: Promise, lines: Sequence[BillLine]) -> Reduction:
    """Of the dishes named: whole units, the dearest first; a deduction pays for one at most."""
    off = [0] * len(lines)
    dearest_first = sorted(
        (place for place, line in enumerate(lines) if promise.names(line)),
        key=lambda place: -_one_fen(lines[place]),
    )
    match promise.rule:
        case GiftRule(quantity=quantity):
            left = quantity
            for place in dearest_first:
                units = min(left, lines[place].pieces)
                off[place], left = units * lines[place].price_fen, left - units
        case DeductionRule(value_fen=value_fen):
            for place in dearest_first[:1]:
                off[place] = min(value_fen, _one_fen(lines[place]))
        case GroupBuyRule(dishes=dishes):
            wanted = Counter(dishes)
            for place in dearest_first:
                line = lines[place]
                units = min(wanted[line.dish], line.pieces)
                off[place] = units * line.price_fen
                wanted[line.dish] -= units
    return Reduction(tuple(off))


def _one_fen(line: BillLine) -> int:
    """What one of it costs; of less than one, what there is."""
    return min(line.price_fen, line.amount_fen)
