"""积分兑换卡券 (S2-29…36): templates with a price in points, of everybody or of each level."""

from typing import Annotated

from pydantic import Field

from backend.campaigns.cadence import ClaimWindow, WindowKind
from backend.campaigns.kinds.given_coupons import GivenCoupon
from backend.campaigns.kinds.points import LevelName, PointsCount
from backend.campaigns.kinds.settings import CampaignSettings
from backend.coupons.kinds import Code, Term


class ExchangeOffer(Term):
    """一张可兑换的券. A price of 0 for a level: that level may not (S2-36)."""

    template: Code
    points: PointsCount | dict[LevelName, PointsCount]

    def price(self, level: str | None) -> int:
        """The points that a level pays; 0: it may not."""
        if isinstance(self.points, int):
            return self.points
        return self.points.get(level or "", 0)


class PointsExchange(CampaignSettings):
    """积分兑换卡券's settings. ``claim_window`` is for the QR that a till shows (S2-32)."""

    introduction: Annotated[str, Field(max_length=2000)] = ""
    picture: Annotated[str, Field(max_length=300)] = ""
    offers: Annotated[tuple[ExchangeOffer, ...], Field(strict=False, max_length=100)] = ()
    claim_window: ClaimWindow = ClaimWindow(kind=WindowKind.DAYS, days=7)

    @property
    def parts_on(self) -> tuple[str, ...]:
        """One part per offer."""
        return tuple(f"offer-{place}" for place in range(len(self.offers)))

    @property
    def coupons(self) -> dict[str, tuple[GivenCoupon, ...]]:
        """One coupon for each offer."""
        return {
            part: (GivenCoupon(template=offer.template),)
            for part, offer in zip(self.parts_on, self.offers, strict=True)
        }

    def path_of(self, part: str) -> str:
        """Where a part's coupons stand in the settings."""
        return f"offers.{part.removeprefix('offer-')}"

    def template_path(self, part: str, position: int) -> str:
        """An offer is one coupon."""
        return f"{self.path_of(part)}.template"

    def offer_of(self, template: str) -> ExchangeOffer | None:
        """The offer of this template, by its code."""
        return next((offer for offer in self.offers if offer.template == template), None)
