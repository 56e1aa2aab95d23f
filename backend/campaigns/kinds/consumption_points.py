"""消费送积分 (S2-22…25): points for every settled bill of a member, per level."""

from pydantic import Field

from backend.campaigns.kinds.points import LevelName, PointsCount, PointsKind
from backend.coupons.kinds import Term


class Rate(Term):
    """每消费 ``per_fen`` 送 ``points`` 积分."""

    per_fen: int = Field(ge=1, le=10**9)
    points: PointsCount


class ConsumptionPoints(PointsKind):
    """消费送积分's settings: one rule, and others for the levels it names (S2-23, S2-24)."""

    per_fen: int = Field(ge=1, le=10**9)
    points: PointsCount
    levels: dict[LevelName, Rate] = {}
    count_coupons: bool = True
    count_balance: bool = True

    def rate_of(self, level: str | None) -> Rate:
        """The rule of a level; that of everybody for one that is not named."""
        everybody = Rate(per_fen=self.per_fen, points=self.points)
        return everybody if level is None else self.levels.get(level, everybody)

    @property
    def level_names(self) -> frozenset[str]:
        """会员等级 with a rule of their own."""
        return frozenset(self.levels)
