"""支付通知: orders and refunds as WeChat Pay tells them, asked for or by notice."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel
from sqlalchemy import select

from backend import clock, tenancy
from backend.database import db
from backend.wechat import pay_client, pay_keys
from backend.wechat.errors import PayForged, WechatUnavailable
from backend.wechat.models import PayAccount
from backend.wechat.pay_client import Object, Signer

MOST_AGE = timedelta(minutes=5)


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


@dataclass(frozen=True)
class PaidNotice:
    """订单 as WeChat Pay has it. Unless it was paid, ``transaction_id`` and ``openid`` may be empty
    and ``paid_at`` is None; ``amount_fen`` is what was asked for, 0 where it is not told."""

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


def read(
    headers: Mapping[str, str], body: bytes, *, mch_id: str | None
) -> PaidNotice | RefundNotice:
    """The notice in a request, or ``PayForged``; whoever sent it learns nothing of the reason."""
    if not _is_fresh(headers.get(pay_client.TIMESTAMP, "")):
        raise PayForged()
    for signer in _signers(headers.get(pay_client.SERIAL, ""), mch_id):
        if told := pay_client.opened(signer, headers, body):
            return _noticed(signer, told)
    raise PayForged()


def order(signer: Signer, told: Object, *, out_trade_no: str) -> PaidNotice:
    """The order of this number in an answer; about anything else nothing is known."""
    try:
        return _order(signer, told, out_trade_no)
    except ValueError:
        pass
    raise WechatUnavailable()


def refund(signer: Signer, told: Object, *, out_refund_no: str) -> RefundNotice:
    """The refund of this number in an answer; about anything else nothing is known."""
    try:
        answer = _Refund.model_validate(told)
        if answer.out_refund_no == out_refund_no:
            return answer.notice(signer)
    except ValueError:
        pass
    raise WechatUnavailable()


class _Amount(BaseModel):
    total: int = 0
    refund: int = 0


class _Payer(BaseModel):
    openid: str = ""


class _Order(BaseModel):
    mchid: str
    appid: str
    out_trade_no: str
    trade_state: TradeState
    transaction_id: str = ""
    success_time: AwareDatetime | None = None
    amount: _Amount = _Amount()
    payer: _Payer = _Payer()
    attach: str = ""


class _Refund(BaseModel):
    """``status`` in an answer is ``refund_status`` in a notice; only a notice names the mchid."""

    out_trade_no: str
    out_refund_no: str
    refund_id: str
    status: RefundState
    success_time: AwareDatetime | None = None
    amount: _Amount

    def notice(self, signer: Signer) -> RefundNotice:
        return RefundNotice(
            signer.merchant_id,
            self.out_trade_no,
            self.out_refund_no,
            self.refund_id,
            self.status,
            self.amount.refund,
            self.success_time,
        )


def _order(signer: Signer, told: object, out_trade_no: str | None = None) -> PaidNotice:
    """``ValueError`` unless it is an order of this account, told whole if it was paid."""
    answer = _Order.model_validate(told)
    if answer.mchid != signer.mch_id or out_trade_no not in (None, answer.out_trade_no):
        raise ValueError("another order")
    notice = PaidNotice(
        signer.merchant_id,
        answer.out_trade_no,
        answer.trade_state,
        answer.transaction_id,
        answer.amount.total,
        answer.appid,
        answer.payer.openid,
        answer.attach,
        answer.success_time,
    )
    if notice.is_paid and not (notice.transaction_id and notice.amount_fen and notice.paid_at):
        raise ValueError("paid, but not what and when")
    return notice


def _noticed(signer: Signer, told: Object) -> PaidNotice | RefundNotice:
    kind, resource = str(told.get("event_type", "")), told.get("resource")
    if not isinstance(resource, dict):
        raise PayForged()
    try:
        if kind.startswith("TRANSACTION."):
            return _order(signer, resource)
        if kind.startswith("REFUND.") and resource.get("mchid") == signer.mch_id:
            status = resource.get("refund_status")
            return _Refund.model_validate({**resource, "status": status}).notice(signer)
    except ValueError:
        pass
    raise PayForged()


def _signers(serial: str, mch_id: str | None) -> list[Signer]:
    """Whose notice it may be: also of an account that was switched off, it may have been paid."""
    accounts = select(PayAccount).where(PayAccount.public_key_id == serial).order_by(PayAccount.id)
    if mch_id is not None:
        accounts = accounts.where(PayAccount.mch_id == mch_id)
    with tenancy.across_merchants("a notice of WeChat Pay names no merchant of ours"):
        found = db.session.scalars(accounts).all()
    return [Signer.of(account) for account in found if pay_keys.may_be_used(account)]


def _is_fresh(timestamp: str) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        return False
    age = clock.machine_now().timestamp() - int(timestamp)
    return abs(age) <= MOST_AGE.total_seconds()
