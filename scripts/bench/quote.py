"""H4: the best plan of 100 coupons on a bill of 60 lines, judged, searched and spread; what it is
worth beside the best single coupon; and the parts of many random bills, which add up to the fen.

Nothing here reads the database: the product's own pricing is all that is measured.
"""

import random
import statistics
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from backend.calendar import SHANGHAI
from backend.coupons.applicability import Standing, UseFacts
from backend.coupons.bill import BillLine
from backend.coupons.kinds import CouponKind, parse_rule
from backend.coupons.models import CouponState
from backend.coupons.promise import Promise
from backend.coupons.terms import Combine, Scope
from backend.merchants.settings import Sharing
from backend.redemption.facts import CouponFacts
from backend.sales.best_plan import Benefits, plan_of
from backend.sales.bill import DishLine, Goods
from backend.sales.pricing import best_price, judged
from backend.sales.remaining import BillState, LineState, Parts
from scripts.bench import shop
from scripts.bench.laboratory import Laboratory
from scripts.bench.ratios import Finding, p99, seconds

COUPONS, LINES, BASKETS = 100, 60, 40
BILLS_PER_MEMBER = 1
"""A million members ask for a million bills."""

EXCLUSIVE = Benefits(level_bp=9_500)
SHARED = Benefits(Sharing.SHARED, level_bp=9_500, points_fen=2_000)


@dataclass(frozen=True)
class Basket:
    """A bill and what its member holds."""

    goods: Goods
    coupons: list[CouponFacts]

    @property
    def use(self) -> UseFacts:
        return UseFacts("s01", "皇岗", at=shop.NOW, zone=SHANGHAI, lines=self.goods.judged)


def run(lab: Laboratory, *, members: int, rounds: int) -> list[Finding]:
    """Time, worth, and the sum of the parts."""
    chance = random.Random(20261123)
    findings = []
    for name, together, benefits in (
        ("each alone", 0.0, EXCLUSIVE),
        ("12 templates together", 1.0, SHARED),
        ("half of them together", 0.5, SHARED),
    ):
        baskets = [_basket(chance, together) for _ in range(BASKETS)]
        took = [
            seconds(partial(best_price, basket.goods, basket.coupons, basket.use, benefits)) * 1000
            for basket in baskets
            for _ in range(rounds)
        ]
        findings.append(
            Finding(
                "H4-time",
                f"100 coupons × 60 lines, {name}: 99th percentile, ms",
                p99(took),
                50,
                at_least=False,
                product=f"median {statistics.median(took):.1f}",
            )
        )
    baskets = [_basket(chance, 1.0) for _ in range(BASKETS)]
    worth = statistics.mean(_worth(basket) for basket in baskets)
    findings.append(Finding("H4-value", "taken off ÷ best single", worth, 1.1, at_least=True))
    bills = members * BILLS_PER_MEMBER
    wrong = sum(not _adds_up(chance) for _ in range(bills))
    what = f"{bills:,} random bills whose parts are not the whole"
    findings.append(Finding("M-02", what, wrong, 0, at_least=False))
    return findings


def _basket(chance: random.Random, together: float) -> Basket:
    lines = [
        BillLine(f"D{n}", f"C{n % 6}", chance.randint(1, 3), chance.randint(300, 20_000))
        for n in range(LINES)
    ]
    templates = [_promise(chance, n, together) for n in range(12)]
    return Basket(
        Goods(tuple(DishLine(line.dish, line) for line in lines), service_fen=1_000),
        [_held(n, templates[n % 12], n % 12) for n in range(COUPONS)],
    )


def _promise(chance: random.Random, template: int, together: float) -> Promise:
    kinds: list[tuple[str, dict[str, object]]] = [
        ("cash", {"value_fen": chance.choice([500, 2_000, 5_000, 10_000])}),
        ("every_full", {"threshold_fen": 30_000, "reduce_fen": 2_000}),
        ("discount", {"rate_bp": chance.choice([8_500, 9_500]), "max_fen": 8_000}),
        ("gift", {"dishes": [f"D{chance.randrange(LINES)}"], "quantity": 1}),
    ]
    kind, rule = chance.choice(kinds)
    categories = chance.choice([(), (), ("C1",), ("C2", "C3")])
    return Promise(
        number="",
        title=f"券{template}",
        kind=CouponKind(kind),
        rule=parse_rule(CouponKind(kind), rule),
        valid_from=shop.NOW - timedelta(days=1),
        valid_until=shop.NOW + timedelta(days=chance.randint(1, 30)),
        scope=Scope(categories=categories),
        combine=Combine(coupons=chance.random() < together),
        max_per_bill=chance.randint(1, 3),
    )


def _held(number: int, promise: Promise, template: int) -> CouponFacts:
    return CouponFacts(
        id=number,
        template_id=template,
        campaign_id=1,
        source="local",
        voucher_id=None,
        holder_id=1,
        holder_nickname="",
        holder_phone=None,
        notice="",
        promise=replace(promise, number=f"{number:012d}"),
        standing=Standing(CouponState.USABLE),
    )


def _worth(basket: Basket) -> float:
    """How many times the best single coupon's reduction."""
    best = best_price(basket.goods, basket.coupons, basket.use, Benefits(Sharing.SHARED))
    single = max(judged(each, basket.use).reduction.total_fen for each in basket.coupons)
    return best.reduction_fen / max(single, 1)


def _adds_up(chance: random.Random) -> bool:
    """Level and points over random lines, then refunded unit by unit: nothing lost, nothing won."""
    amounts = [chance.randint(0, 9_999) for _ in range(chance.randint(1, 4))]
    plan = plan_of(
        amounts, [], Benefits(Sharing.SHARED, chance.randint(1, 10_000), chance.randint(0, 9_999))
    )
    by_line = list(zip(amounts, plan.level_lines, plan.points_lines, strict=True))
    whole = [
        all(0 <= level + points <= amount for amount, level, points in by_line),
        plan.to_pay_fen + plan.level_fen + plan.points_fen == sum(amounts),
    ]
    lines = tuple(
        LineState(Parts(amount, amount - level - points, points, level), chance.randint(1, 5))
        for amount, level, points in by_line
    )
    state = BillState(lines, 0, False, plan.to_pay_fen // 2, 0)
    paid_fen = 0
    for place, line in enumerate(lines):
        for _ in range(line.quantity):
            after = state.after({place: 1})
            paid_fen += after.back.paid_fen - state.back.paid_fen
            state = after
    return all(whole) and paid_fen == plan.to_pay_fen
