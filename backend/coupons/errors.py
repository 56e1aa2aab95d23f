"""券的拒绝理由: word for word what spec/05 has staff read out, with the cure where there is one.

Facts are passed as they are said: instants and days already in the merchant's zone.
"""

from backend.errors import DomainError, ParamError


class CouponNotFound(DomainError):
    """Unknown number, another merchant's coupon, or a mall voucher that is not linked (S1)."""

    code = "COUPON_NOT_FOUND"
    message = "票券不存在"
    http_status = 404
    hint = "请核对券号；商城票券请检查票券关联是否已绑定，仍有问题请联系聚微量客服"


class CouponRedeemed(DomainError):
    """Facts: ``redeemed_at`` (in the zone), ``store_name``."""

    code = "COUPON_REDEEMED"
    message = "该券已于{redeemed_at:%Y-%m-%d %H:%M}在{store_name}核销"
    http_status = 409


class CouponRevoked(DomainError):
    code = "COUPON_REVOKED"
    message = "该券已作废"
    http_status = 409


class CouponGifting(DomainError):
    code = "COUPON_GIFTING"
    message = "该券正在赠送中"
    http_status = 409
    hint = "请顾客先收回赠送"


class CouponLocked(DomainError):
    code = "COUPON_LOCKED"
    message = "该券正在另一张账单中使用"
    http_status = 409
    hint = "请在原账单中取消使用该券，或等待 15 分钟自动释放"


class CouponNotStarted(DomainError):
    """Fact: ``starts_on``, the first good day."""

    code = "COUPON_NOT_STARTED"
    message = "该券{starts_on}起可用"


class CouponExpired(DomainError):
    """Fact: ``expired_on``, the last good day."""

    code = "COUPON_EXPIRED"
    message = "该券已于{expired_on}过期"


class CouponNotForThisStore(DomainError):
    """Facts: ``store_name``, ``number``."""

    code = "STORE_NOT_ALLOWED"
    message = "{store_name:店}不能使用该票券,票券【消费号{number}】不能使用!"
    hint = "请在营销活动中把当前门店加入该券的适用门店，仍有问题请联系聚食汇客服"


class TimeNotAllowed(DomainError):
    """Fact: ``hours``, as ``UseHours.words``."""

    code = "TIME_NOT_ALLOWED"
    message = "该券在{hours}可用"


class BelowMinimum(DomainError):
    """Facts: ``minimum_fen``, ``missing_fen``."""

    code = "BELOW_MINIMUM"
    message = "满{minimum_fen:yuan}元可用，还差{missing_fen:yuan}元"


class DishMissing(DomainError):
    code = "DISH_MISSING"
    message = "订单中没有此券相关菜品,不能使用"
    hint = "请下单此券对应的菜品，并核对菜品编号一致，仍有问题请联系聚食汇客服"


class NotCombinable(DomainError):
    """Fact: ``name``, the coupon or discount that excludes this one."""

    code = "NOT_COMBINABLE"
    message = "不能与{name}同时使用"


class QrExpired(DomainError):
    code = "QR_EXPIRED"
    message = "二维码已过期，请顾客刷新"


class AlreadyClaimed(DomainError):
    code = "ALREADY_CLAIMED"
    message = "已领取"
    http_status = 409


class SoldOut(DomainError):
    code = "SOLD_OUT"
    message = "来晚啦，已被领完"
    http_status = 409


class NothingOff(DomainError):
    """It would take nothing off this bill, so it is not used up by it (R-26)."""

    code = "NOTHING_OFF"
    message = "此券在本单没有可减的金额，未使用"
    hint = "请下次使用"


class ClaimLapsed(DomainError):
    code = "CLAIM_LAPSED"
    message = "已过领取时间"


class MemberCodeUnknown(DomainError):
    """A dynamic member code that we did not make."""

    code = "MEMBER_NOT_FOUND"
    message = "会员不存在"
    http_status = 404


class TemplateNotFound(DomainError):
    code = "TEMPLATE_NOT_FOUND"
    message = "券模板不存在"
    http_status = 404


class TemplateInvalid(ParamError):
    """券模板填写有误. Every wrong field is named."""

    code = "TEMPLATE_INVALID"
    message = "券模板填写有误"
    http_status = 422


class StockBelowIssued(DomainError):
    """Fact: ``issued``."""

    code = "STOCK_BELOW_ISSUED"
    message = "库存不能少于已发数量{issued}"
