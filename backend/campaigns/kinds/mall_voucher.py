"""聚微量票券核销 (S1-11…14): joins a mall's product to a local template, one campaign each."""

from pydantic import Field

from backend.campaigns.kinds.given_coupons import GivenCoupon
from backend.campaigns.kinds.settings import CampaignSettings
from backend.coupons.kinds import Code


class MallVoucher(CampaignSettings):
    """聚微量票券核销's settings. ``store`` is the one that the mall shop is bound to."""

    product: Code
    template: Code
    store: Code | None = Field(default=None)

    @property
    def parts_on(self) -> tuple[str, ...]:
        """It has one part, without a name."""
        return ("",)

    @property
    def coupons(self) -> dict[str, tuple[GivenCoupon, ...]]:
        """One coupon for each voucher sold."""
        return {"": (GivenCoupon(template=self.template),)}

    def path_of(self, part: str) -> str:
        """Where its template stands in the settings."""
        return f"template{part}"

    def template_path(self, part: str, position: int) -> str:
        """A product is one coupon."""
        return self.path_of(part)
