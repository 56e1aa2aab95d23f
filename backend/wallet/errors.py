"""储值的拒绝理由."""

from backend.errors import Conflict, DomainError


class BalanceInsufficient(DomainError):
    code = "BALANCE_INSUFFICIENT"
    message = "余额不足"


class BalanceCap(DomainError):
    """A recharge would bring the balance above what the rule of prepaid money allows."""

    code = "BALANCE_CAP"
    message = "余额不能超过{cap_fen:yuan}元"
    hint = "请减少充值金额，或先使用现有余额；未绑定手机号的会员绑定后上限更高"


class RechargeConflict(Conflict):
    """The number was used for another member or amount."""

    code = "RECHARGE_CONFLICT"
    message = "充值单号{recharge}已用于另一笔充值"


class RefundExceedsPayment(DomainError):
    """More would come back to the balance than was paid from it."""

    code = "REFUND_EXCEEDS"
    message = "退款超过可退金额"
