"""会员消费送优惠券 (S2-51…57): whoever pays enough finds coupons behind the QR on the receipt."""

from typing import Annotated

from pydantic import Field

from backend.campaigns.cadence import ClaimWindow
from backend.campaigns.kinds.given_coupons import GivenCoupon, GivenCoupons
from backend.campaigns.kinds.settings import CampaignSettings
from backend.coupons.kinds import Term

MOST_RULES = 50


class GiftRule(Term):
    """消费满额赠送: so much really paid (实付, S2-54), these coupons."""

    paid_fen: int = Field(ge=1, le=10**10)
    coupons: GivenCoupons = ()


class ConsumptionGift(CampaignSettings):
    """会员消费送优惠券's settings. Of several rules the highest that is met counts, or ``all``."""

    rules: Annotated[tuple[GiftRule, ...], Field(strict=False, max_length=MOST_RULES)] = ()
    all: bool = False
    claim_window: ClaimWindow

    @property
    def parts_on(self) -> tuple[str, ...]:
        """One part per rule."""
        return tuple(f"rule-{place}" for place in range(len(self.rules)))

    @property
    def coupons(self) -> dict[str, tuple[GivenCoupon, ...]]:
        """What each rule gives."""
        return {part: rule.coupons for part, rule in zip(self.parts_on, self.rules, strict=True)}

    def path_of(self, part: str) -> str:
        """Where a part's coupons stand in the settings."""
        return f"rules.{part.removeprefix('rule-')}.coupons"

    def parts_for(self, paid_fen: int) -> tuple[str, ...]:
        """Whose coupons a bill earns: of the highest rule that is met, or of all that are."""
        met = [
            (rule.paid_fen, part)
            for part, rule in zip(self.parts_on, self.rules, strict=True)
            if paid_fen >= rule.paid_fen
        ]
        if not met:
            return ()
        return tuple(part for _, part in met) if self.all else (max(met)[1],)
