"""报价."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from backend import clock
from backend.coupons.errors import CouponNotFound
from backend.sales.pricing import Used
from backend.sales.quote import Quoted, quote
from miniprogram_api.contract import Answer, route
from miniprogram_api.instants import shown
from miniprogram_api.limits import note_wrong_numbers
from miniprogram_api.pos.blueprint import blueprint, counting_numbers, this_till
from miniprogram_api.pos.bodies import QuoteBody
from miniprogram_api.pos.signature import current_till


class LineReduction(Answer):
    """What is taken off one line, counted from 0."""

    line: int
    reduction_fen: int


class ChosenAnswer(Answer):
    """选用的券."""

    number: str
    title: str
    reduction_fen: int
    lines: list[LineReduction]


class CandidateAnswer(Answer):
    """候选券: ``reason`` is the text a cashier can read out."""

    number: str
    title: str
    applicable: bool
    code: str | None
    reason: str | None
    reduction_fen: int


class QuoteAnswer(Answer):
    """报价. ``reduction_fen`` = ``total_fen`` − ``to_pay_fen``; ``proven``: it is certain that no
    other choice is cheaper; ``manual_fen``: 手动批价, on top of all else; last of all
    ``rounding_fen``: 抹零."""

    quote_id: str
    total_fen: int
    reduction_fen: int
    to_pay_fen: int
    chosen: list[ChosenAnswer]
    candidates: list[CandidateAnswer]
    level_discount_fen: int
    level_lines: list[LineReduction]
    points_fen: int
    points_earned: int
    manual_fen: int
    manual_lines: list[LineReduction]
    rounding_fen: int
    rounding_lines: list[LineReduction]
    proven: bool
    expires_at: datetime

    @classmethod
    def of(cls, quoted: Quoted, zone: ZoneInfo) -> Self:
        """A quote as a till and a guest's phone are told it."""
        price = quoted.price
        return cls(
            quote_id=quoted.code,
            total_fen=price.total_fen,
            reduction_fen=price.reduction_fen,
            to_pay_fen=price.to_pay_fen,
            chosen=[_chosen(used) for used in price.chosen],
            candidates=_candidates(quoted),
            level_discount_fen=price.plan.level_fen,
            level_lines=_by_line(price.plan.level_lines),
            points_fen=price.plan.points_fen,
            points_earned=quoted.points_earned,
            manual_fen=price.plan.manual_fen,
            manual_lines=_by_line(price.plan.manual_lines),
            rounding_fen=price.plan.rounding_fen,
            rounding_lines=_by_line(price.plan.rounding_lines),
            proven=price.plan.proven,
            expires_at=shown(quoted.expires_at, zone),
        )


@route(blueprint, "POST", "/quotes", body=QuoteBody, answer=QuoteAnswer, around=counting_numbers)
def make_quote(body: QuoteBody) -> QuoteAnswer:
    """报价: what a bill would cost now, good for 10 minutes"""
    here = current_till().place
    quoted = quote(
        body.goods(),
        here=here,
        member_id=body.member_id,
        chosen=body.coupons,
        points=body.points or 0,
        bill=body.bill,
        manual=None if body.manual is None else body.manual.price(),
        rounding_fen=body.rounding_fen,
        till=this_till().name,
        now=clock.now(),
    )
    note_wrong_numbers(len(quoted.unknown))
    return QuoteAnswer.of(quoted, here.zone)


def _chosen(used: Used) -> ChosenAnswer:
    return ChosenAnswer(
        number=used.coupon.number,
        title=used.coupon.title,
        reduction_fen=used.reduction.total_fen,
        lines=_by_line(used.reduction.lines),
    )


def _by_line(lines: Sequence[int]) -> list[LineReduction]:
    return [LineReduction(line=line, reduction_fen=off) for line, off in enumerate(lines) if off]


def _candidates(quoted: Quoted) -> list[CandidateAnswer]:
    unknown = CouponNotFound()
    return [
        CandidateAnswer(
            number=each.coupon.number,
            title=each.coupon.title,
            applicable=each.refusal is None,
            code=None if each.refusal is None else each.refusal.code,
            reason=None if each.refusal is None else each.refusal.message,
            reduction_fen=each.reduction.total_fen,
        )
        for each in quoted.price.candidates
    ] + [
        CandidateAnswer(
            number=number,
            title="",
            applicable=False,
            code=unknown.code,
            reason=unknown.message,
            reduction_fen=0,
        )
        for number in quoted.unknown
    ]
