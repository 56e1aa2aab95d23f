"""扫码付的拒绝理由."""

from backend.errors import Conflict, DomainError, Forbidden, NotFound


class BillPaid(Conflict):
    """Facts: ``bill``, ``paid_fen``. A guest has paid it by phone; the till settles it now."""

    code = "BILL_PAID"
    message = "账单{bill}顾客已扫码支付{paid_fen:yuan}元，请直接结账"
    hint = "结账时填写该次支付的 quote_id 和微信付款金额"


class BillNotPaid(Conflict):
    """Fact: ``bill``. There is nothing to give back."""

    code = "BILL_NOT_PAID"
    message = "账单{bill}还没有扫码支付，无款可退"
    hint = "未支付的账单请直接撤单"


class BillAlreadyPaid(Conflict):
    """Somebody at the table has paid it by phone."""

    code = "BILL_PAID"
    message = "本账单已支付"


class BillBeingPaid(Conflict):
    """Another person at the table has the pay sheet open."""

    code = "BILL_BEING_PAID"
    message = "本账单正在由其他人支付"


class GuestIsPaying(Conflict):
    """Fact: ``bill``. Its coupons are held for the pay sheet that a guest has open."""

    code = "BILL_BEING_PAID"
    message = "顾客正在扫码支付账单{bill}"


class TableWithoutBill(NotFound):
    """Nothing is open at this table, or the code is not ours."""

    code = "NO_OPEN_BILL"
    message = "本桌暂无待付账单"
    hint = "点单后请服务员挂单，再扫一次桌上的二维码"


class PaymentUnknown(NotFound):
    """A notice about an order that is not a bill's."""

    code = "PAYMENT_UNKNOWN"
    message = "支付单不存在"


class PaymentMismatch(Forbidden):
    """Paid, but not this amount, not by this person or not in this app: kept out, looked at."""

    code = "PAYMENT_MISMATCH"
    message = "支付金额或付款人与订单不一致"


class NothingToPay(DomainError):
    code = "NOTHING_TO_PAY"
    message = "账单没有消费明细"
