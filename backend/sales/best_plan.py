"""最优批价: coupons, level discount and points of which a bill's member pays least. Pure.

优惠共享 (S2-40…43): under ``exclusive`` a bill has either the level discount, or coupons, or
points; under ``shared`` all of them, where every coupon's ``combine`` lets it. The service fee is
no part of this: nothing reduces it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from backend.merchants.settings import Sharing
from backend.money import split
from backend.sales.best_set import STEPS, BestSet, best_set
from backend.sales.offers import Offer, left_after, parts_of

FULL_PRICE_BP = 10_000


@dataclass(frozen=True)
class Benefits:
    """What may reduce the bill beside coupons: the level's rate, and points, when asked for."""

    sharing: Sharing = Sharing.EXCLUSIVE
    level_bp: int = FULL_PRICE_BP
    points_fen: int = 0

    def level_fen(self, left_fen: int) -> int:
        """等级折扣 of what the coupons left, rounded down on the sum."""
        return left_fen * (FULL_PRICE_BP - self.level_bp) // FULL_PRICE_BP


@dataclass(frozen=True)
class Plan:
    """批价方案, by line: ``parts`` are the coupons' in the order of ``offers``."""

    amounts: tuple[int, ...]
    offers: tuple[Offer, ...]
    parts: tuple[tuple[int, ...], ...]
    level_lines: tuple[int, ...]
    points_lines: tuple[int, ...]
    manual_lines: tuple[int, ...] = ()
    rounding_lines: tuple[int, ...] = ()
    proven: bool = True

    @property
    def coupons_fen(self) -> int:
        return sum(map(sum, self.parts))

    @property
    def level_fen(self) -> int:
        return sum(self.level_lines)

    @property
    def points_fen(self) -> int:
        return sum(self.points_lines)

    @property
    def manual_fen(self) -> int:
        return sum(self.manual_lines)

    @property
    def rounding_fen(self) -> int:
        return sum(self.rounding_lines)

    @property
    def reduction_fen(self) -> int:
        return sum(self.off)

    @property
    def off(self) -> tuple[int, ...]:
        """What all of it takes off each line."""
        lasts = [lines for lines in (self.manual_lines, self.rounding_lines) if lines]
        by_line = zip(*self.parts, self.level_lines, self.points_lines, *lasts, strict=True)
        return tuple(map(sum, by_line))

    def by_hand(self, manual_fen: int) -> "Plan":
        """手动批价 on top, spread over what all else left of the lines, to the fen."""
        return replace(self, manual_lines=self._spread(manual_fen))

    def rounded(self, rounding_fen: int) -> "Plan":
        """抹零 last of all, spread the same way."""
        return replace(self, rounding_lines=self._spread(rounding_fen))

    @property
    def to_pay_fen(self) -> int:
        """Of the lines; the service fee comes on top."""
        return sum(self.amounts) - self.reduction_fen

    def _spread(self, fen: int) -> tuple[int, ...]:
        left = [amount - off for amount, off in zip(self.amounts, self.off, strict=True)]
        return tuple(split(fen, left))


def best_plan(amounts: Sequence[int], offers: Sequence[Offer], benefits: Benefits) -> Plan:
    """最优批价. Least to pay; among equals without coupons, the level before points; then with the
    coupon that expires first, then of the fewest coupons, then of the smaller numbers."""
    found = [_best_of(amounts, offers, benefits, beside=way) for way in _ways(benefits)]
    sets: list[tuple[Offer, ...]] = [()]
    sets += [(offer,) for offer in offers if any(offer.off) and not offer.combine.coupons]
    sets += [each.offers for each in found if each is not None]
    best = min(sets, key=lambda chosen: _rank(amounts, chosen, benefits))
    proven = all(each.proven for each in found if each is not None)
    return replace(plan_of(amounts, best, benefits), proven=proven)


def plan_of(amounts: Sequence[int], offers: Sequence[Offer], benefits: Benefits) -> Plan:
    """批价 with exactly these coupons, which may stand together, and what may stand beside them."""
    in_turn = tuple(sorted(offers, key=lambda offer: offer.turn))
    left = left_after(amounts, in_turn)
    beside = _best_beside(in_turn, sum(left), benefits)
    level = split(benefits.level_fen(sum(left)) if beside.level else 0, left)
    left = [amount - off for amount, off in zip(left, level, strict=True)]
    points = split(min(benefits.points_fen, sum(left)) if beside.points else 0, left)
    return Plan(
        amounts=tuple(amounts),
        offers=in_turn,
        parts=tuple(parts_of(amounts, in_turn)),
        level_lines=tuple(level),
        points_lines=tuple(points),
    )


@dataclass(frozen=True)
class _Beside:
    """Whether level discount and points reduce beside the coupons."""

    level: bool
    points: bool

    def is_let_by(self, offer: Offer) -> bool:
        combine = offer.combine
        return (combine.level or not self.level) and (combine.points or not self.points)

    def to_pay(self, left_fen: int, benefits: Benefits) -> int:
        if self.level:
            left_fen -= benefits.level_fen(left_fen)
        return max(0, left_fen - benefits.points_fen) if self.points else left_fen


def _ways(benefits: Benefits) -> list[_Beside]:
    """What may stand beside coupons at all: each way has its own best set."""
    if benefits.sharing is Sharing.EXCLUSIVE:
        return [_Beside(level=False, points=False)]
    return [
        _Beside(level=level, points=points)
        for level in ([True, False] if benefits.level_bp < FULL_PRICE_BP else [False])
        for points in ([True, False] if benefits.points_fen else [False])
    ]


def _best_of(
    amounts: Sequence[int], offers: Sequence[Offer], benefits: Benefits, *, beside: _Beside
) -> BestSet | None:
    together = [each for each in offers if each.combine.coupons and beside.is_let_by(each)]
    steps = STEPS // len(_ways(benefits))
    return best_set(amounts, together, pay=partial(beside.to_pay, benefits=benefits), steps=steps)


def _best_beside(offers: Sequence[Offer], left_fen: int, benefits: Benefits) -> _Beside:
    """Level and points that these coupons let be; where only one of both may, the better one."""
    if benefits.sharing is Sharing.SHARED:
        return _Beside(
            level=all(offer.combine.level for offer in offers),
            points=all(offer.combine.points for offer in offers),
        )
    if offers:
        return _Beside(level=False, points=False)
    either = _Beside(level=True, points=False), _Beside(level=False, points=True)
    return min(either, key=lambda beside: beside.to_pay(left_fen, benefits))


_NEVER = datetime.min.replace(tzinfo=UTC)


def _rank(
    amounts: Sequence[int], offers: Sequence[Offer], benefits: Benefits
) -> tuple[int, datetime, int, list[tuple[datetime, str]]]:
    left_fen = sum(left_after(amounts, offers))
    to_pay = _best_beside(offers, left_fen, benefits).to_pay(left_fen, benefits)
    turns = sorted(offer.turn for offer in offers)
    return to_pay, turns[0][0] if turns else _NEVER, len(turns), turns
