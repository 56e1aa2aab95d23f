"""积分商城 as members and tills are answered."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field, JsonValue

from backend.points.exchange_offers import ExchangeOption
from miniprogram_api.contract import Answer


class ExchangeOffer(Answer):
    """一张可兑换的券. ``points`` is this member's price, 0 where their level may not; ``left``: in
    stock, null for 不限量; ``code`` and ``reason`` say why it is not eligible."""

    campaign_id: int
    template_id: int
    title: str
    points: int
    eligible: bool
    campaign: str
    introduction: str
    picture: str
    kind: str
    rule: dict[str, JsonValue]
    minimum_fen: int
    description: str
    left: int | None = Field(description="null：不限量")
    code: str | None
    reason: str | None

    @classmethod
    def of(cls, wish: ExchangeOption) -> Self:
        return cls(
            campaign_id=wish.campaign.id,
            template_id=wish.template_id,
            title=wish.title,
            points=wish.points,
            eligible=wish.eligible,
            campaign=wish.campaign.name,
            introduction=wish.introduction,
            picture=wish.picture,
            kind=wish.kind,
            rule=wish.rule,
            minimum_fen=wish.minimum_fen,
            description=wish.description,
            left=wish.left,
            code=wish.refusal.code if wish.refusal else None,
            reason=wish.refusal.message if wish.refusal else None,
        )


class ExchangeOffers(Answer):
    """积分商城; ``points_total`` is what the member has."""

    items: list[ExchangeOffer]
    points_total: int

    @classmethod
    def each(cls, wishes: Sequence[ExchangeOption], *, points_total: int) -> Self:
        return cls(items=[ExchangeOffer.of(wish) for wish in wishes], points_total=points_total)
