"""商城的拒绝理由: what a mall's event or a binding cannot be."""

from backend.errors import Conflict, NotFound


class EventConflict(Conflict):
    """An event id that was heard before, with other content."""

    code = "EVENT_CONFLICT"
    message = "同一事件编号的内容与之前不一致"


class VoucherConflict(Conflict):
    """A voucher that was sold already, of another product or by another shop."""

    code = "VOUCHER_CONFLICT"
    message = "该票券已经售出，商品或店铺与之前不一致"


class VoucherNotFound(NotFound):
    """A refund of what this shop has not sold."""

    code = "VOUCHER_NOT_FOUND"
    message = "商城票券不存在"
    hint = "请先上报售出；仍有问题请联系聚微量客服"


class ReportNotFound(NotFound):
    code = "REPORT_NOT_FOUND"
    message = "没有需要重新发送的回报"
