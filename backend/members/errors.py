"""会员的拒绝理由: who cannot be found, and cards that no longer speak for anybody (S2-48)."""

from backend.errors import Conflict, DomainError


class MemberNotFound(DomainError):
    code = "MEMBER_NOT_FOUND"
    message = "会员不存在"
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
