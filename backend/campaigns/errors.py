"""活动的拒绝理由."""

from collections.abc import Sequence

from backend.errors import DomainError, FieldError, ParamError


class CampaignNotFound(DomainError):
    code = "CAMPAIGN_NOT_FOUND"
    message = "活动不存在"
    http_status = 404


class CampaignInvalid(ParamError):
    """活动填写有误. Every wrong field is named by its path in the settings."""

    code = "CAMPAIGN_INVALID"
    message = "活动填写有误"
    http_status = 422


class CampaignIncomplete(DomainError):
    """活动还不能启动. Everything that is missing, at once."""

    code = "CAMPAIGN_INCOMPLETE"
    message = "活动还不能启动：{first}"

    def __init__(self, *, errors: Sequence[FieldError]) -> None:
        super().__init__(first="；".join(e["message"] for e in errors))
        self.detail = {"errors": [{"field": e["field"], "message": e["message"]} for e in errors]}


class CampaignEnded(DomainError):
    code = "CAMPAIGN_ENDED"
    message = "活动已结束，不能再启动或修改"
    http_status = 409


class FixedAudienceEmpty(DomainError):
    """搜索人群 is frozen at saving (S3-18): without anybody in it the campaign would never give."""

    code = "AUDIENCE_EMPTY"
    message = "没有找到符合条件的顾客，固定名单不能为空"


class ClaimNotFound(DomainError):
    """Unknown, another merchant's, or (兑换) another member's."""

    code = "CLAIM_NOT_FOUND"
    message = "领取链接不存在"
    http_status = 404


class ClaimIsAnothers(ClaimNotFound):
    """兑换的券 belongs to who paid the points for it."""

    hint = "请用兑换时的会员账号登录"


class AlreadyClaimed(DomainError):
    code = "ALREADY_CLAIMED"
    message = "已领取"
    http_status = 409


class ClaimLimitReached(AlreadyClaimed):
    """每人限领, 每人每天限领 of a coupon behind the link; it stays open for others."""

    hint = "您领取的该券已达上限，可以把小票给别人领取"


class ClaimLapsed(DomainError):
    code = "CLAIM_LAPSED"
    message = "已过领取时间"
