"""商家的拒绝理由: stores and verifiers."""

from backend.errors import DomainError, Forbidden


class MerchantNotFound(DomainError):
    """Fact: ``merchant``, the code that was asked for."""

    code = "MERCHANT_NOT_FOUND"
    message = "商家不存在：{merchant}"
    http_status = 404


class StoreNotFound(DomainError):
    code = "STORE_NOT_FOUND"
    message = "门店不存在"
    http_status = 404


class NotAVerifier(DomainError):
    """Before binding, after unbinding."""

    code = "NOT_A_VERIFIER"
    message = "您还不是核销员，请联系商家"
    http_status = 403


class NotTheVerifiersStore(Forbidden):
    """Fact: ``store``, the code that was asked for."""

    message = "您不是{store}门店的核销员"


class BindTokenInvalid(DomainError):
    """Unknown, used, or older than 10 minutes."""

    code = "BIND_TOKEN_INVALID"
    message = "绑定二维码已失效，请商家重新生成"
