"""券面预览: a coupon as its holder will see it, from a revision or from a form being filled in."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from backend.coupons.kinds import CouponKind, Face, face, give_text, parse_rule
from backend.coupons.models import TemplateRevision
from backend.coupons.terms import FixedValidity, UseHours, parse_validity


@dataclass(frozen=True)
class Ticket:
    """What stands on the card; ``face`` is empty while the amounts are not readable."""

    title: str
    kind: str
    face: Face | None
    text: str
    validity: str
    hours: str
    stores: str


def ticket_of(revision: TemplateRevision) -> Ticket:
    """The card of what coupons of this revision promise."""
    return ticket(
        title=revision.title,
        kind=revision.kind,
        rule=revision.rule,
        minimum_fen=revision.minimum_fen,
        validity=revision.validity,
        hours=revision.hours,
        stores=len(revision.stores) if revision.stores is not None else None,
    )


def ticket(
    *,
    title: str,
    kind: str,
    rule: Mapping[str, JsonValue],
    minimum_fen: int,
    validity: Mapping[str, JsonValue],
    hours: Mapping[str, JsonValue],
    stores: int | None,
) -> Ticket:
    """The card of anything that may still be incomplete."""
    try:
        promise = parse_rule(CouponKind(kind), rule)
        shown, text = (
            face(promise, minimum_fen=minimum_fen),
            give_text(promise, minimum_fen=minimum_fen),
        )
    except (ValidationError, ValueError):
        shown, text = None, "填写金额后在这里预览"
    return Ticket(
        title=title or "券名称",
        kind=CouponKind(kind).label if kind in set(CouponKind) else "",
        face=shown,
        text=text,
        validity=validity_words(validity),
        hours=_hours(hours),
        stores="全部门店可用" if stores is None else f"{stores} 家门店可用",
    )


def validity_words(validity: Mapping[str, JsonValue]) -> str:
    """有效期 in words: ``领取后当天生效，30 天内有效``."""
    try:
        read = parse_validity(validity)
    except ValidationError:
        return "有效期未填写"
    if isinstance(read, FixedValidity):
        return f"{read.first:%Y-%m-%d} 至 {read.last:%Y-%m-%d}"
    begins = "领取当天生效" if read.after_days == 0 else f"领取后第 {read.after_days} 天生效"
    return f"{begins}，{read.days} 天有效"


def _hours(hours: Mapping[str, JsonValue]) -> str:
    try:
        return UseHours.model_validate(dict(hours)).words
    except ValidationError:
        return ""
