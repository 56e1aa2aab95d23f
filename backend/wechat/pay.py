"""微信支付 (JSAPI, API v3): have a guest pay, ask, close, refund, and read what WeChat Pay tells.

Every call acts for the current merchant (``tenancy.acting_for``) and is never made inside a
transaction. Times in notices are WeChat's, the machine's. Errors: ``PayNotOffered`` without an
account, ``WechatUnavailable`` when nobody knows what became of the call (ask, or send the same
again), ``PayRefused`` when WeChat Pay said no.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import select
from typing_extensions import TypedDict

from backend import clock, deployment, tenancy
from backend.database import db
from backend.wechat import pay_client, pay_keys, pay_notices
from backend.wechat.errors import PayClosed, PayNotOffered, PayUnknown, WechatUnavailable
from backend.wechat.models import PayAccount
from backend.wechat.pay_client import Signer
from backend.wechat.pay_notices import PaidNotice, RefundNotice, RefundState, TradeState

__all__ = [
    "PaidNotice",
    "PayParams",
    "Prepared",
    "RefundNotice",
    "RefundState",
    "TradeState",
    "account_of",
    "ask",
    "ask_refund",
    "available",
    "close",
    "notify_address",
    "params",
    "prepare",
    "read_notification",
    "refund",
]


class PayParams(TypedDict):
    """What ``wx.requestPayment`` and ``WeixinJSBridge`` take, signed."""

    appId: str
    timeStamp: str
    nonceStr: str
    package: str
    signType: str
    paySign: str


@dataclass(frozen=True)
class Prepared:
    """预支付: ``prepay_id`` and ``params`` are good for two hours, or until the order expires."""

    prepay_id: str
    params: PayParams


def account_of(merchant_id: int) -> PayAccount | None:
    """The merchant's active 商户号."""
    account = _account(merchant_id)
    return account if account is not None and account.active else None


def available(merchant_id: int) -> bool:
    """Whether guests of this merchant can pay by phone."""
    return account_of(merchant_id) is not None


def notify_address(merchant_id: int) -> str:
    """``notify_url`` of this merchant: PUBLIC_URL/wechat/pay/notify/<mch_id>."""
    account = _account(merchant_id)
    if account is None:
        raise PayNotOffered()
    return f"{deployment.public_url()}/wechat/pay/notify/{quote(account.mch_id, safe='')}"


def prepare(
    *,
    out_trade_no: str,
    amount_fen: int,
    description: str,
    app_id: str,
    openid: str,
    attach: str = "",
    lasts: timedelta,
    notify_url: str,
) -> Prepared:
    """下单. The same order again gives a prepay id again. ``lasts`` counts by the machine's clock.

    ``AlreadyPaid`` if this number was paid, ``PayClosed`` if it was closed, ``PayRefused`` if it
    was another order.
    """
    account = account_of(tenancy.merchant_id())
    if account is None:
        raise PayNotOffered()
    signer = Signer.of(account)
    until = (clock.machine_now() + lasts).astimezone(_SHANGHAI)
    told = pay_client.ask(
        signer,
        lambda client: client.pay(
            description=description.encode()[:_MOST_DESCRIPTION].decode(errors="ignore"),
            out_trade_no=out_trade_no,
            amount={"total": amount_fen, "currency": "CNY"},
            payer={"openid": openid},
            time_expire=until.isoformat(timespec="seconds"),
            attach=attach or None,
            notify_url=notify_url,
            appid=app_id,
        ),
    )
    prepay_id = told.get("prepay_id")
    if not isinstance(prepay_id, str) or not prepay_id:
        raise WechatUnavailable()
    return Prepared(prepay_id, _params(signer, app_id, prepay_id))


def params(app_id: str, prepay_id: str) -> PayParams:
    """The parameters of an order that was prepared before, signed anew."""
    return _params(_signer(), app_id, prepay_id)


def read_notification(
    headers: Mapping[str, str], body: bytes, *, mch_id: str | None = None
) -> PaidNotice | RefundNotice:
    """支付通知 and 退款通知; the merchant is found by what signed it. No tenancy is needed.

    ``PayForged`` unless it is signed by WeChat Pay within five minutes, readable with the key of
    the account and about that account (and of ``mch_id``, where the address names one). The same
    notice may come any number of times.
    """
    return pay_notices.read(headers, body, mch_id=mch_id)


def ask(out_trade_no: str) -> PaidNotice | None:
    """查单. None: WeChat Pay knows no such order."""
    signer = _signer()
    try:
        told = pay_client.ask(signer, lambda client: client.query(out_trade_no=out_trade_no))
    except PayUnknown:
        return None
    return pay_notices.order(signer, told, out_trade_no=out_trade_no)


def close(out_trade_no: str) -> None:
    """关单. From now on it cannot be paid; one that is unknown or closed is not complained of.

    ``AlreadyPaid`` if it was paid.
    """
    try:
        pay_client.ask(_signer(), lambda client: client.close(out_trade_no=out_trade_no))
    except (PayClosed, PayUnknown):
        return


def refund(
    *,
    out_trade_no: str,
    out_refund_no: str,
    refund_fen: int,
    total_fen: int,
    reason: str,
    notify_url: str,
) -> RefundNotice:
    """退款. The same refund number again is the same refund; its end is told by notice."""
    signer = _signer()
    amount: dict[str, JsonValue] = {"refund": refund_fen, "total": total_fen, "currency": "CNY"}
    told = pay_client.ask(
        signer,
        lambda client: client.refund(
            out_refund_no=out_refund_no,
            out_trade_no=out_trade_no,
            amount=amount,
            reason=reason.encode()[:_MOST_REASON].decode(errors="ignore") or None,
            notify_url=notify_url,
        ),
    )
    return pay_notices.refund(signer, told, out_refund_no=out_refund_no)


def ask_refund(out_refund_no: str) -> RefundNotice | None:
    """查询退款. None: WeChat Pay knows no such refund."""
    signer = _signer()
    try:
        told = pay_client.ask(signer, lambda client: client.query_refund(out_refund_no))
    except PayUnknown:
        return None
    return pay_notices.refund(signer, told, out_refund_no=out_refund_no)


_SHANGHAI = ZoneInfo("Asia/Shanghai")
_MOST_DESCRIPTION, _MOST_REASON = 127, 80
"""In bytes: how WeChat Pay counts Chinese is not documented alike everywhere."""


def _account(merchant_id: int) -> PayAccount | None:
    accounts = select(PayAccount).where(PayAccount.merchant_id == merchant_id)
    account = db.session.scalars(accounts).one_or_none()
    return account if account is not None and pay_keys.may_be_used(account) else None


def _signer() -> Signer:
    """Also of an account that was switched off: what was ordered must come to an end."""
    account = _account(tenancy.merchant_id())
    if account is None:
        raise PayNotOffered()
    return Signer.of(account)


def _params(signer: Signer, app_id: str, prepay_id: str) -> PayParams:
    timestamp, nonce = str(int(clock.machine_now().timestamp())), secrets.token_hex(16)
    package = f"prepay_id={prepay_id}"
    return PayParams(
        appId=app_id,
        timeStamp=timestamp,
        nonceStr=nonce,
        package=package,
        signType="RSA",
        paySign=pay_client.sign(signer, app_id, timestamp, nonce, package),
    )
