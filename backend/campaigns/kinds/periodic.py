"""定期送券 (S3): on its own timetable, to a dynamic or a fixed audience, claimed at login."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, JsonValue, Tag, model_validator

from backend.campaigns.cadence import ClaimWindow, Timetable
from backend.campaigns.conditions import Conditions
from backend.campaigns.kinds.given_coupons import GivenCoupon, GivenCoupons
from backend.campaigns.kinds.settings import CampaignSettings
from backend.errors import ParamError
from backend.members import phones


def _phone(text: str) -> str:
    try:
        return phones.canonical(text)
    except ParamError:
        raise ValueError(phones.WRONG) from None


Phone = Annotated[str, AfterValidator(_phone)]


class DynamicAudience(Conditions):
    """指定人 (S3-19): judged anew at each cycle."""

    mode: Literal["dynamic"]


class FixedAudience(Conditions):
    """搜索人群 (S3-18): found once, when the campaign is saved, by phone or by conditions.

    ``members`` are people whom the desk found by nickname.
    """

    mode: Literal["fixed"]
    phones: Annotated[tuple[Phone, ...], Field(strict=False, max_length=10000)] = ()
    members: Annotated[tuple[int, ...], Field(strict=False, max_length=10000)] = ()

    @model_validator(mode="after")
    def _people_or_conditions(self) -> Self:
        if self.conditions and (self.phones or self.members):
            raise ValueError("phones 与 conditions 只能选一种")
        return self

    @property
    def is_by_name(self) -> bool:
        """精确搜索, as against 条件搜索."""
        return bool(self.phones or self.members)


def _mode(value: object) -> str:
    mode = value.get("mode") if isinstance(value, Mapping) else getattr(value, "mode", None)
    return str(mode)


Audience = Annotated[
    Annotated[DynamicAudience, Tag("dynamic")] | Annotated[FixedAudience, Tag("fixed")],
    Discriminator(_mode),
]


class Periodic(CampaignSettings):
    """定期送券's settings, as in the set-up file."""

    audience: Audience = DynamicAudience(mode="dynamic")
    timetable: Timetable
    claim_window: ClaimWindow
    given: GivenCoupons = Field(alias="coupons", default=())

    @property
    def parts_on(self) -> tuple[str, ...]:
        """It has one part, without a name."""
        return ("",)

    @property
    def coupons(self) -> dict[str, tuple[GivenCoupon, ...]]:
        """What it gives."""
        return {"": self.given}

    def path_of(self, part: str) -> str:
        """Where a part's coupons stand in the settings."""
        return f"coupons{part}"


_TEN = {"at": "10:00"}

PRESETS: Mapping[str, dict[str, JsonValue]] = {
    "核心客户维护": {
        "audience": {"mode": "fixed", "phones": []},
        "timetable": {"every": "month", "days": [1], **_TEN},
        "claim_window": {"kind": "days", "days": 7},
    },
    "激活新客户": {
        "audience": {
            "mode": "dynamic",
            "match": "all",
            "conditions": [
                {"field": "registered_days", "op": "between", "value": [7, 30]},
                {"field": "consumption_count", "op": "<", "value": 3},
            ],
        },
        "timetable": {"every": "week", "days": [4], **_TEN},
        "claim_window": {"kind": "days", "days": 2},
    },
    "唤醒沉睡顾客": {
        "audience": {
            "mode": "dynamic",
            "match": "all",
            "conditions": [
                {"field": "consumption_count", "days": 15, "op": "=", "value": 0},
                {"field": "consumption_count", "days": 90, "op": ">=", "value": 1},
            ],
        },
        "timetable": {"every": "week", "days": [4], **_TEN},
        "claim_window": {"kind": "days", "days": 2},
    },
}
"""Starting points on the form (S3-02…S3-04); coupons are the merchant's choice."""
