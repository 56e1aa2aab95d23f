"""结账的拒绝理由."""

from backend.errors import Conflict, DomainError, NotFound


class BillConflict(Conflict):
    """Fact: ``bill``. The number was settled before with other content."""

    code = "BILL_CONFLICT"
    message = "账单{bill}已结账，内容不一致"


class QuoteExpired(DomainError):
    """Older than 10 minutes, unknown here, or made for another bill than this one."""

    code = "QUOTE_EXPIRED"
    message = "报价已过期，请重新计算"


class TenderMismatch(DomainError):
    """Facts: ``to_pay_fen``, ``tendered_fen``."""

    code = "TENDER_MISMATCH"
    message = "应收{to_pay_fen:yuan}元，实收{tendered_fen:yuan}元，金额不一致"


class TenderNotOffered(DomainError):
    """Fact: ``method``, as people call it."""

    code = "TENDER_NOT_OFFERED"
    message = "暂不支持{method}支付"
    hint = "请改用其他付款方式"


class MemberRequired(DomainError):
    """Fact: ``method``: balance and points are somebody's."""

    code = "MEMBER_REQUIRED"
    message = "使用{method}支付请先识别会员"


class PointsBeyondShare(DomainError):
    """Fact: ``most_fen``: what points may pay of this bill."""

    code = "POINTS_BEYOND_SHARE"
    message = "本单积分最多抵{most_fen:yuan}元"


class BeyondThePrice(DomainError):
    """Fact: ``most_fen``: 手动批价 takes off at most what the dishes still cost."""

    code = "BEYOND_THE_PRICE"
    message = "手动批价最多减{most_fen:yuan}元"
    hint = "改价不能高于应付金额，也不能减到服务费以内"


class RoundingBeyond(DomainError):
    """Fact: ``most_fen``: 抹零 takes off at most the merchant's limit, and never of the service."""

    code = "ROUNDING_BEYOND"
    message = "本单抹零最多{most_fen:yuan}元"
    hint = "抹零上限由商家设置，0表示不抹零；也不能抹到服务费以内"


class BillNotFound(NotFound):
    """Not settled at this store."""

    code = "BILL_NOT_FOUND"
    message = "账单不存在"


class BillHasMember(Conflict):
    """Fact: ``bill``: its member is named once."""

    code = "BILL_HAS_MEMBER"
    message = "账单{bill}已有会员"


class BillDayOver(DomainError):
    """Fact: ``bill``, of an earlier business day."""

    code = "BILL_DAY_OVER"
    message = "账单{bill}不是今天结的账，不能再补记会员"
    hint = "收银台只能在结账当天补记；此后 7 天内可由店长在后台的账单详情里补记"


class NamingOver(DomainError):
    """Facts: ``bill``, ``days``: nobody may any more."""

    code = "NAMING_OVER"
    message = "账单{bill}结账已超过{days}天，不能再补记会员"
    hint = "可由有权限的人在会员详情里手工增减积分"


class BillRefunded(Conflict):
    """Fact: ``bill``: nothing of it is left to count for anybody."""

    code = "BILL_REFUNDED"
    message = "账单{bill}已全部退款，不能补记会员"


class RefundExceeds(DomainError):
    code = "REFUND_EXCEEDS"
    message = "退款超过可退金额"


class RefundConflict(Conflict):
    """Fact: ``refund``. The bill's refund of this number was another one."""

    code = "REFUND_CONFLICT"
    message = "退款单{refund}已退款，内容不一致"
