"""锁券, 解锁, 结账, 补记会员, 退款."""

from datetime import datetime, timedelta
from typing import Self

from pydantic import ConfigDict, Field

from backend import clock
from backend.campaigns.links import address
from backend.coupons import qr
from backend.errors import FieldError, ParamError
from backend.open_bills.giving_back import refund
from backend.open_bills.locks import unlock
from backend.open_bills.settling import settle
from backend.sales.lock import lock
from backend.sales.naming import name_member
from backend.sales.queries import Settlement
from backend.sales.receipt import ReceiptData
from miniprogram_api.answers import CouponAnswer
from miniprogram_api.contract import Answer, route
from miniprogram_api.instants import shown
from miniprogram_api.pos.blueprint import blueprint, counting_numbers, this_till
from miniprogram_api.pos.bodies import LockBody, MemberBody, RefundBody, SettleBody, UnlockBody
from miniprogram_api.pos.numbers import refuse_number
from miniprogram_api.pos.receipts import PAPER, Printable, paper_width, printable
from miniprogram_api.pos.signature import current_till

TILL_MAY_BE_AHEAD = timedelta(minutes=5)


class LockAnswer(Answer):
    """锁券结果."""

    bill: str
    locked: list[str]
    expires_at: datetime


class UnlockAnswer(Answer):
    """解锁结果."""

    bill: str
    unlocked: list[str]


class GiftAnswer(Answer):
    """会员消费送优惠券: the code for the receipt, claimed once by whoever scans it first."""

    id: str
    url: str
    svg: str

    @classmethod
    def of(cls, code: str | None) -> Self | None:
        """The claim link with its picture; None: nothing was earned."""
        if code is None:
            return None
        url = address(code)
        return cls(id=code, url=url, svg=qr.svg(url))


class SettleAnswer(Answer):
    """结账结果. Points, balance, class and level are the member's; without one they are null."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)
    bill: str
    paid_fen: int
    reduction_fen: int
    points_earned: int
    points_total: int | None
    balance_fen: int | None
    customer_class: str | None = Field(serialization_alias="class")
    level: str | None
    gift: GiftAnswer | None
    receipt: ReceiptData
    receipt_text: str
    receipt_escpos: Printable

    @classmethod
    def of(cls, done: Settlement) -> Self:
        """结账结果, the bytes for the paper that was asked for."""
        return cls(
            bill=done.bill,
            paid_fen=done.paid_fen,
            reduction_fen=done.reduction_fen,
            points_earned=done.points_earned,
            points_total=done.points_total,
            balance_fen=done.balance_fen,
            customer_class=done.customer_class,
            level=done.level,
            gift=GiftAnswer.of(done.gift),
            receipt=done.receipt,
            receipt_text=done.receipt_text,
            receipt_escpos=printable(done.receipt, paper_width()),
        )


class RefundAnswer(Answer):
    """退款结果. ``refunded_fen`` is money, ``balance_refunded_fen`` of it went to the balance;
    ``coupons`` are those that came back, as they are now."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)
    refund: str
    refunded_fen: int
    balance_refunded_fen: int
    points_returned: int
    points_taken_back: int
    coupons: list[CouponAnswer]
    points_total: int | None
    balance_fen: int | None
    customer_class: str | None = Field(serialization_alias="class")
    level: str | None


@route(
    blueprint,
    "POST",
    "/bills/<bill>/lock",
    body=LockBody,
    answer=LockAnswer,
    around=counting_numbers,
)
def lock_coupons(bill: str, body: LockBody) -> LockAnswer:
    """锁券: held for this bill for 15 minutes"""
    here, now = current_till().place, clock.now()
    refuse_number(bill, longest=48)
    held = lock(body.coupons, bill=bill, here=here, actor=this_till().name, now=now)
    return LockAnswer(
        bill=bill, locked=list(held.numbers), expires_at=shown(held.expires_at, here.zone)
    )


@route(
    blueprint,
    "POST",
    "/bills/<bill>/unlock",
    body=UnlockBody,
    answer=UnlockAnswer,
    around=counting_numbers,
)
def unlock_coupons(bill: str, body: UnlockBody) -> UnlockAnswer:
    """解锁: these coupons, or all of the bill's"""
    here = current_till().place
    refuse_number(bill, longest=48)
    freed = unlock(body.coupons, bill=bill, here=here, actor=this_till().name, now=clock.now())
    return UnlockAnswer(bill=bill, unlocked=list(freed))


@route(
    blueprint,
    "POST",
    "/bills/<bill>/settle",
    body=SettleBody,
    answer=SettleAnswer,
    status=201,
    query=PAPER,
    around=counting_numbers,
)
def settle_bill(bill: str, body: SettleBody) -> SettleAnswer:
    """结账: the same bill number with the same content answers the first answer"""
    here, now = current_till().place, clock.now()
    refuse_number(bill, longest=64)
    refuse_ahead(body.settled_at, now=now)
    return SettleAnswer.of(settle(body.bill(bill), here=here, by=this_till(), now=now))


@route(
    blueprint,
    "POST",
    "/bills/<bill>/member",
    body=MemberBody,
    answer=SettleAnswer,
    query=PAPER,
)
def name_bill_member(bill: str, body: MemberBody) -> SettleAnswer:
    """补记会员: a bill settled without a member gets its guest, once, on the same day"""
    here, till = current_till().place, this_till().name
    refuse_number(bill, longest=64)
    named = name_member(
        bill, body.member_id, here=here, by=body.operator or till, origin=till, now=clock.now()
    )
    return SettleAnswer.of(named)


@route(blueprint, "POST", "/bills/<bill>/refund", body=RefundBody, answer=RefundAnswer)
def refund_bill(bill: str, body: RefundBody) -> RefundAnswer:
    """退款, whole or by lines: the same refund number answers the first answer"""
    here = current_till().place
    refuse_number(bill, longest=64)
    done = refund(body.order(), bill=bill, here=here, by=this_till().name, now=clock.now())
    told = done.refunded
    return RefundAnswer(
        refund=told.refund,
        refunded_fen=told.refunded_fen,
        balance_refunded_fen=told.balance_back_fen,
        points_returned=told.points_back,
        points_taken_back=told.points_taken,
        coupons=CouponAnswer.each(done.coupons),
        points_total=told.points_total,
        balance_fen=told.balance_fen,
        customer_class=told.customer_class,
        level=told.level,
    )


def refuse_ahead(settled_at: datetime, *, now: datetime) -> None:
    """ParamError for a till whose clock is more than 5 minutes ahead."""
    if settled_at > now + TILL_MAY_BE_AHEAD:
        raise ParamError(errors=[FieldError(field="settled_at", message="结账时间晚于当前时间")])
