"""活动设置: what every kind's settings answer. A kind that gives nothing has no parts."""

from collections.abc import Mapping
from typing import Self

from pydantic import JsonValue, ValidationError

from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds.given_coupons import GivenCoupon
from backend.coupons.kinds import Term
from backend.wrong_fields import field_errors


class CampaignSettings(Term):
    """One kind's settings, exactly as the set-up file spells them."""

    @classmethod
    def read(cls, said: Mapping[str, JsonValue]) -> Self:
        """As stored or sent; CampaignInvalid names what is wrong."""
        try:
            return cls.model_validate(dict(said))
        except ValidationError as error:
            raise CampaignInvalid(errors=field_errors(error, said=dict(said))) from None

    @property
    def parts_on(self) -> tuple[str, ...]:
        """The parts that give something."""
        return ()

    @property
    def coupons(self) -> Mapping[str, tuple[GivenCoupon, ...]]:
        """What each part gives."""
        return {}

    def path_of(self, part: str) -> str:
        """Where a part's coupons stand in the settings."""
        return part

    def template_path(self, part: str, position: int) -> str:
        """Where the template of one given coupon stands: ``coupons.2.template``."""
        return f"{self.path_of(part)}.{position}.template"
