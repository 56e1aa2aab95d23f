"""积分的拒绝理由."""

from backend.errors import DomainError, Forbidden


class PointsInsufficient(DomainError):
    """积分不足. ``n`` is what is missing."""

    code = "POINTS_INSUFFICIENT"
    message = "积分不足，还差{n}积分"


class ManualPointsOff(Forbidden):
    """手动增减积分 is not switched on for this direction (S2-17)."""

    code = "MANUAL_POINTS_OFF"
    message = "未开启手动{direction}积分"
