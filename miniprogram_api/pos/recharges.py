"""充值."""

from typing import Annotated

from pydantic import Field

from backend import clock
from backend.membership.recharging import recharge
from backend.merchants.queries import place
from miniprogram_api.contract import Answer, CodeText, TillBody, route
from miniprogram_api.pos.blueprint import blueprint
from miniprogram_api.pos.bodies import RowNumber
from miniprogram_api.pos.signature import current_till


class RechargeBody(TillBody):
    """``recharge`` is the till's own number of it, good for ever."""

    recharge: CodeText
    member_id: RowNumber
    principal_fen: Annotated[int, Field(ge=1, le=10**9, description="分")]


class RechargeAnswer(Answer):
    """充值结果: the balance now, and what this recharge brought."""

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
        here=place(current_till().store_code),
        now=clock.now(),
    )
    return RechargeAnswer(
        balance_fen=done.recharged.balance_fen,
        principal_fen=done.recharged.principal_fen,
        bonus_fen=done.recharged.bonus_fen,
        level=done.member.level,
    )
