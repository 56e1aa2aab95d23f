"""结账的拒绝理由."""

from backend.errors import Conflict, DomainError


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
    hint = "请改用现金、微信、刷卡或票券"
