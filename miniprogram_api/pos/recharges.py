"""充值, 撤销充值."""

from typing import Annotated

from pydantic import Field

from backend import clock
from backend.membership.recharging import AfterRecharge, recharge, reverse
from miniprogram_api.contract import Answer, CodeText, TillBody, route
from miniprogram_api.pos.blueprint import blueprint, this_till
from miniprogram_api.pos.bodies import RowNumber
from miniprogram_api.pos.signature import current_till


class RechargeBody(TillBody):
    """``recharge`` is the till's own number of it, good for ever."""

    recharge: CodeText
    member_id: RowNumber
    principal_fen: Annotated[int, Field(ge=1, le=10**9, description="分")]


class ReverseBody(TillBody):
    """``reversal`` is the till's own number of it, good for ever; ``operator`` who did it."""

    reversal: CodeText
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    operator: Annotated[str, Field(max_length=40)] = ""


class RechargeAnswer(Answer):
    """充值结果: the balance now, and what this recharge brought; reversed, what went."""

    balance_fen: int
    principal_fen: int
    bonus_fen: int
    level: str | None


@route(blueprint, "POST", "/recharges", body=RechargeBody, answer=RechargeAnswer)
def recharge_member(body: RechargeBody) -> RechargeAnswer:
    """充值: the same number answers the first time's figures"""
    done = recharge(
        body.member_id,
        number=body.recharge,
        principal_fen=body.principal_fen,
        here=current_till().place,
        now=clock.now(),
    )
    return _answer(done)


@route(blueprint, "POST", "/recharges/<recharge>/reverse", body=ReverseBody, answer=RechargeAnswer)
def reverse_recharge(recharge: str, body: ReverseBody) -> RechargeAnswer:
    """撤销充值 while all of it is there: the same reversal number answers the same figures"""
    till = this_till().name
    done = reverse(
        recharge,
        reversal=body.reversal,
        reason=body.reason,
        actor=" · ".join(part for part in (till, body.operator) if part),
        origin=till,
        here=current_till().place,
        now=clock.now(),
    )
    return _answer(done)


def _answer(done: AfterRecharge) -> RechargeAnswer:
    return RechargeAnswer(
        balance_fen=done.recharged.balance_fen,
        principal_fen=done.recharged.principal_fen,
        bonus_fen=done.recharged.bonus_fen,
        level=done.member.level,
    )
