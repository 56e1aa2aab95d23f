"""微信支付 (JSAPI, API v3): have a guest pay, ask, close, refund, and read what WeChat Pay tells.

Every call acts for the current merchant (``tenancy.acting_for``) and is never made inside a
transaction. Times in notices are WeChat's, the machine's. Errors: ``PayNotOffered`` without an
active account, ``WechatUnavailable`` when nobody knows (ask again, or send the same again),
``PayRefused`` when WeChat Pay said no.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypedDict

from backend.wechat.models import PayAccount


class TradeState(StrEnum):
    """交易状态. ``REFUND`` was paid and something of it was given back."""

    SUCCESS = "SUCCESS"
    REFUND = "REFUND"
    NOTPAY = "NOTPAY"
    CLOSED = "CLOSED"
    REVOKED = "REVOKED"
    USERPAYING = "USERPAYING"
    PAYERROR = "PAYERROR"


class RefundState(StrEnum):
    """退款状态. ``ABNORMAL``: the guest's account does not take it; staff must see to it."""

    SUCCESS = "SUCCESS"
    PROCESSING = "PROCESSING"
    CLOSED = "CLOSED"
    ABNORMAL = "ABNORMAL"


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


@dataclass(frozen=True)
class PaidNotice:
    """订单 as WeChat Pay has it. Unless it was paid, ``transaction_id`` and ``openid`` are empty
    and ``paid_at`` is None; ``amount_fen`` is what was asked for."""

    merchant_id: int
    out_trade_no: str
    state: TradeState
    transaction_id: str
    amount_fen: int
    app_id: str
    openid: str
    attach: str
    paid_at: datetime | None

    @property
    def is_paid(self) -> bool:
        return self.state in (TradeState.SUCCESS, TradeState.REFUND)


@dataclass(frozen=True)
class RefundNotice:
    """退款 as WeChat Pay has it."""

    merchant_id: int
    out_trade_no: str
    out_refund_no: str
    refund_id: str
    state: RefundState
    refund_fen: int
    refunded_at: datetime | None


def account_of(merchant_id: int) -> PayAccount | None:
    """The merchant's active 商户号."""
    raise NotImplementedError


def available(merchant_id: int) -> bool:
    """Whether guests of this merchant can pay by phone."""
    raise NotImplementedError


def notify_address(merchant_id: int) -> str:
    """``notify_url`` of this merchant: PUBLIC_URL/wechat/pay/notify/<mch_id>."""
    raise NotImplementedError


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

    ``AlreadyPaid`` if this number was paid; ``PayRefused`` if it was closed, or differs.
    """
    raise NotImplementedError


def read_notification(
    headers: Mapping[str, str], body: bytes, *, mch_id: str | None = None
) -> PaidNotice | RefundNotice:
    """支付通知 and 退款通知; the merchant is found by what signed it. No tenancy is needed.

    ``PayForged`` unless it is signed by WeChat Pay within five minutes, readable with the key of
    the account and about that account (and of ``mch_id``, where the address names one).
    """
    raise NotImplementedError


def ask(out_trade_no: str) -> PaidNotice | None:
    """查单. None: WeChat Pay knows no such order."""
    raise NotImplementedError


def close(out_trade_no: str) -> None:
    """关单. It can no longer be paid; an unknown or closed one too. ``AlreadyPaid`` if it was."""
    raise NotImplementedError


def refund(
    *,
    out_trade_no: str,
    out_refund_no: str,
    refund_fen: int,
    total_fen: int,
    reason: str,
    notify_url: str,
) -> RefundNotice:
    """退款. The same refund number again is the same refund."""
    raise NotImplementedError


def ask_refund(out_refund_no: str) -> RefundNotice | None:
    """查询退款. None: WeChat Pay knows no such refund."""
    raise NotImplementedError
