"""优惠规则 of the merchant: what is shared, and how many points pay one yuan of a bill."""

from dataclasses import dataclass

from backend.merchants.house import house
from backend.merchants.settings import PointsSettings, Sharing
from backend.sales.bill import Method
from backend.sales.errors import TenderNotOffered


@dataclass(frozen=True)
class DiscountRules:
    """优惠共享, 积分抵现 (which a merchant offers, or not) and the most that 抹零 takes off."""

    sharing: Sharing
    points: PointsSettings | None
    rounding_fen: int

    @property
    def points_rule(self) -> PointsSettings:
        """积分抵现, or its refusal."""
        if self.points is None:
            raise TenderNotOffered(method=Method.POINTS.label)
        return self.points


def discount_rules() -> DiscountRules:
    """What holds at this merchant now."""
    points = house().settings(PointsSettings)
    return DiscountRules(
        house().sharing, points if points.pay_bills else None, house().rounding_fen
    )
