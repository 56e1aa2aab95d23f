"""积分商城 of the customer: what points bring, and the coupon at once."""

from typing import Annotated

from pydantic import Field

from backend import clock
from backend.campaigns.errors import CampaignNotFound
from backend.members.view import member_view
from backend.points.exchange import ExchangeOrder, exchange
from backend.points.exchange_offers import wishes
from miniprogram_api.answers import CouponAnswer
from miniprogram_api.contract import Body, route
from miniprogram_api.customer.blueprint import blueprint
from miniprogram_api.customer.tokens import current_customer
from miniprogram_api.exchanges import ExchangeOffers


class ExchangeBody(Body):
    """Which coupon."""

    template_id: Annotated[int, Field(ge=1, le=2**63 - 1)]


@route(blueprint, "GET", "/exchanges", answer=ExchangeOffers)
def my_exchanges() -> ExchangeOffers:
    """积分商城: what may be exchanged now, at this member's price"""
    me = current_customer().member_id
    return ExchangeOffers.each(wishes(me, now=clock.now()), points_total=member_view(me).points)


@route(blueprint, "POST", "/exchanges/<campaign_id>", body=ExchangeBody, answer=CouponAnswer)
def exchange_points(campaign_id: str, body: ExchangeBody) -> CouponAnswer:
    """积分兑换: the coupon is in the card pack at once"""
    number = int(campaign_id) if campaign_id.isascii() and campaign_id.isdigit() else 0
    if not 0 < number < 2**63:
        raise CampaignNotFound()
    wanted = ExchangeOrder(number, body.template_id)
    return CouponAnswer.of(exchange(current_customer().member_id, wanted, now=clock.now()))
