"""What WeChat's answers mean, as facts (``gateway.py`` sorts them).

No text carries an address, a secret or a token: WeChat's words and its request id are all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from backend.errors import DomainError, Forbidden, NotFound


class AppNotFound(NotFound):
    code = "APP_NOT_FOUND"
    message = "小程序或公众号未绑定"


class WechatUnavailable(DomainError):
    """WeChat gives no useful answer now; the same request may be sent again."""

    code = "WECHAT_UNAVAILABLE"
    message = "微信服务暂时不可用，请稍后再试"
    http_status = 503


class WechatRefused(DomainError):
    """WeChat does not take what staff asked for; its own words say why."""

    code = "WECHAT_REFUSED"
    message = "微信拒绝了操作：{words}（{errcode}）"


class LoginCodeInvalid(DomainError):
    """The code of wx.login is unknown, used, expired, of another app, or of a blocked user."""

    code = "LOGIN_CODE_INVALID"
    message = "微信登录已失效，请重新进入小程序"
    http_status = 401


class PhoneCodeInvalid(DomainError):
    """The code of getPhoneNumber is unknown, used, expired or of another app."""

    code = "PHONE_CODE_INVALID"
    message = "手机号授权已失效，请重新授权"


class ForgedPush(Forbidden):
    """The push is not WeChat's: it is not signed by the token of the app it is for."""

    code = "SIGNATURE_INVALID"
    message = "签名错误"


class UnreadablePush(Exception):
    """Rightly signed, and nothing that we can read: kept as it came and answered ``success``."""


class PayNotOffered(DomainError):
    """The merchant has no 微信支付商户号, or it is switched off."""

    code = "PAY_NOT_OFFERED"
    message = "本店未开通微信支付，请到收银台付款"
    hint = "在设置文件中登记 wechat_pay"


class PayRefused(DomainError):
    """WeChat Pay said no for good; its own words say why, ``errcode`` names it."""

    code = "PAY_REFUSED"
    message = "微信支付拒绝了操作：{words}（{errcode}）"

    def __init__(self, *, words: str, errcode: str) -> None:
        self.errcode = errcode
        super().__init__(words=words[:300], errcode=errcode)


class AlreadyPaid(PayRefused):
    """The order was paid: it can be neither paid again nor closed."""

    code = "ALREADY_PAID"
    message = "订单已支付"
    http_status = 409


class PayClosed(PayRefused):
    """The order was closed: it takes another number to pay."""


class PayUnknown(PayRefused):
    """WeChat Pay knows no such order or refund."""


class PayForged(Forbidden):
    """Not a notice of WeChat Pay's: wrong signature, too old, unreadable, about another account."""

    code = "SIGNATURE_INVALID"
    message = "签名错误"


class SceneTooLong(DomainError):
    code = "SCENE_TOO_LONG"
    message = "二维码参数{scene}太长，最多{most}个字符"


class WechatError(Exception):
    """A call that did not succeed. ``code`` is WeChat's errcode, ``words`` its errmsg with rid."""

    def __init__(self, code: int | None = None, words: str = "") -> None:
        self.code = code
        self.words = words[:300]
        super().__init__(f"{type(self).__name__} {'' if code is None else code} {self.words}")


class TokenInvalid(WechatError):
    """There is no token that WeChat takes now; nothing was done."""


class UserUnreachable(WechatError):
    """This person cannot be reached this way."""


class QuotaExceeded(WechatError):
    """This app may not make this kind of call before ``until`` (machine time)."""

    def __init__(self, code: int | None, words: str, *, until: datetime) -> None:
        super().__init__(code, words)
        self.until = until


class TemplateInvalid(WechatError):
    """Template, page or field values are wrong; sending the same again does not help."""


class NoPermission(WechatError):
    """The account may not do this: type, verification, feature, allow-list."""


class Transient(WechatError):
    """Nothing was done, later it may: busy, too fast, or no connection was made."""


class OutcomeUnknown(WechatError):
    """The request was sent and no readable answer came: it may have been carried out."""


class Refused(WechatError):
    """WeChat said no for good."""


@contextmanager
def told_to_staff() -> Iterator[None]:
    """For what staff do at the desk: WeChat's refusals in words, all else as WeChat being away."""
    problem: DomainError | None = None
    try:
        yield
    except (Refused, TemplateInvalid, NoPermission, UserUnreachable, QuotaExceeded) as error:
        problem = WechatRefused(words=error.words, errcode=error.code)
    except WechatError:
        problem = WechatUnavailable()
    if problem is not None:
        raise problem
