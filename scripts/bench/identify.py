"""H2 at the till: identifying a member, which claims what waits, against the bare claim.

The product also reads the card pack, level and points that the cashier sees, and tells the member.
"""

import statistics
from collections.abc import Callable

from sqlalchemy import func, select

from backend import clock, tenancy
from backend.campaigns.models import Grant, GrantState
from backend.coupons.models import Coupon
from backend.database import db
from backend.visits.at_counter import identify
from scripts.bench import shop
from scripts.bench.laboratory import Laboratory
from scripts.bench.login_claim import raw_claim
from scripts.bench.ratios import Finding, p50, seconds
from scripts.bench.raw import Raw

VISITS, WAITING = 200, 5


def run(lab: Laboratory, *, members: int, rounds: int) -> list[Finding]:
    """The ratio, and that everybody has what waited for them once."""
    each = min(VISITS, members // 4)
    prepared = lab.prepare(lambda: shop.fill(members, logins=2 * each))
    product, anchor, wrong = [], [], 0
    with clock.told_by(lambda: shop.NOW):
        for _ in range(rounds):
            with lab.copy(prepared):
                shop.open_grants(range(1, 2 * each + 1), WAITING, first_id=members * 2 + 1)
                before = _coupons(each)
                with tenancy.acting_for(shop.merchant_id()):
                    product.append(_p50(_identify, range(1, each + 1)))
                wrong = max(wrong, abs(_coupons(each) - before - each * WAITING), _open(each))
                db.session.remove()
                raw = Raw()
                claim = raw_claim(raw)
                others = range(each + 1, 2 * each + 1)
                anchor.append(_p50(lambda one, claim=claim: claim(shop.openid(one)), others))  # type: ignore[misc]
                raw.close()
    ratio = statistics.median(p / a for p, a in zip(product, anchor, strict=True))
    return [
        Finding(
            "H2-identify",
            f"identify, {WAITING} waiting: p50 ÷ raw transaction",
            ratio,
            4,
            at_least=False,
            product=f"{statistics.median(product) * 1000:.2f} ms",
            anchor=f"{statistics.median(anchor) * 1000:.2f} ms",
        ),
        Finding("H2-once", "coupons claimed twice or lost", wrong, 0, at_least=False),
    ]


def _identify(member: int) -> None:
    identify(openid=shop.openid(member), now=shop.NOW)


def _coupons(people: int) -> int:
    with tenancy.acting_for(shop.merchant_id()):
        held = select(func.count(Coupon.id)).where(Coupon.member_id <= people)
        return db.session.scalar(held) or 0


def _open(people: int) -> int:
    with tenancy.acting_for(shop.merchant_id()):
        waiting = (Grant.member_id <= people, Grant.state == GrantState.OPEN)
        return db.session.scalar(select(func.count(Grant.id)).where(*waiting)) or 0


def _p50(work: Callable[[int], object], people: range) -> float:
    return p50([seconds(lambda one=one: work(one)) for one in people])  # type: ignore[misc]
