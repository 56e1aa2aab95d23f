"""活动草案: a campaign as a form or a set-up file gives it, and what is wrong with it."""

from dataclasses import dataclass
from datetime import date

from backend.campaigns.errors import CampaignInvalid
from backend.campaigns.kinds.settings import CampaignSettings
from backend.campaigns.models import Campaign
from backend.campaigns.programmes import programme_of
from backend.errors import FieldError


@dataclass(frozen=True)
class CampaignDraft:
    """活动 as a form or a set-up file gives it. ``settings`` come from ``programmes.parse``."""

    code: str
    kind: str
    settings: CampaignSettings
    name: str | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    stores: tuple[str, ...] | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    online_activity: bool | None = None
    budget_total: int | None = None
    budget_per_day: int | None = None
    control_bp: int = 0


def draft_of(campaign: Campaign) -> CampaignDraft:
    """What would make this campaign again: for the form and for the export."""
    return CampaignDraft(
        code=campaign.code,
        kind=campaign.kind,
        settings=programme_of(campaign.kind).settings_of(campaign),
        name=campaign.name,
        description=campaign.description,
        tags=tuple(str(tag) for tag in campaign.tags or []),
        stores=None if campaign.stores is None else tuple(str(code) for code in campaign.stores),
        starts_on=campaign.starts_on,
        ends_on=campaign.ends_on,
        online_activity=campaign.online_activity,
        budget_total=campaign.budget_total,
        budget_per_day=campaign.budget_per_day,
        control_bp=campaign.control_bp,
    )


def refuse_wrong(draft: CampaignDraft) -> None:
    wrong = {
        "code": (not 1 <= len(draft.code) <= 64, "1 到 64 个字"),
        "name": (draft.name is not None and len(draft.name) > 120, "最多 120 个字"),
        "to": (
            draft.starts_on is not None
            and draft.ends_on is not None
            and draft.ends_on < draft.starts_on,
            "结束日期早于开始日期",
        ),
        "budget.total": (draft.budget_total is not None and draft.budget_total < 0, "不能小于0"),
        "budget.per_day": (
            draft.budget_per_day is not None and draft.budget_per_day < 0,
            "不能小于0",
        ),
        "control_bp": (not 0 <= draft.control_bp <= 10000, "应在 0 到 10000 之间"),
    }
    errors = [
        FieldError(field=name, message=words)
        for name, (is_wrong, words) in wrong.items()
        if is_wrong
    ]
    if errors:
        raise CampaignInvalid(errors=errors)
