"""What the kinds that are about points share: they give no coupons, and have levels by name."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from backend.campaigns.kinds.gives import GivenCoupon
from backend.coupons.kinds import Term

LevelName = Annotated[str, StringConstraints(min_length=1, max_length=120)]
PointsCount = Annotated[int, Field(ge=0, le=10**6)]


class PointsKind(Term):
    """A rule about points."""

    @property
    def parts_on(self) -> tuple[str, ...]:
        """Nobody is granted anything."""
        return ()

    @property
    def coupons(self) -> Mapping[str, tuple[GivenCoupon, ...]]:
        """None."""
        return {}

    def path_of(self, part: str) -> str:
        """Where a part's coupons would stand."""
        return part

    levels_stand_in: ClassVar[str] = "levels"
    """The field that names levels."""

    @property
    def level_names(self) -> frozenset[str]:
        """会员等级 that the rule names."""
        return frozenset()
