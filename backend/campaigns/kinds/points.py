"""What the kinds that are about points share: they give no coupons, and have levels by name."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from backend.campaigns.kinds.settings import CampaignSettings

LevelName = Annotated[str, StringConstraints(min_length=1, max_length=120)]
PointsCount = Annotated[int, Field(ge=0, le=10**6)]


class PointsKind(CampaignSettings):
    """A rule about points."""

    levels_stand_in: ClassVar[str] = "levels"
    """The field that names levels."""

    @property
    def level_names(self) -> frozenset[str]:
        """会员等级 that the rule names."""
        return frozenset()
