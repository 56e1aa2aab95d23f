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


class MayNotChangePrice(Forbidden):
    """Unknown here, deactivated, of another store, or of a role that may not."""

    code = "MAY_NOT_CHANGE_PRICE"
    message = "该员工不能在本店手动批价"
    hint = "请由商家负责人或本店店长的账号批价，账号在后台“员工”里设置"


class BindTokenInvalid(DomainError):
    """Unknown, used, or older than 10 minutes."""

    code = "BIND_TOKEN_INVALID"
    message = "绑定二维码已失效，请商家重新生成"
