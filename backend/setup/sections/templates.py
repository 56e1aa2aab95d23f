"""``templates``: 券模板. What a rule, a scope or a validity may hold is said in ``coupons``."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints
from sqlalchemy import select

from backend import tenancy
from backend.campaigns import templates
from backend.campaigns.templates import TemplateDraft
from backend.coupons.models import CouponTemplate, TemplateRevision
from backend.database import db
from backend.merchants.models import Store
from backend.setup.applying import Applying
from backend.setup.section import Code, Fen, Name, Section, too_low

_Object = dict[str, JsonValue]
_Count = Annotated[int, Field(ge=1, le=10**9)]


class TemplateEntry(Section):
    code: Code
    kind: str | None = None
    title: Name | None = None
    rule: _Object | None = None
    validity: _Object | None = None
    stores: Literal["all"] | list[str] = "all"
    giftable: bool = False
    stock: Annotated[int, Field(ge=0, le=10**9)] | None = None
    per_member: _Count | None = None
    per_day: _Count | None = None
    minimum_fen: Fen = 0
    scope: _Object = {}
    weekdays: list[int] = []
    hours: list[str] = []
    combine: _Object = {}
    max_per_bill: int = Field(default=1, ge=1, le=100)
    colour: Annotated[str, StringConstraints(max_length=16)] = ""
    picture: Annotated[str, StringConstraints(max_length=300)] = ""
    description: str = ""
    notice: Annotated[str, StringConstraints(max_length=300)] = ""
    archived: bool = False


_NEEDED = ("kind", "title", "rule", "validity")


def apply(entries: Sequence[TemplateEntry], run: Applying, *, at: str) -> None:
    """券模板. A changed promise makes a new revision, limits change in place (R-21)."""
    known = set(db.session.scalars(select(Store.code)))
    for position, entry in enumerate(entries):
        path = f"{at}.{position}"
        stores = [] if entry.stores == "all" else entry.stores
        if unknown := [code for code in stores if code not in known]:
            run.refuse(f"{path}.stores", f"没有门店{'、'.join(unknown)}")
            continue
        template = templates.by_code(entry.code)
        before = _as_entry(template) if template else None
        wanted = before.model_copy(update=entry.named(*entry.model_fields_set)) if before else entry
        missing = [name for name in _NEEDED if getattr(wanted, name) is None]
        for name in missing:
            run.refuse(f"{path}.{name}", "必填")
        rate_bp = (wanted.rule or {}).get("rate_bp")
        was_bp = (before.rule or {}).get("rate_bp") if before else None
        if rate_bp != was_bp and (words := too_low(rate_bp)):
            run.refuse(f"{path}.rule.rate_bp", words)
            continue
        if not missing and wanted != before:
            with run.entry(path):
                _save(wanted, before, run)


def export() -> list[JsonValue]:
    """The templates as they promise now."""
    rows = db.session.scalars(select(CouponTemplate).order_by(CouponTemplate.id)).all()
    return [_told(_as_entry(template)) for template in rows]


def _save(wanted: TemplateEntry, before: TemplateEntry | None, run: Applying) -> None:
    saved = templates.save(_draft(wanted), now=run.now)
    if wanted.archived is not saved.archived:
        templates.archive(saved.id, archived=wanted.archived)
        db.session.refresh(saved)
    after = _told(_as_entry(saved))
    if before is None:
        run.note(f"template {wanted.code}", before=None, after=after)
    elif (earlier := _told(before)) != after:
        run.note(f"template {wanted.code}", before=earlier, after=after)


def _draft(entry: TemplateEntry) -> TemplateDraft:
    return TemplateDraft(
        code=entry.code,
        kind=entry.kind or "",
        title=entry.title or "",
        rule=entry.rule or {},
        validity=entry.validity or {},
        stores=None if entry.stores == "all" else tuple(entry.stores),
        giftable=entry.giftable,
        stock=entry.stock,
        per_member=entry.per_member,
        per_day=entry.per_day,
        minimum_fen=entry.minimum_fen,
        scope=entry.scope,
        weekdays=tuple(entry.weekdays),
        hours=tuple(entry.hours),
        combine=entry.combine,
        max_per_bill=entry.max_per_bill,
        colour=entry.colour,
        picture=entry.picture,
        description=entry.description,
        notice=entry.notice,
    )


def _as_entry(template: CouponTemplate) -> TemplateEntry:
    """The template as the file would name it, every key."""
    revision = tenancy.find(TemplateRevision, template.revision_id or 0)
    if revision is None:
        return TemplateEntry(code=template.code)
    return TemplateEntry.model_validate(
        {
            "code": template.code,
            "stores": "all" if template.stores is None else template.stores,
            "stock": template.stock,
            "per_member": template.per_member,
            "per_day": template.per_day,
            "archived": template.archived,
            "kind": revision.kind,
            "title": revision.title,
            "rule": revision.rule,
            "validity": revision.validity,
            "minimum_fen": revision.minimum_fen,
            "scope": revision.scope,
            "weekdays": revision.hours.get("weekdays", []),
            "hours": revision.hours.get("hours", []),
            "combine": revision.combine,
            "max_per_bill": revision.max_per_bill,
            "giftable": revision.giftable,
            "colour": revision.colour,
            "picture": revision.picture,
            "description": revision.description,
            "notice": revision.notice,
        }
    )


def _told(entry: TemplateEntry) -> dict[str, JsonValue]:
    told: dict[str, JsonValue] = entry.model_dump(mode="json", exclude_defaults=True)
    return {"code": entry.code, **told, "stores": told.get("stores", "all")}
