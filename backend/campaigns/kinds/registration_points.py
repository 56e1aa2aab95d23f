"""注册送积分 (S2-18): points for registering, once."""

from pydantic import Field

from backend.campaigns.kinds.points import PointsKind


class RegistrationPoints(PointsKind):
    """注册送积分's settings, as in the set-up file."""

    points: int = Field(ge=1, le=10**6)
