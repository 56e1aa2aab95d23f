"""核销的拒绝理由 that are not the coupon's own."""

from backend.errors import DomainError, NotFound


class RedemptionNotFound(NotFound):
    """Unknown, another store's, or another verifier's."""

    code = "REDEMPTION_NOT_FOUND"
    message = "核销记录不存在"


class UndoTooLate(DomainError):
    code = "UNDO_TOO_LATE"
    message = "已超过撤销时限"


class RedeemedOnBill(DomainError):
    """A coupon that was used on a settled bill comes back with the bill's refund."""

    code = "REDEEMED_ON_BILL"
    message = "该券随账单核销，请在收银台退款"
    http_status = 409
