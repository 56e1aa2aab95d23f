"""``campaigns``: 营销活动. What each kind needs is said in ``campaigns/kinds``."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints
from sqlalchemy import select

from backend import tenancy
from backend.calendar import day_of
from backend.campaigns import completeness, lifecycle, programmes, queries, templates
from backend.campaigns.draft import CampaignDraft, draft_of
from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds.class_marketing import DEFAULT_CODE, DEFAULT_TEMPLATES, default_plan
from backend.campaigns.kinds.periodic import FixedAudience, Periodic
from backend.campaigns.models import Campaign, CampaignKind, CampaignState
from backend.database import db
from backend.errors import Conflict, FieldError
from backend.malls import link
from backend.members.models import Member
from backend.members.phones import masked
from backend.merchants.models import Store
from backend.setup.applying import Applying
from backend.setup.section import Code, Day, Name, Section

NOT_YET = {
    "level_periodic": "成长等级定期送券",
    "registration_gift": "新会员注册赠券",
    "upgrade_gift": "会员升级赠券",
    "self_claim": "卡券领取",
    "outreach_sms": "会员沟通短信",
    "outreach_wechat": "会员沟通微信",
}
"""Kinds of spec/03 that this version does not serve yet; a kind leaves the list when built."""


def _served(kind: str) -> str:
    if kind in NOT_YET:
        raise ValueError(f"本版本尚不支持{NOT_YET[kind]}（{kind}）")
    return kind


class NoDraftAgain(Conflict):
    code = "NO_DRAFT_AGAIN"
    message = "已启动过的活动不能退回草稿"


class Budget(Section):
    """发放上限: most grants in all, most per day."""

    total: Annotated[int, Field(ge=0)] | None = None
    per_day: Annotated[int, Field(ge=0)] | None = None


class CampaignEntry(Section):
    """What every campaign has; the other keys are its kind's settings, read by the kind."""

    model_config = ConfigDict(extra="allow")

    code: Code
    kind: Annotated[str, AfterValidator(_served)] | None = None
    state: Literal["draft", "running", "paused", "ended"] | None = None
    name: Name | None = None
    description: str = ""
    tags: list[Annotated[str, StringConstraints(min_length=1, max_length=20)]] = []
    stores: Literal["all"] | list[str] = "all"
    starts_on: Day | None = Field(default=None, alias="from")
    ends_on: Day | None = Field(default=None, alias="to")
    online_activity: bool | None = None
    budget: Budget = Budget()
    control_bp: int = Field(default=0, ge=0, le=10000)


def apply(entries: Sequence[CampaignEntry], run: Applying, *, at: str) -> None:
    """营销活动. What is not named of one that exists stays as it is; ``kind`` too. A merchant that
    then has no 票券营销 at all gets the default plan, running (S0-18), unless 营销包年 leaves the
    kind out."""
    known = set(db.session.scalars(select(Store.code)))
    for position, entry in enumerate(entries):
        path = f"{at}.{position}"
        listed = [] if entry.stores == "all" else entry.stores
        if unknown := [code for code in listed if code not in known]:
            run.refuse(f"{path}.stores", f"没有门店{'、'.join(unknown)}")
            continue
        campaign = queries.by_code(entry.code)
        if campaign is None and entry.kind is None:
            run.refuse(f"{path}.kind", "必填")
            continue
        with run.entry(path):
            _apply_one(entry, campaign, run)
    if run.problems:
        return
    if any(entry.kind == CampaignKind.MALL_VOUCHER or entry.kind is None for entry in entries):
        link.link_all(now=run.now)
    _pause_default_plan({entry.code for entry in entries}, run)
    today = day_of(run.now, queries.calendar().zone)
    if not _has_plan() and not completeness.is_left_out(CampaignKind.CLASS_MARKETING, today=today):
        plan = lifecycle.open_default_plan(tenancy.merchant_id(), now=run.now)
        run.note(f"campaign {plan.code}", before=None, after=_told(plan))


def export() -> list[JsonValue]:
    """The campaigns, each with its kind's settings."""
    rows = db.session.scalars(select(Campaign).order_by(Campaign.id)).all()
    return [_told(campaign) for campaign in rows]


def _apply_one(entry: CampaignEntry, campaign: Campaign | None, run: Applying) -> None:
    told_before = _told(campaign) if campaign else None
    before = draft_of(campaign) if campaign else None
    wanted = _wanted(entry, before, now=run.now)
    if campaign is None or wanted != before:
        _refuse_strangers(wanted, before)
        campaign = lifecycle.save(wanted, now=run.now)
    if entry.state is not None and entry.state != campaign.state:
        _move(campaign, CampaignState(entry.state), run)
    if (told := _told(campaign)) != told_before:
        run.note(f"campaign {entry.code}", before=told_before, after=told)


def _refuse_strangers(wanted: CampaignDraft, before: CampaignDraft | None) -> None:
    """A fixed audience is found at saving: a phone that is nobody's now would be left out for ever.
    One that has been found is not looked for again."""
    phones, found = _phones(wanted), _phones(before) if before else ()
    if phones == found:
        return
    known = set(db.session.scalars(select(Member.phone).where(Member.phone.in_(phones))))
    strangers = [
        FieldError(
            field=f"audience.phones.{position}",
            message=f"没有手机号为{masked(phone)}的会员，请先导入会员",
        )
        for position, phone in enumerate(phones)
        if phone not in known
    ]
    if strangers:
        raise CampaignInvalid(errors=strangers)


def _phones(draft: CampaignDraft) -> tuple[str, ...]:
    audience = draft.settings.audience if isinstance(draft.settings, Periodic) else None
    return audience.phones if isinstance(audience, FixedAudience) else ()


def _move(campaign: Campaign, state: CampaignState, run: Applying) -> None:
    match state:
        case CampaignState.RUNNING:
            lifecycle.start(campaign.id, now=run.now)
        case CampaignState.ENDED:
            lifecycle.end(campaign.id, now=run.now)
        case CampaignState.PAUSED:
            lifecycle.pause(campaign.id, now=run.now)
        case CampaignState.DRAFT:
            raise NoDraftAgain()


def _wanted(entry: CampaignEntry, before: CampaignDraft | None, *, now: datetime) -> CampaignDraft:
    """The campaign as it shall be: what it was, and over it what the file names."""
    stored = _as_entry(before) if before else CampaignEntry(code=entry.code, kind=entry.kind)
    merged = stored.model_copy(update=entry.named(*CampaignEntry.model_fields))
    kind = merged.kind or stored.kind or ""
    settings: dict[str, JsonValue] = {}
    if before is not None:
        settings = before.settings.model_dump(mode="json")
    elif kind == CampaignKind.CLASS_MARKETING and "parts" not in (entry.model_extra or {}):
        settings = _default_settings(now=now)
    return CampaignDraft(
        code=entry.code,
        kind=kind,
        settings=programmes.parse(kind, _over(settings, entry.model_extra or {})),
        name=merged.name or stored.name,
        description=merged.description,
        tags=tuple(merged.tags),
        stores=None if merged.stores == "all" else tuple(merged.stores),
        starts_on=merged.starts_on,
        ends_on=merged.ends_on,
        online_activity=merged.online_activity,
        budget_total=merged.budget.total,
        budget_per_day=merged.budget.per_day,
        control_bp=merged.control_bp,
    )


def _default_settings(*, now: datetime) -> dict[str, JsonValue]:
    """票券营销 without parts gives what the default plan gives (S0-18)."""
    for template in DEFAULT_TEMPLATES:
        if templates.by_code(template.code) is None:
            templates.save(template, now=now)
    return default_plan().model_dump(mode="json")


def _over(
    settings: Mapping[str, JsonValue], named: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """What is named replaces what was; of ``parts``, each part by itself."""
    merged = {**settings, **named}
    before, after = settings.get("parts"), named.get("parts")
    if isinstance(before, dict) and isinstance(after, dict):
        merged["parts"] = {**before, **after}
    return merged


def _as_entry(draft: CampaignDraft) -> CampaignEntry:
    """What every campaign has, as the file would name it, every key."""
    return CampaignEntry.model_validate(
        {
            "code": draft.code,
            "kind": draft.kind,
            "name": draft.name,
            "description": draft.description,
            "tags": list(draft.tags),
            "stores": "all" if draft.stores is None else list(draft.stores),
            "from": draft.starts_on,
            "to": draft.ends_on,
            "online_activity": draft.online_activity,
            "budget": {"total": draft.budget_total, "per_day": draft.budget_per_day},
            "control_bp": draft.control_bp,
        }
    )


def _told(campaign: Campaign) -> dict[str, JsonValue]:
    draft = draft_of(campaign)
    told: dict[str, JsonValue] = _as_entry(draft).model_dump(mode="json", exclude_defaults=True)
    return told | {"state": campaign.state} | draft.settings.model_dump(mode="json")


def _pause_default_plan(named: set[str], run: Applying) -> None:
    """The default plan stands in for one of the merchant's own: with that, and never edited, it
    rests."""
    plan = queries.by_code(DEFAULT_CODE)
    if plan is None or plan.edited_at or plan.state != CampaignState.RUNNING:
        return
    mine = select(Campaign.code).where(
        Campaign.kind == CampaignKind.CLASS_MARKETING, Campaign.state == CampaignState.RUNNING
    )
    if DEFAULT_CODE in named or not named.intersection(db.session.scalars(mine)):
        return
    before = _told(plan)
    lifecycle.pause(plan.id, now=run.now)
    run.note(f"campaign {DEFAULT_CODE}", before=before, after=_told(plan))


def _has_plan() -> bool:
    kind = CampaignKind.CLASS_MARKETING
    return bool(
        db.session.scalar(select(select(Campaign.id).where(Campaign.kind == kind).exists()))
    )
