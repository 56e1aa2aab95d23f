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
