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


class LevelNotEligible(DomainError):
    """The price for this level is 0 (S2-36)."""

    code = "LEVEL_NOT_ELIGIBLE"
    message = "会员等级不符合兑换条件"


class MemberBlacklisted(DomainError):
    """黑名单: whom campaigns give nothing may not exchange either."""

    code = "MEMBER_BLACKLISTED"
    message = "该会员不能参加兑换"


class ExchangeNotRunning(DomainError):
    """Paused, over, not begun, or not at this store."""

    code = "CAMPAIGN_NOT_RUNNING"
    message = "兑换活动未在进行中"
    http_status = 409


class ExchangeLimitReached(DomainError):
    """每人限领, 每人每天限领 of the coupon."""

    code = "LIMIT_REACHED"
    message = "您已达到该券的领取上限"
