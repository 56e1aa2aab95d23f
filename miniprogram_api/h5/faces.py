"""券面 on a page: what a coupon's card says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from backend.card_pack.behind_link import PromisedCoupon
from backend.card_pack.view import CouponView
from backend.coupons.kinds import CouponKind, Face, face, give_text, parse_rule
from backend.merchants.queries import StoreCard


@dataclass(frozen=True)
class CouponCard:
    """One card; ``quantity`` of alike coupons, ``numbers`` where they exist already."""

    title: str
    kind: str
    face: Face
    gives: str
    stores: Sequence[StoreCard]
    everywhere: bool
    valid_from: datetime
    valid_to: datetime
    quantity: int
    numbers: Sequence[str] = ()

    @property
    def store_words(self) -> str:
        """适用门店 in a line."""
        if self.everywhere:
            return "全部门店"
        if len(self.stores) == 1:
            return self.stores[0].name
        return f"{len(self.stores)} 家门店"


def cards_of(coupons: Sequence[PromisedCoupon] | Sequence[CouponView]) -> list[CouponCard]:
    """The cards of these coupons, alike ones as one."""
    every: list[PromisedCoupon | CouponView] = [*coupons]
    alike = groupby(every, key=lambda each: (each.template_id, each.valid_to))
    return [_card(list(each)) for _, each in alike]


def _card(alike: Sequence[PromisedCoupon | CouponView]) -> CouponCard:
    coupon, kind = alike[0], CouponKind(alike[0].kind)
    rule = parse_rule(kind, coupon.rule)
    return CouponCard(
        title=coupon.title,
        kind=kind.label,
        face=face(rule, minimum_fen=coupon.minimum_fen),
        gives=give_text(rule, minimum_fen=coupon.minimum_fen),
        stores=[] if coupon.stores == "all" else coupon.stores,
        everywhere=coupon.stores == "all",
        valid_from=coupon.valid_from,
        valid_to=coupon.valid_to,
        quantity=len(alike),
        numbers=[each.number for each in alike if isinstance(each, CouponView)],
    )
