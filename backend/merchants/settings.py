"""商家设置, one by one and in groups: what a merchant may set, the only defaults and bounds.

The set-up file's sections, the desk's forms and who decides by a setting share these models. A
group is stored as it was named; what is not named has its default. Message rules speak of purposes
and channels and stand in ``messaging/settings.py``.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints


class Part(BaseModel):
    """Part of a group: frozen, strict, nothing unknown in it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Sharing(StrEnum):
    """优惠共享 (R-10): exclusive is the default."""

    EXCLUSIVE = "exclusive"
    SHARED = "shared"


class Registration(StrEnum):
    """When somebody counts as registered: first phone bound, or first login."""

    PHONE = "phone"
    LOGIN = "login"


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"没有时区{name}，例：Asia/Shanghai、Asia/Tokyo")
    return name


Zone = Annotated[str, StringConstraints(max_length=40), AfterValidator(_zone)]


MOST_ROUNDING_FEN = 100_000
"""What no merchant lets 抹零 go beyond, whoever sets it."""


class HouseSettings(Part):
    """What a merchant sets one by one, each a column."""

    zone: Zone = "Asia/Shanghai"
    sharing: Sharing = Sharing.EXCLUSIVE
    registration: Registration = Registration.PHONE
    levels_match: Literal["any", "all"] = "any"
    levels_period: Literal["all", "12_months"] = "all"
    levels_keep: Literal["none", "month", "year"] = "none"
    reminder_quiet_days: int = Field(default=7, ge=0, le=365)
    rounding_fen: int = Field(default=99, ge=0, le=MOST_ROUNDING_FEN)


class Settings(Part):
    """A group of settings: a key of the set-up file and, by the same name, a column."""

    name: ClassVar[str]

    @classmethod
    def stored(cls, named: Mapping[str, JsonValue]) -> Self:
        """As the merchant's row holds them. A key of another release is passed over: it does not
        stop a till."""
        return cls.model_validate(named, strict=False, extra="ignore")


Expiry = Literal["none", "year_end"] | Annotated[int, Field(ge=1, le=120)]
"""积分有效期: never, at the end of the next year, or so many months after earning."""


class PointsSettings(Settings):
    """积分抵现, ``per_yuan`` points for ¥1 and at most ``max_bp`` of a bill; and 积分有效期."""

    name = "points"
    per_yuan: int = Field(default=100, ge=1)
    max_bp: int = Field(default=5_000, ge=0, le=10_000)
    expiry: Expiry = "none"

    @property
    def pay_bills(self) -> bool:
        """积分抵现 is offered by who names one of its figures; the other has its default."""
        return not self.model_fields_set.isdisjoint(("per_yuan", "max_bp"))

    def worth_fen(self, points: int) -> int:
        """10 points at 100 a yuan → 0.10 元; a part of a fen is not paid."""
        return points * 100 // self.per_yuan

    def needed(self, fen: int) -> int:
        """How many points pay an amount, rounded up: no fen is paid twice."""
        return -(-fen * self.per_yuan // 100)

    def most_fen(self, total_fen: int) -> int:
        """What points may pay of a bill, rounded down."""
        return total_fen * self.max_bp // 10_000


class Tier(Part):
    """充值赠送: who recharges ``principal_fen`` or more gets ``bonus_fen``."""

    principal_fen: Annotated[int, Field(ge=1, le=10**9)]
    bonus_fen: Annotated[int, Field(ge=0, le=10**9)]


class Caps(Part):
    """余额上限, bonus included; 0 or null: none."""

    registered_fen: Annotated[int, Field(ge=0, le=10**12)] | None = 500_000
    unregistered_fen: Annotated[int, Field(ge=0, le=10**12)] | None = 100_000

    def of(self, *, registered: bool) -> int | None:
        """The cap of such a member; None where there is none."""
        return (self.registered_fen if registered else self.unregistered_fen) or None


class RechargeSettings(Settings):
    """充值规则: the highest tier that is reached gives its bonus."""

    name = "recharge"
    tiers: tuple[Tier, ...] = ()
    caps: Caps = Caps()


class SmsSettings(Settings):
    """短信: the signature and how many are paid for."""

    name = "sms"
    signature: Annotated[str, StringConstraints(max_length=20)] = ""
    quota: int = Field(default=0, ge=0)


Text = Annotated[str, StringConstraints(min_length=1, max_length=600)]


class Reply(Part):
    """回复."""

    text: Text


class KeywordReply(Reply):
    """关键词回复: to this word, or to what contains it."""

    match: Literal["exact", "contains"]
    word: Annotated[str, StringConstraints(min_length=1, max_length=60)]


class ReplySettings(Settings):
    """公众号回复: to a follow, to a word, and to any other word."""

    name = "replies"
    follow: Reply | None = None
    default: Reply | None = None
    keywords: tuple[KeywordReply, ...] = ()
