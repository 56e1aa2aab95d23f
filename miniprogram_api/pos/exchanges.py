"""积分兑换 at the till: find the member, choose a coupon, let them scan the code (S2-32)."""

from datetime import datetime
from typing import Self

from flask import request

from backend import clock
from backend.coupons import qr
from backend.errors import FieldError, ParamError
from backend.members.queries import survivor_id
from backend.members.view import member_view
from backend.merchants.queries import zone
from backend.points.exchange import AtTill, ExchangeOrder, exchange_at_till
from backend.points.exchange_offers import wishes
from miniprogram_api.contract import Answer, TillBody, route
from miniprogram_api.exchanges import ExchangeOffers
from miniprogram_api.instants import shown
from miniprogram_api.pos.blueprint import blueprint
from miniprogram_api.pos.bodies import RowNumber
from miniprogram_api.pos.signature import current_till


class TillExchangeBody(TillBody):
    """Who wants which coupon."""

    member_id: RowNumber
    campaign_id: RowNumber
    template_id: RowNumber


class TillExchangeAnswer(Answer):
    """兑换成功，请顾客扫码: the code holds ``url``; past ``expires_at`` the points come back."""

    claim_id: str
    url: str
    svg: str
    points: int
    points_total: int
    expires_at: datetime | None

    @classmethod
    def of(cls, done: AtTill) -> Self:
        until = done.link.claim_until
        return cls(
            claim_id=done.link.code,
            url=done.link.address,
            svg=qr.svg(done.link.address),
            points=done.points,
            points_total=done.points_total,
            expires_at=None if until is None else shown(until, zone()),
        )


@route(blueprint, "GET", "/exchanges", answer=ExchangeOffers, query=("member_id",))
def exchange_offers() -> ExchangeOffers:
    """积分兑换: what this store's members may exchange now, at this member's price"""
    member_id = survivor_id(_member_asked())
    offers = wishes(member_id, store_code=current_till().place.code, now=clock.now())
    return ExchangeOffers.each(offers, points_total=member_view(member_id).points)


@route(
    blueprint,
    "POST",
    "/exchanges",
    body=TillExchangeBody,
    answer=TillExchangeAnswer,
    status=201,
)
def exchange_for_member(body: TillExchangeBody) -> TillExchangeAnswer:
    """积分兑换: the points are taken, the member scans the code or finds the coupon at login"""
    wanted, store = ExchangeOrder(body.campaign_id, body.template_id), current_till().place.code
    member_id = survivor_id(body.member_id)
    done = exchange_at_till(member_id, wanted, store_code=store, now=clock.now())
    return TillExchangeAnswer.of(done)


def _member_asked() -> int:
    said = request.args.get("member_id", "")
    if not (said.isascii() and said.isdigit() and 0 < len(said) < 19):
        raise ParamError(errors=[FieldError(field="member_id", message="须填会员编号")])
    return int(said)
