"""储值的拒绝理由."""

from backend.errors import Conflict, DomainError, NotFound


class BalanceInsufficient(DomainError):
    code = "BALANCE_INSUFFICIENT"
    message = "余额不足"


class BalanceCap(DomainError):
    """A recharge would bring the balance above what the rule of prepaid money allows."""

    code = "BALANCE_CAP"
    message = "余额不能超过{cap_fen:yuan}元"
    hint = "请减少充值金额，或先使用现有余额；未绑定手机号的会员绑定后上限更高"


class RechargeSpent(BalanceInsufficient):
    """Some of a recharge that is to go back was spent; ``left_fen`` of it is there."""

    message = "这笔充值已被使用，仅余{left_fen:yuan}元，不能撤销"
    hint = "请先退还用余额支付的账单，再撤销充值"


class RechargeNotFound(NotFound):
    code = "RECHARGE_NOT_FOUND"
    message = "没有充值单{recharge}"


class RechargeReversed(Conflict):
    """It went back under another number."""

    code = "RECHARGE_REVERSED"
    message = "充值单{recharge}已经撤销"


class ReversalConflict(Conflict):
    """The number was used for another recharge."""

    code = "REVERSAL_CONFLICT"
    message = "撤销单号{reversal}已用于另一笔充值"


class RechargeConflict(Conflict):
    """The number was used for another member or amount."""

    code = "RECHARGE_CONFLICT"
    message = "充值单号{recharge}已用于另一笔充值"


class RefundExceedsPayment(DomainError):
    """More would come back to the balance than was paid from it."""

    code = "REFUND_EXCEEDS"
    message = "退款超过可退金额"
