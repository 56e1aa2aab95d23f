"""应收: what a bill to settle costs, and whether its tenders pay exactly that."""

from dataclasses import dataclass

from backend.coupons.applicability import UseFacts
from backend.coupons.errors import NotCombinable
from backend.merchants.queries import Place
from backend.merchants.settings import Sharing
from backend.redemption.facts import CouponFacts
from backend.redemption.look_up import of_bill, use_at
from backend.sales.best_plan import Benefits
from backend.sales.bill import Bill, Method, Tender, bill_key, paid_by
from backend.sales.discount_rules import DiscountRules, discount_rules
from backend.sales.errors import MemberRequired, PointsBeyondShare, TenderMismatch
from backend.sales.pricing import Price, price_by_hand
from backend.sales.quote import Guaranteed, guaranteed


@dataclass(frozen=True)
class Due:
    """应收 of a bill whose tenders are right; ``points`` are those it costs, ``locked`` the coupons
    that it holds and does not use."""

    price: Price
    use: UseFacts
    points: int
    tenders: tuple[Tender, ...]
    locked: tuple[CouponFacts, ...]

    @property
    def balance_fen(self) -> int:
        """What the member's balance pays."""
        return paid_by(self.tenders, Method.BALANCE)


def due(bill: Bill, *, here: Place, member_id: int | None) -> Due:
    """批价 anew: the coupons of the quote, good as they were then, and those among the tenders.

    Without a quote there is no level discount. Points of the quote are paid unless the tenders
    name points themselves, its 抹零 comes off unless the bill names one.
    """
    rules = discount_rules()
    promised = _promised(bill, rules, here=here, member_id=member_id)
    use = use_at(
        here,
        lines=bill.goods.judged,
        bill=bill_key(here.store_id, bill.number),
        at=promised.judged_at,
    )
    named_fen = paid_by(bill.tenders, Method.POINTS)
    points_fen = named_fen or promised.benefits.points_fen
    _refuse_nobodys_money(bill, member_id, points_fen)
    benefits = Benefits(promised.benefits.sharing, promised.benefits.level_bp, points_fen)
    coupons, locked = of_bill(
        bill.coupon_numbers, quoted=promised.coupon_ids, bill=use.bill or "", now=bill.settled_at
    )
    priced = price_by_hand(bill.goods, coupons, use, benefits)
    for candidate in priced.candidates:
        if candidate.refusal is not None:
            raise candidate.refusal
    price = priced.by_hand(promised.manual_fen).rounded(
        bill.rounding_fen or promised.rounding_fen,
        most_fen=max(rules.rounding_fen, promised.rounding_fen),
    )
    if points_fen > promised.benefits.points_fen:
        _refuse_too_many_points(points_fen, rules.points_rule.most_fen(bill.goods.total_fen))
    _refuse_points_beside(price, benefits)
    _refuse_other_sum(bill, price, named_fen)
    points = rules.points_rule.needed(points_fen) if points_fen else 0
    return Due(price, use, points, _as_kept(bill, price), tuple(locked))


def _promised(
    bill: Bill, rules: DiscountRules, *, here: Place, member_id: int | None
) -> Guaranteed:
    at = bill.settled_at
    if bill.quote_id is None:
        return Guaranteed((), Benefits(rules.sharing), at)
    return guaranteed(bill.quote_id, goods=bill.goods, here=here, member_id=member_id, at=at)


def _refuse_nobodys_money(bill: Bill, member_id: int | None, points_fen: int) -> None:
    if member_id is not None:
        return
    if points_fen:
        raise MemberRequired(method=Method.POINTS.label)
    if paid_by(bill.tenders, Method.BALANCE):
        raise MemberRequired(method=Method.BALANCE.label)


def _refuse_points_beside(price: Price, benefits: Benefits) -> None:
    """Points that something on the bill does not let be, or of which there is nothing to pay."""
    if price.plan.points_fen == benefits.points_fen:
        return
    exclusive = benefits.sharing is Sharing.EXCLUSIVE
    for used in price.chosen:
        if exclusive or not used.coupon.promise.combine.points:
            raise NotCombinable(name=used.coupon.title)
    if exclusive and price.plan.level_fen:
        raise NotCombinable(name="会员等级折扣")
    raise PointsBeyondShare(most_fen=price.plan.points_fen)


def _refuse_too_many_points(points_fen: int, most_fen: int) -> None:
    if points_fen > most_fen:
        raise PointsBeyondShare(most_fen=most_fen)


def _refuse_other_sum(bill: Bill, price: Price, named_fen: int) -> None:
    to_pay_fen = price.to_pay_fen + named_fen
    tendered_fen = bill.money_fen + named_fen
    if tendered_fen != to_pay_fen:
        raise TenderMismatch(to_pay_fen=to_pay_fen, tendered_fen=tendered_fen)


def _as_kept(bill: Bill, price: Price) -> tuple[Tender, ...]:
    """The tenders as kept: 票券 by number and what each took off, named again or not; points as
    one; money as it was tendered."""
    coupons = [
        Tender(Method.COUPON, used.reduction.total_fen, used.coupon.number) for used in price.chosen
    ]
    points_fen = price.plan.points_fen
    points = [Tender(Method.POINTS, points_fen)] if points_fen else []
    money = [tender for tender in bill.tenders if tender.method.is_money]
    return (*coupons, *points, *money)
