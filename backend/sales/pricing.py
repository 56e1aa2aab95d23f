"""批价: which coupons are used, what each takes off, and why each other one is not. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from backend.coupons.applicability import UseFacts, verdict
from backend.coupons.discount import Reduction, reduction
from backend.coupons.errors import NotCombinable, NothingOff
from backend.errors import DomainError
from backend.redemption.facts import CouponFacts
from backend.sales.best_plan import Benefits, Plan, best_plan, plan_of
from backend.sales.bill import Goods
from backend.sales.errors import BeyondThePrice, RoundingBeyond
from backend.sales.offers import Offer, clash


@dataclass(frozen=True)
class Candidate:
    """候选券: what it alone would take off, or the words with which the cashier refuses it."""

    coupon: CouponFacts
    reduction: Reduction
    refusal: DomainError | None

    @property
    def offer(self) -> Offer:
        """As the search for the best plan sees it."""
        promise = self.coupon.promise
        return Offer(
            number=promise.number,
            template_id=self.coupon.template_id,
            off=self.reduction.lines,
            valid_until=promise.valid_until,
            combine=promise.combine,
            max_per_bill=promise.max_per_bill,
        )


@dataclass(frozen=True)
class Used:
    """选用的券 and its part: with others, never more than they leave of a line."""

    coupon: CouponFacts
    reduction: Reduction


@dataclass(frozen=True)
class Price:
    """批价结果. ``reduction_fen`` = ``total_fen`` − ``to_pay_fen``: coupons, level, points,
    manual change and 抹零."""

    total_fen: int
    plan: Plan
    chosen: tuple[Used, ...]
    candidates: tuple[Candidate, ...]

    @property
    def reduction_fen(self) -> int:
        return self.plan.reduction_fen

    @property
    def to_pay_fen(self) -> int:
        return self.total_fen - self.reduction_fen

    @property
    def payable_fen(self) -> int:
        """应付金额: coupons and points are ways to pay it (R-09)."""
        plan = self.plan
        return self.total_fen - plan.level_fen - plan.manual_fen - plan.rounding_fen

    def by_hand(self, manual_fen: int) -> "Price":
        """手动批价 (S2-45); BeyondThePrice where the lines do not cost as much any more."""
        if manual_fen > self.plan.to_pay_fen:
            raise BeyondThePrice(most_fen=self.plan.to_pay_fen)
        return replace(self, plan=self.plan.by_hand(manual_fen)) if manual_fen else self

    def rounded(self, rounding_fen: int, *, most_fen: int) -> "Price":
        """抹零, taken off last; RoundingBeyond above the house's limit and into the service fee."""
        most_fen = min(most_fen, self.plan.to_pay_fen)
        if rounding_fen > most_fen:
            raise RoundingBeyond(most_fen=most_fen)
        return replace(self, plan=self.plan.rounded(rounding_fen)) if rounding_fen else self


def best_price(
    goods: Goods, coupons: Sequence[CouponFacts], use: UseFacts, benefits: Benefits
) -> Price:
    """The best for the member (S2-43)."""
    known: dict[tuple[object, ...], Reduction] = {}
    candidates = [judged(coupon, use, known) for coupon in coupons]
    offers = [each.offer for each in candidates if each.refusal is None]
    return _price(goods, best_plan(_amounts(goods), offers, benefits), candidates)


def price_by_hand(
    goods: Goods, coupons: Sequence[CouponFacts], use: UseFacts, benefits: Benefits
) -> Price:
    """The coupons named, as far as they may be used and stand beside those named before."""
    candidates: list[Candidate] = []
    chosen: list[Candidate] = []
    for coupon in coupons:
        candidate = _beside(judged(coupon, use), chosen)
        candidates.append(candidate)
        if candidate.refusal is None:
            chosen.append(candidate)
    plan = plan_of(_amounts(goods), [each.offer for each in chosen], benefits)
    while idle := _idle(chosen, plan):
        chosen = [each for each in chosen if each not in idle]
        candidates = [
            replace(each, refusal=NothingOff()) if each in idle else each for each in candidates
        ]
        plan = plan_of(_amounts(goods), [each.offer for each in chosen], benefits)
    return _price(goods, plan, candidates)


def judged(
    coupon: CouponFacts, use: UseFacts, known: dict[tuple[object, ...], Reduction] | None = None
) -> Candidate:
    """One coupon on this bill; what one that promises the same takes off may be ``known``."""
    lines, promise = use.lines or [], coupon.promise
    refusal = verdict(promise, coupon.standing, use)
    if refusal is not None:
        return Candidate(coupon, Reduction((0,) * len(lines)), refusal)
    if known is None:
        return Candidate(coupon, reduction(promise, lines), None)
    same = promise.rule, promise.scope, promise.combine.discounted_dishes
    if same not in known:
        known[same] = reduction(promise, lines)
    return Candidate(coupon, known[same], None)


def _idle(chosen: Sequence[Candidate], plan: Plan) -> list[Candidate]:
    """Those to whom the others leave nothing to take off: they stay unused (R-26)."""
    parts = {offer.number: sum(part) for offer, part in zip(plan.offers, plan.parts, strict=True)}
    return [each for each in chosen if each.reduction.total_fen and not parts[each.offer.number]]


def _beside(candidate: Candidate, chosen: Sequence[Candidate]) -> Candidate:
    if candidate.refusal is not None:
        return candidate
    other = clash(candidate.offer, [each.offer for each in chosen])
    if other is None:
        return candidate
    (title,) = {each.coupon.title for each in chosen if each.coupon.number == other.number}
    return Candidate(candidate.coupon, candidate.reduction, NotCombinable(name=title))


def _price(goods: Goods, plan: Plan, candidates: Sequence[Candidate]) -> Price:
    named = {each.coupon.number: each.coupon for each in candidates}
    chosen = tuple(
        Used(named[offer.number], Reduction(part))
        for offer, part in zip(plan.offers, plan.parts, strict=True)
    )
    return Price(goods.total_fen, plan, chosen, tuple(candidates))


def _amounts(goods: Goods) -> list[int]:
    return [each.line.amount_fen for each in goods.lines]
