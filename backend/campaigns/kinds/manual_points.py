"""手动增减积分 (S2-17): which of the two a till may offer."""

from backend.campaigns.kinds.points import PointsKind


class ManualPoints(PointsKind):
    """手动增减积分's settings: the two switches."""

    add: bool = False
    subtract: bool = False
