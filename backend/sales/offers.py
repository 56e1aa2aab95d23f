"""候选: coupons as the search for the best plan sees them, and what several take off together.

Each counts on the original prices; together they take the sum, never more than a line holds. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.coupons.terms import Combine


@dataclass(frozen=True, eq=False)
class Offer:
    """One coupon that may be used on this bill; ``off`` is what it alone takes off each line."""

    number: str
    template_id: int
    off: tuple[int, ...]
    valid_until: datetime
    combine: Combine
    max_per_bill: int = 1

    @property
    def turn(self) -> tuple[datetime, str]:
        """先到期先用. What expires first comes first; among equals the smaller number."""
        return self.valid_until, self.number


def clash(offer: Offer, others: Iterable[Offer]) -> Offer | None:
    """同享. The first of ``others`` that this coupon cannot stand beside on a bill, if any."""
    others = list(others)
    of_template = 1 + sum(other.template_id == offer.template_id for other in others)
    for other in others:
        if not (offer.combine.coupons and other.combine.coupons):
            return other
        if other.template_id == offer.template_id and of_template > min(
            offer.max_per_bill, other.max_per_bill
        ):
            return other
    return None


def left_after(amounts: Sequence[int], offers: Iterable[Offer]) -> list[int]:
    """What each line still costs after these coupons."""
    left = list(amounts)
    for offer in offers:
        left = [
            amount - off if amount > off else 0 for amount, off in zip(left, offer.off, strict=True)
        ]
    return left


def parts_of(amounts: Sequence[int], offers: Iterable[Offer]) -> list[tuple[int, ...]]:
    """各券的优惠. In the order given, each takes what it takes alone, at most what is left."""
    left, parts = list(amounts), []
    for offer in offers:
        part = tuple(min(amount, off) for amount, off in zip(left, offer.off, strict=True))
        left = [amount - off for amount, off in zip(left, part, strict=True)]
        parts.append(part)
    return parts


def needed_of(amounts: Sequence[int], offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """In their turn, without those whose part the others take off anyway; the last are let go
    first."""
    kept = sorted(offers, key=lambda offer: offer.turn)
    sums = [sum(offs) for offs in zip(*(offer.off for offer in kept), strict=True)]
    for offer in kept[::-1]:
        if not any(
            off and total - off < amount
            for off, total, amount in zip(offer.off, sums, amounts, strict=True)
        ):
            kept.remove(offer)
            sums = [total - off for total, off in zip(sums, offer.off, strict=True)]
    return tuple(kept)


def without_spare_copies(offers: Iterable[Offer]) -> list[Offer]:
    """In their turn; of coupons that are alike in all but their end, as many as a bill may hold."""
    kept: list[Offer] = []
    alike: Counter[tuple[object, ...]] = Counter()
    for offer in sorted(offers, key=lambda offer: offer.turn):
        alike[likeness(offer)] += 1
        if alike[likeness(offer)] <= offer.max_per_bill:
            kept.append(offer)
    return kept


def likeness(offer: Offer) -> tuple[object, ...]:
    """What makes two coupons interchangeable but for their turn."""
    return offer.template_id, offer.off, offer.combine, offer.max_per_bill
