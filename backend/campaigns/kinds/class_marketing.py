"""票券营销 (S0): coupons by customer class, on follow and in the waves at 09:00 and 16:00."""

from enum import StrEnum

from backend.campaigns.kinds.given_coupons import GivenCoupon, GivenCoupons
from backend.campaigns.kinds.settings import CampaignSettings
from backend.campaigns.templates import TemplateDraft
from backend.coupons.kinds import CouponKind, Term
from backend.members.models import CustomerClass


class Part(StrEnum):
    """新客, 普通客, 忠诚客: a part serves the class of its name."""

    NEW = CustomerClass.NEW.value
    ORDINARY = CustomerClass.ORDINARY.value
    LOYAL = CustomerClass.LOYAL.value

    @property
    def label(self) -> str:
        """The part as people call it."""
        return {"new": "新客", "ordinary": "普通客", "loyal": "忠诚客"}[self.value]


class NewPart(Term):
    """新客. Not granted again when gone, unless it says so (R-03)."""

    on: bool = True
    again: bool = False
    coupons: GivenCoupons = ()


class RegularPart(Term):
    """普通客, 忠诚客. Granted again when gone, unless it says otherwise (R-03)."""

    on: bool = True
    again: bool = True
    coupons: GivenCoupons = ()


class Parts(Term):
    """三大类 (S0-17). A part that is not named is off."""

    new: NewPart = NewPart(on=False)
    ordinary: RegularPart = RegularPart(on=False)
    loyal: RegularPart = RegularPart(on=False)


class ClassMarketing(CampaignSettings):
    """票券营销's settings, as in the set-up file."""

    parts: Parts

    def part(self, part: Part) -> NewPart | RegularPart:
        """The settings of one part."""
        settings: NewPart | RegularPart = getattr(self.parts, part.value)
        return settings

    @property
    def parts_on(self) -> tuple[Part, ...]:
        """Which classes are served."""
        return tuple(part for part in Part if self.part(part).on)

    @property
    def coupons(self) -> dict[str, tuple[GivenCoupon, ...]]:
        """What each part gives."""
        return {part.value: self.part(part).coupons for part in Part}

    def path_of(self, part: str) -> str:
        """Where a part's coupons stand in the settings."""
        return f"parts.{part}.coupons"


DEFAULT_CODE = "default"

DEFAULT_TEMPLATES = (
    TemplateDraft(
        code="default-new",
        kind=CouponKind.CASH,
        title="新客代金券10元",
        rule={"value_fen": 1000},
        minimum_fen=5000,
        validity={"days": 7},
    ),
    TemplateDraft(
        code="default-ordinary",
        kind=CouponKind.EVERY_FULL,
        title="每满100减15",
        rule={"threshold_fen": 10000, "reduce_fen": 1500},
        validity={"days": 15},
    ),
    TemplateDraft(
        code="default-loyal",
        kind=CouponKind.EVERY_FULL,
        title="每满100减20",
        rule={"threshold_fen": 10000, "reduce_fen": 2000},
        validity={"days": 30},
    ),
)


def default_plan() -> ClassMarketing:
    """默认方案 (S0-18): what a merchant gives that never edited its plan."""
    new, ordinary, loyal = (
        (GivenCoupon(template=template.code),) for template in DEFAULT_TEMPLATES
    )
    return ClassMarketing(
        parts=Parts(
            new=NewPart(coupons=new),
            ordinary=RegularPart(coupons=ordinary),
            loyal=RegularPart(coupons=loyal),
        )
    )
