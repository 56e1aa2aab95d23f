"""优惠规则 of the merchant: what is shared, and how many points pay one yuan of a bill."""

from dataclasses import dataclass

from backend.merchants.house import house
from backend.merchants.models import Sharing
from backend.sales.bill import Method
from backend.sales.errors import TenderNotOffered

DEFAULT_PER_YUAN, DEFAULT_SHARE_BP = 100, 5_000


@dataclass(frozen=True)
class PointsRule:
    """积分抵现: so many points are ¥1, for at most this share of a bill."""

    per_yuan: int
    share_bp: int

    def worth_fen(self, points: int) -> int:
        """10 points at 100 a yuan → 0.10 元; a part of a fen is not paid."""
        return points * 100 // self.per_yuan

    def needed(self, fen: int) -> int:
        """How many points pay an amount, rounded up: no fen is paid twice."""
        return -(-fen * self.per_yuan // 100)

    def most_fen(self, total_fen: int) -> int:
        """What points may pay of a bill, rounded down."""
        return total_fen * self.share_bp // 10_000


@dataclass(frozen=True)
class HouseRules:
    """优惠共享, 积分抵现 (which a merchant offers, or not) and the most that 抹零 takes off."""

    sharing: Sharing
    points: PointsRule | None
    rounding_fen: int

    @property
    def points_rule(self) -> PointsRule:
        """积分抵现, or its refusal."""
        if self.points is None:
            raise TenderNotOffered(method=Method.POINTS.label)
        return self.points


def house_rules() -> HouseRules:
    """What holds at this merchant now."""
    said, points = house().points, None
    if "per_yuan" in said or "max_bp" in said:
        points = PointsRule(
            said.get("per_yuan", DEFAULT_PER_YUAN), said.get("max_bp", DEFAULT_SHARE_BP)
        )
    return HouseRules(house().sharing, points, house().rounding_fen)
