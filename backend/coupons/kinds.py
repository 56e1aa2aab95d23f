"""券种: the seven kinds of coupon, what each promises and how its face reads.

A rule is frozen and strict: no "5" for 5, no unknown key. Amounts are fen, rates basis points of
what is still paid (8.5折 is 8500).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from backend.money import yuan

Fen = Annotated[int, Field(gt=0, le=10**12)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Dishes = Annotated[tuple[Code, ...], Field(strict=False, min_length=1)]


class CouponKind(StrEnum):
    """券种."""

    CASH = "cash"
    EVERY_FULL = "every_full"
    DISCOUNT = "discount"
    GIFT = "gift"
    DEDUCTION = "deduction"
    GROUP_BUY = "group_buy"
    GENERAL = "general"

    @property
    def label(self) -> str:
        """The kind as people call it."""
        return _LABELS[self]


class Term(BaseModel):
    """Part of what a coupon promises: frozen, strict, nothing unknown in it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", serialize_by_alias=True)


class CashRule(Term):
    """代金券. Minus a fixed amount; no change is given."""

    value_fen: Fen


class EveryFullRule(Term):
    """每满减. Every full threshold takes the reduction off, without a cap (S0-19, S0-20)."""

    threshold_fen: Fen
    reduce_fen: Fen

    @model_validator(mode="after")
    def _at_most_the_threshold(self) -> Self:
        if self.reduce_fen > self.threshold_fen:
            raise ValueError("每满减的减额不能大于门槛")
        return self


class DiscountRule(Term):
    """折扣券. The applicable part is paid at a rate; the reduction may have a maximum."""

    rate_bp: int = Field(gt=0, lt=10_000)
    max_fen: Fen | None = None


class GiftRule(Term):
    """兑换券. So many of the named dishes are free."""

    dishes: Dishes
    quantity: int = Field(default=1, ge=1, le=1000)


class DeductionRule(Term):
    """抵扣券. Pays for one of the named dishes, up to a value."""

    dishes: Dishes
    value_fen: Fen


class GroupBuyRule(Term):
    """团购券. A set bought at ``price_fen``: one unit of each dish named (named twice: two)."""

    dishes: Dishes
    price_fen: int = Field(ge=0, le=10**12)


class GeneralRule(Term):
    """优惠券. Staff give what the text says; nothing is computed."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


Rule = (
    CashRule | EveryFullRule | DiscountRule | GiftRule | DeductionRule | GroupBuyRule | GeneralRule
)


@dataclass(frozen=True)
class Face:
    """券面. The big figure with its unit, and the condition below it."""

    figure: str
    unit: str
    condition: str

    @property
    def value(self) -> str:
        """Figure and unit as one word: ``¥100``, ``8.5折``, ``1份``."""
        return f"¥{self.figure}" if self.unit == "元" else f"{self.figure}{self.unit}"


def parse_rule(kind: CouponKind, rule: Mapping[str, object]) -> Rule:
    """The rule of a kind as stored or sent; pydantic's ValidationError names what is wrong."""
    return _RULES[kind].model_validate(dict(rule))


def face(rule: Rule, *, minimum_fen: int) -> Face:
    """券面: ``¥100 满50可用``, ``8.5折 无门槛``, ``¥100 每满300减100``."""
    condition = f"满{yuan(minimum_fen)}可用" if minimum_fen else "无门槛"
    match rule:
        case CashRule(value_fen=value_fen) | DeductionRule(value_fen=value_fen):
            return Face(yuan(value_fen), "元", condition)
        case EveryFullRule(threshold_fen=threshold_fen, reduce_fen=reduce_fen):
            steps = f"每满{yuan(threshold_fen)}减{yuan(reduce_fen)}"
            needs_more = minimum_fen > threshold_fen
            return Face(yuan(reduce_fen), "元", f"{steps}，{condition}" if needs_more else steps)
        case DiscountRule(rate_bp=rate_bp, max_fen=max_fen):
            most = f"，最多减{yuan(max_fen)}" if max_fen else ""
            return Face(_tenths(rate_bp), "折", f"{condition}{most}")
        case GiftRule(quantity=quantity):
            return Face(str(quantity), "份", condition)
        case GroupBuyRule():
            return Face("套餐", "", condition)
        case GeneralRule():
            return Face("优惠", "", condition)


def give_text(rule: Rule, *, minimum_fen: int, dish_names: Mapping[str, str] | None = None) -> str:
    """What staff should give, in one sentence; dishes by name where it is known, else by code."""
    given = _gives(rule, dish_names or {})
    return f"满{yuan(minimum_fen)}元，{given}" if minimum_fen else given


def _gives(rule: Rule, names: Mapping[str, str]) -> str:
    match rule:
        case CashRule(value_fen=value_fen):
            return f"减{yuan(value_fen)}元，不找零"
        case EveryFullRule(threshold_fen=threshold_fen, reduce_fen=reduce_fen):
            return f"每满{yuan(threshold_fen)}元减{yuan(reduce_fen)}元，上不封顶"
        case DiscountRule(rate_bp=rate_bp, max_fen=max_fen):
            most = f"，最多减{yuan(max_fen)}元" if max_fen else ""
            return f"打{_tenths(rate_bp)}折{most}"
        case GiftRule(dishes=dishes, quantity=quantity):
            return f"免费赠送{_portions(quantity, dishes, names)}"
        case DeductionRule(dishes=dishes, value_fen=value_fen):
            return f"抵扣{_portions(1, dishes, names)}，最多抵{yuan(value_fen)}元"
        case GroupBuyRule(dishes=dishes):
            return f"套餐已付款，{_listed(dishes, names)}各1份"
        case GeneralRule(text=text):
            return text


def _portions(quantity: int, dishes: tuple[str, ...], names: Mapping[str, str]) -> str:
    """``1份D001``, ``D001、D002任选2份``: a code's digits never run into the quantity."""
    listed = _listed(dishes, names)
    return f"{listed}任选{quantity}份" if len(dishes) > 1 else f"{quantity}份{listed}"


def _listed(dishes: tuple[str, ...], names: Mapping[str, str]) -> str:
    return "、".join(names.get(dish, dish) for dish in dishes)


def _tenths(rate_bp: int) -> str:
    """8500 → ``8.5``, 8000 → ``8``, 9875 → ``9.875``."""
    return f"{rate_bp / 1000:g}"


_LABELS: Mapping[CouponKind, str] = {
    CouponKind.CASH: "代金券",
    CouponKind.EVERY_FULL: "满减券",
    CouponKind.DISCOUNT: "折扣券",
    CouponKind.GIFT: "兑换券",
    CouponKind.DEDUCTION: "抵扣券",
    CouponKind.GROUP_BUY: "团购券",
    CouponKind.GENERAL: "优惠券",
}

_RULES: Mapping[CouponKind, type[Rule]] = {
    CouponKind.CASH: CashRule,
    CouponKind.EVERY_FULL: EveryFullRule,
    CouponKind.DISCOUNT: DiscountRule,
    CouponKind.GIFT: GiftRule,
    CouponKind.DEDUCTION: DeductionRule,
    CouponKind.GROUP_BUY: GroupBuyRule,
    CouponKind.GENERAL: GeneralRule,
}
