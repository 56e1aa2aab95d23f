"""批价 of one coupon: which one, what it takes off, and why each other one is not used. Pure.

A coupon stands alone on a bill; the optimum of several is not asked for yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.coupons.applicability import UseFacts, verdict
from backend.coupons.discount import Reduction, reduction
from backend.coupons.errors import NotCombinable
from backend.errors import DomainError
from backend.redemption.facts import CouponFacts
from backend.sales.bill import Goods


@dataclass(frozen=True)
class Candidate:
    """候选券: what it would take off, or the words with which the cashier refuses it."""

    coupon: CouponFacts
    reduction: Reduction
    refusal: DomainError | None


@dataclass(frozen=True)
class Price:
    """批价结果. ``reduction_fen`` = ``total_fen`` − ``to_pay_fen``."""

    total_fen: int
    chosen: Candidate | None
    candidates: tuple[Candidate, ...]

    @property
    def reduction_fen(self) -> int:
        return 0 if self.chosen is None else self.chosen.reduction.total_fen

    @property
    def to_pay_fen(self) -> int:
        return self.total_fen - self.reduction_fen


def best_price(goods: Goods, coupons: Sequence[CouponFacts], use: UseFacts) -> Price:
    """The best for the customer: least to pay; among equals what expires first, then by number.

    A coupon that takes nothing off is not spent.
    """
    candidates = tuple(judged(coupon, use) for coupon in coupons)
    useful = [each for each in candidates if each.refusal is None and each.reduction.total_fen > 0]
    chosen = min(useful, key=_first_to_use, default=None)
    return Price(goods.total_fen, chosen, candidates)


def price_by_hand(goods: Goods, coupons: Sequence[CouponFacts], use: UseFacts) -> Price:
    """The first of the coupons named that may be used; any other cannot go with it."""
    chosen: Candidate | None = None
    candidates: list[Candidate] = []
    for coupon in coupons:
        candidate = judged(coupon, use)
        if candidate.refusal is None and chosen is not None:
            refusal = NotCombinable(name=chosen.coupon.title)
            candidate = Candidate(coupon, candidate.reduction, refusal)
        elif candidate.refusal is None:
            chosen = candidate
        candidates.append(candidate)
    return Price(goods.total_fen, chosen, tuple(candidates))


def judged(coupon: CouponFacts, use: UseFacts) -> Candidate:
    """One coupon on this bill."""
    lines = use.lines or []
    refusal = verdict(coupon.promise, coupon.standing, use)
    off = reduction(coupon.promise, lines) if refusal is None else Reduction((0,) * len(lines))
    return Candidate(coupon, off, refusal)


def _first_to_use(candidate: Candidate) -> tuple[int, float, str]:
    promise = candidate.coupon.promise
    return -candidate.reduction.total_fen, promise.valid_until.timestamp(), promise.number
