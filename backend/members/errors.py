"""会员的拒绝理由: who cannot be found, and cards that no longer speak for anybody (S2-48)."""

from backend.errors import Conflict, DomainError


class MemberNotFound(DomainError):
    code = "MEMBER_NOT_FOUND"
    message = "会员不存在"
    hint = "请核对手机号或重新扫会员码；新顾客请先关注公众号或登录小程序"
    http_status = 404


class CardNotFound(DomainError):
    code = "CARD_NOT_FOUND"
    message = "该实体卡不存在"
    http_status = 404


class CardDestroyed(DomainError):
    code = "CARD_DESTROYED"
    message = "该实体卡已销毁"


class CardFrozen(DomainError):
    code = "CARD_FROZEN"
    message = "该实体卡已冻结"


class CardTaken(Conflict):
    code = "CARD_TAKEN"
    message = "该实体卡已绑定其他会员"


class LevelNotFound(DomainError):
    code = "LEVEL_NOT_FOUND"
    message = "会员等级不存在"
    http_status = 404


class LevelNameTaken(Conflict):
    code = "LEVEL_NAME_TAKEN"
    message = "等级{level}已存在"


class LevelHasMembers(Conflict):
    """Deleting it would leave members without a level."""

    code = "LEVEL_HAS_MEMBERS"
    message = "还有 {n} 位会员是{level}，不能删除"
    hint = "请先把这些会员调整到其他等级"


class LevelInUse(Conflict):
    """Somebody's history or a campaign names it."""

    code = "LEVEL_IN_USE"
    message = "{level}不能{action}：{why}"


class LastLevel(Conflict):
    code = "LAST_LEVEL"
    message = "至少要保留一个等级"
    hint = "新会员注册后就是第一个等级"
