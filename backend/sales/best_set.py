"""最优组合: of coupons that may stand together, the set after which least is left to pay. Pure.

Branch and bound in the coupons' turn. A set takes off no more than all that still may join it, line
by line, so a branch that cannot beat the best set so far is left. Of interchangeable coupons the
earlier is always used before the later.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate

from backend.sales.offers import Offer, left_after, likeness, needed_of, without_spare_copies

STEPS = 1_600
"""After so many looks the best set found so far is taken."""

_QUICK_TRIES = 8

Pay = Callable[[int], int]
"""What is to be paid when so much is left of the lines; never falls as more is left."""

Rank = tuple[int, datetime, int]
"""Least to pay, then what expires first, then the fewest coupons; the smaller the better."""


@dataclass(frozen=True)
class BestSet:
    """The set, in its turn; ``proven``: it is certain that no other is cheaper."""

    offers: tuple[Offer, ...]
    proven: bool


def best_set(
    amounts: Sequence[int], offers: Sequence[Offer], *, pay: Pay, steps: int = STEPS
) -> BestSet | None:
    """最优组合, of coupons that all stand beside others; ``None`` when none takes anything off.

    Among equals the one with the coupon that expires first, then of the fewest coupons, then in
    turn. No coupon is spent whose part the others would take off anyway.
    """
    useful = without_spare_copies(offer for offer in offers if any(offer.off))
    if not useful:
        return None
    search = _Search(*_narrowed(amounts, useful), pay=pay, steps=steps)
    search.run()
    named = {offer.number: offer for offer in useful}
    return BestSet(tuple(named[offer.number] for offer in search.best), search.is_proven)


class _Search:
    """``_most[n]``: what the coupons from the nth on take off each line at most, all together."""

    def __init__(
        self, amounts: Sequence[int], offers: Sequence[Offer], *, pay: Pay, steps: int
    ) -> None:
        self.best: tuple[Offer, ...] = ()
        self._best_rank: Rank | None = None
        self._is_first_of_its_rank = False
        self._enough_fen = 0
        self._amounts, self._offers, self._pay, self._steps = amounts, offers, pay, steps
        self._most = _most_from(offers, len(amounts))
        self._largest = _largest_from([sum(offer.off) for offer in offers])
        self._cheapest = pay(_left_fen(amounts, self._most[0]))
        self._twins = _twins(offers)

    @property
    def is_proven(self) -> bool:
        """All was looked at, or nothing cheaper can be."""
        return self._steps > 0 or (
            self._best_rank is not None and self._best_rank[0] == self._cheapest
        )

    def run(self) -> None:
        """A quick good set to begin with, then every set that may be better."""
        greatest_first = sorted(self._offers, key=lambda offer: -sum(offer.off))
        for first in self._offers[:_QUICK_TRIES]:
            quick = self._quick(first, greatest_first)
            self._consider(quick, sum(left_after(self._amounts, quick)), quick=True)
            if first in quick:
                break
        self._extend((), self._amounts, sum(self._amounts), 0)

    def _quick(self, first: Offer, greatest_first: Sequence[Offer]) -> tuple[Offer, ...]:
        """From a coupon on, the greatest first; then without those that prove superfluous."""
        chosen, left = [first], left_after(self._amounts, [first])
        for offer in greatest_first:
            if offer is not first and _takes(offer, left) and _fits(offer, chosen):
                chosen.append(offer)
                left = left_after(left, [offer])
        return needed_of(self._amounts, chosen)

    def _extend(
        self, chosen: tuple[Offer, ...], left: Sequence[int], left_fen: int, place: int
    ) -> None:
        """Every set that is ``chosen`` and some of the coupons from ``place`` on."""
        for nth in range(place, len(self._offers)):
            self._steps -= 1
            if self._steps <= 0 or self._is_hopeless(chosen, left, left_fen, nth):
                return
            offer, twin = self._offers[nth], self._twins[nth]
            if (twin is not None and twin not in chosen) or not _fits(offer, chosen):
                continue
            then = left_after(left, [offer])
            then_fen = sum(then)
            if then_fen < left_fen and self._consider((*chosen, offer), then_fen):
                self._extend((*chosen, offer), then, then_fen, nth + 1)

    def _is_hopeless(
        self, chosen: tuple[Offer, ...], left: Sequence[int], left_fen: int, place: int
    ) -> bool:
        """Whether nothing from ``place`` on makes this set better than the best one."""
        if self._best_rank is None:
            return False
        expires = (chosen or self._offers[place:])[0].valid_until
        count = len(chosen) + max(
            1, bisect_left(self._largest[place], left_fen - self._enough_fen) + 1
        )
        if not self._is_beaten_by((self._cheapest, expires, len(chosen) + 1)):
            return True
        if self._best_rank[0] == self._cheapest and not self._is_beaten_by(
            (self._cheapest, expires, count)
        ):
            return True
        least = self._pay(_left_fen(left, self._most[place]))
        if least == self._best_rank[0]:
            return not self._is_beaten_by((least, expires, count))
        return least > self._best_rank[0]

    def _is_beaten_by(self, rank: Rank) -> bool:
        """The search meets sets of one rank in their turn, so the first of them stays."""
        best = self._best_rank
        return best is None or rank < best or (rank == best and not self._is_first_of_its_rank)

    def _consider(self, offers: tuple[Offer, ...], left_fen: int, *, quick: bool = False) -> bool:
        """Keep the set if it is the best so far; ``False``: one of its coupons is not needed, in
        it or in whatever is made of it."""
        rank = self._pay(left_fen), offers[0].valid_until, len(offers)
        if not self._is_beaten_by(rank) or (quick and rank == self._best_rank):
            return True
        if len(needed_of(self._amounts, offers)) < len(offers):
            return False
        self.best, self._best_rank, self._is_first_of_its_rank = offers, rank, not quick
        self._enough_fen = _most_left_for(rank[0], sum(self._amounts), self._pay)
        return True


def _most_left_for(to_pay: int, most_fen: int, pay: Pay) -> int:
    """How much may be left of the lines at most for this price."""
    low, high = 0, most_fen
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if pay(middle) <= to_pay else (low, middle - 1)
    return low


def _left_fen(left: Sequence[int], off: Sequence[int]) -> int:
    return sum(left) - sum(map(min, left, off))


def _takes(offer: Offer, left: Sequence[int]) -> bool:
    return any(map(min, offer.off, left))


def _fits(offer: Offer, chosen: Sequence[Offer]) -> bool:
    """每单限用, of one template."""
    same = [other for other in chosen if other.template_id == offer.template_id]
    return len(same) < min([offer.max_per_bill, *(other.max_per_bill for other in same)])


def _narrowed(
    amounts: Sequence[int], offers: Sequence[Offer]
) -> tuple[tuple[int, ...], tuple[Offer, ...]]:
    """Lines that hold whatever all coupons together would take are one line: no cap acts there."""
    sums = _most_from(offers, len(amounts))[0]
    roomy = {line for line, amount in enumerate(amounts) if sums[line] <= amount}
    tight = [line for line in range(len(amounts)) if line not in roomy]

    def folded(values: Sequence[int]) -> tuple[int, ...]:
        return (*(values[line] for line in tight), sum(values[line] for line in roomy))

    return folded(amounts), tuple(replace(offer, off=folded(offer.off)) for offer in offers)


def _twins(offers: Sequence[Offer]) -> list[Offer | None]:
    """For each coupon the one before it that is like it: to be used first."""
    last: dict[tuple[object, ...], Offer] = {}
    twins = []
    for offer in offers:
        twins.append(last.get(likeness(offer)))
        last[likeness(offer)] = offer
    return twins


def _largest_from(totals: Sequence[int]) -> list[list[int]]:
    """For each place, what the greatest one, two … of the coupons from there on take off."""
    return [list(accumulate(sorted(totals[place:], reverse=True))) for place in range(len(totals))]


def _most_from(offers: Sequence[Offer], width: int) -> list[list[int]]:
    """For each place, what the coupons from there on take off each line at most."""
    limits: Counter[int] = Counter()
    for offer in offers:
        limits[offer.template_id] = max(limits[offer.template_id], offer.max_per_bill)
    sums, found = [0] * width, [[0] * width]
    of_template: dict[int, list[tuple[int, ...]]] = {}
    most_of_template: dict[int, list[int]] = {}
    for offer in reversed(offers):
        these = of_template.setdefault(offer.template_id, [])
        these.append(offer.off)
        before = most_of_template.get(offer.template_id, [0] * width)
        limit = limits[offer.template_id]
        if len(these) <= limit:
            now = [one + other for one, other in zip(before, offer.off, strict=True)]
        else:
            now = [sum(sorted(offs)[-limit:]) for offs in zip(*these, strict=True)]
        sums = [total - one + other for total, one, other in zip(sums, before, now, strict=True)]
        most_of_template[offer.template_id] = now
        found.append(sums)
    return found[::-1]
