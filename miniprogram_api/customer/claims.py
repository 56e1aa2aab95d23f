"""领取链接 of a receipt or an exchange, for the mini-program (spec/08)."""

from datetime import datetime
from typing import Literal, Self

from pydantic import ConfigDict, JsonValue

from backend import clock
from backend.campaigns import links
from backend.card_pack import behind_link
from backend.card_pack import queries as card_pack
from backend.card_pack.behind_link import PromisedCoupon
from backend.card_pack.view import CouponView
from miniprogram_api.answers import CampaignAnswer, CouponAnswer, StoreAnswer
from miniprogram_api.contract import Answer, route
from miniprogram_api.customer.blueprint import blueprint
from miniprogram_api.customer.tokens import current_customer


class CouponBehind(Answer):
    """券 behind a link. Until it is the asker's own it has no number; its times are those of a
    claim now."""

    model_config = ConfigDict(from_attributes=True)
    number: str | None = None
    title: str
    kind: str
    state: Literal["promised", "usable", "locked", "gifting", "redeemed", "expired", "revoked"] = (
        "promised"
    )
    valid_from: datetime
    valid_to: datetime
    rule: dict[str, JsonValue]
    minimum_fen: int
    stores: Literal["all"] | list[StoreAnswer]
    campaign: CampaignAnswer
    template_id: int
    template: str
    giftable: bool

    @classmethod
    def of(cls, coupon: PromisedCoupon | CouponView) -> Self:
        """The coupon as far as there is one."""
        return cls.model_validate(coupon)


class ClaimAnswer(Answer):
    """领取链接. ``claim_until`` is exclusive; null: any time."""

    state: Literal["open", "claimed", "lapsed"]
    claim_until: datetime | None
    coupons: list[CouponBehind]


class ClaimedAnswer(Answer):
    """领取结果."""

    claimed: list[CouponAnswer]


@route(blueprint, "GET", "/claims/<code>", answer=ClaimAnswer)
def claim_link(code: str) -> ClaimAnswer:
    """领取链接: whether it can still be claimed, and what stands behind it."""
    link = behind_link.shown(code, member_id=current_customer().member_id, now=clock.now())
    return ClaimAnswer(
        state=link.state,
        claim_until=link.claim_until,
        coupons=[CouponBehind.of(coupon) for coupon in link.mine or link.promised],
    )


@route(blueprint, "POST", "/claims/<code>", answer=ClaimedAnswer)
def claim_coupons(code: str) -> ClaimedAnswer:
    """领取: once, by whoever comes first; 409 ALREADY_CLAIMED for everybody after"""
    now = clock.now()
    claimed = links.claim(code, member_id=current_customer().member_id, now=now)
    return ClaimedAnswer(claimed=CouponAnswer.each(card_pack.by_ids(claimed, now=now)))
