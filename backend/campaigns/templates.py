"""券模板: saved as drafts; what it promises becomes a new revision, its limits change in place.

Coupons keep the revision they were granted under (S4-04, R-21): nothing here touches them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, JsonValue, ValidationError
from sqlalchemy import func, select, update

from backend import tenancy
from backend.campaigns.models import Grant, GrantState, OfferPiece
from backend.coupons import stock
from backend.coupons.errors import TemplateInvalid, TemplateNotFound
from backend.coupons.kinds import CouponKind, parse_rule
from backend.coupons.models import CouponTemplate, TemplateRevision
from backend.coupons.terms import Combine, Scope, UseHours, parse_validity
from backend.database import changed, db, table_of, transactional
from backend.errors import FieldError
from backend.wrong_fields import field_errors

_grants, _pieces = table_of(Grant), table_of(OfferPiece)


@dataclass(frozen=True)
class TemplateDraft:
    """券模板 as a form or a set-up file gives it; unread until it is saved."""

    code: str
    kind: str
    title: str
    rule: Mapping[str, JsonValue]
    validity: Mapping[str, JsonValue]
    stores: tuple[str, ...] | None = None
    giftable: bool = False
    stock: int | None = None
    per_member: int | None = None
    per_day: int | None = None
    minimum_fen: int = 0
    scope: Mapping[str, JsonValue] = field(default_factory=dict)
    weekdays: tuple[int, ...] = ()
    hours: tuple[str, ...] = ()
    combine: Mapping[str, JsonValue] = field(default_factory=dict)
    max_per_bill: int = 1
    colour: str = ""
    picture: str = ""
    description: str = ""
    notice: str = ""


@transactional
def save(draft: TemplateDraft, *, now: datetime) -> CouponTemplate:
    """Make the template of this code, or bring it up to date.

    A changed promise is a new revision; stock and limits change in place, stock never below what
    is issued (StockBelowIssued).
    """
    promise = _promise(draft)
    template = by_code(draft.code)
    if template is None:
        template = CouponTemplate(
            code=draft.code, title=draft.title, kind=draft.kind, created_at=now
        )
        db.session.add(template)
        db.session.flush()
    newest = tenancy.find(TemplateRevision, template.revision_id) if template.revision_id else None
    if newest is None or any(getattr(newest, name) != value for name, value in promise.items()):
        newest = TemplateRevision(
            template_id=template.id,
            number=newest.number + 1 if newest else 1,
            created_at=now,
            **promise,
        )
        db.session.add(newest)
        db.session.flush()
    template.revision_id = newest.id
    template.title, template.kind = newest.title, newest.kind
    template.stores = newest.stores
    template.per_member, template.per_day = draft.per_member, draft.per_day
    db.session.flush()
    _limit(template.id, draft.stock)
    db.session.refresh(template)
    return template


def by_code(code: str) -> CouponTemplate | None:
    """The template of this code."""
    return db.session.scalars(
        select(CouponTemplate).where(CouponTemplate.code == code)
    ).one_or_none()


@transactional
def archive(template_id: int, *, archived: bool = True) -> None:
    """停用. An archived template is offered to nobody; its coupons stay good."""
    table = table_of(CouponTemplate)
    if not changed(
        update(table)
        .where(table.c.merchant_id == tenancy.merchant_id(), table.c.id == template_id)
        .values(archived=archived)
    ):
        raise TemplateNotFound()


def _limit(template_id: int, pieces: int | None) -> None:
    """库存. A template that counts from now on counts what it has issued."""
    if pieces is not None and stock.left(template_id) is None:
        stock.count_from(template_id, issued=_promised(template_id))
    stock.limit(template_id, pieces)


def _promised(template_id: int) -> int:
    """Pieces promised by grants that have not lapsed."""
    return int(
        db.session.connection().scalar(
            select(func.count())
            .select_from(_pieces)
            .join(_grants, _grants.c.offer_id == _pieces.c.offer_id)
            .where(
                _pieces.c.merchant_id == tenancy.merchant_id(),
                _pieces.c.template_id == template_id,
                _grants.c.merchant_id == tenancy.merchant_id(),
                _grants.c.state.in_((GrantState.OPEN, GrantState.LINKED, GrantState.CLAIMED)),
            )
        )
        or 0
    )


def _promise(draft: TemplateDraft) -> dict[str, JsonValue]:
    """What coupons of this draft promise, read by the kinds' own rules, as it is stored."""
    if draft.kind not in set(CouponKind):
        raise TemplateInvalid(errors=[FieldError(field="kind", message="没有这种券")])
    kind = CouponKind(draft.kind)
    terms: dict[str, Callable[[], BaseModel]] = {
        "rule": lambda: parse_rule(kind, draft.rule),
        "scope": lambda: Scope.model_validate(draft.scope),
        "hours": lambda: UseHours.model_validate(
            {"weekdays": draft.weekdays, "hours": draft.hours}
        ),
        "validity": lambda: parse_validity(draft.validity),
        "combine": lambda: Combine.model_validate(draft.combine),
    }
    errors = _limits(draft)
    promise: dict[str, JsonValue] = {
        "title": draft.title,
        "kind": kind.value,
        "stores": None if draft.stores is None else list(draft.stores),
        "minimum_fen": draft.minimum_fen,
        "max_per_bill": draft.max_per_bill,
        "giftable": draft.giftable,
        "colour": draft.colour,
        "picture": draft.picture,
        "description": draft.description,
        "notice": draft.notice,
    }
    for name, read in terms.items():
        try:
            promise[name] = read().model_dump(mode="json")
        except ValidationError as error:
            said = None if name == "hours" else getattr(draft, name)
            errors.extend(field_errors(error, below=name, said=said))
    if errors:
        raise TemplateInvalid(errors=errors)
    return promise


def _limits(draft: TemplateDraft) -> list[FieldError]:
    """Numbers and words that no term of the promise reads."""
    wrong = {
        "code": (not 1 <= len(draft.code) <= 64, "1 到 64 个字"),
        "title": (not 1 <= len(draft.title) <= 120, "1 到 120 个字"),
        "minimum_fen": (not 0 <= draft.minimum_fen <= 10**12, "不能小于0"),
        "max_per_bill": (draft.max_per_bill < 1, "不能小于1"),
        "stock": (draft.stock is not None and draft.stock < 0, "不能小于0"),
        "per_member": (draft.per_member is not None and draft.per_member < 1, "不能小于1"),
        "per_day": (draft.per_day is not None and draft.per_day < 1, "不能小于1"),
        "stores": (draft.stores == (), "请至少选择一个门店"),
    }
    return [
        FieldError(field=name, message=words)
        for name, (is_wrong, words) in wrong.items()
        if is_wrong
    ]
