"""活动的一生: draft → running ⇄ paused → ended, each step one conditional UPDATE.

What a campaign gives is checked when it is started. Runs are kept as intervals, so that "was it
paused at 09:00" has an answer; a pause takes nothing back.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Update, delete, insert, select, update

from backend import tenancy
from backend.campaigns import completeness, queries, templates
from backend.campaigns.draft import CampaignDraft, draft_of, refuse_wrong
from backend.campaigns.errors import CampaignEnded, CampaignInvalid, CampaignNotFound
from backend.campaigns.kinds.class_marketing import (
    DEFAULT_CODE,
    DEFAULT_TEMPLATES,
    default_plan,
)
from backend.campaigns.kinds.settings import CampaignSettings
from backend.campaigns.models import (
    Campaign,
    CampaignCoupon,
    CampaignKind,
    CampaignRun,
    CampaignState,
)
from backend.campaigns.programmes import programme_of
from backend.campaigns.programmes.class_marketing import CLASS_MARKETING
from backend.coupons.models import CouponTemplate
from backend.database import changed, db, table_of, transactional
from backend.errors import FieldError

_campaigns, _runs = table_of(Campaign), table_of(CampaignRun)
_coupons, _templates = table_of(CampaignCoupon), table_of(CouponTemplate)


@transactional
def save(draft: CampaignDraft, *, now: datetime) -> Campaign:
    """Make the campaign of this code as a draft, or bring it up to date in the state it is in.

    Editing never resets when it was first started (S3-21). A running campaign stays complete.
    """
    refuse_wrong(draft)
    programme = programme_of(draft.kind)
    campaign = queries.by_code(draft.code)
    is_new = campaign is None
    if campaign is None:
        campaign = Campaign(code=draft.code, kind=draft.kind, name=draft.name or "", created_at=now)
        db.session.add(campaign)
    elif campaign.kind != draft.kind:
        raise CampaignInvalid(errors=[FieldError(field="kind", message="活动种类不能更改")])
    elif campaign.state == CampaignState.ENDED:
        raise CampaignEnded()
    before = None if is_new else draft_of(campaign)
    campaign.name = draft.name or programme.label
    campaign.description = draft.description
    campaign.tags = list(draft.tags)
    campaign.stores = None if draft.stores is None else list(draft.stores)
    campaign.starts_on, campaign.ends_on = draft.starts_on, draft.ends_on
    campaign.settings = draft.settings.model_dump(mode="json")
    campaign.online_activity = (
        programme.online if draft.online_activity is None else draft.online_activity
    )
    campaign.budget_total, campaign.budget_per_day = draft.budget_total, draft.budget_per_day
    campaign.control_bp = draft.control_bp
    db.session.flush()
    _name_coupons(campaign, draft.settings)
    programme.hold()
    _refuse_second(campaign)
    programme.refuse_wrong(campaign, draft.settings)
    programme.saved(campaign, draft.settings, before.settings if before else None, now=now)
    if before is not None and draft_of(campaign) != before:
        campaign.edited_at = now
    db.session.flush()
    if campaign.state == CampaignState.RUNNING:
        completeness.check(campaign, now=now)
    return campaign


@transactional
def start(campaign_id: int, *, now: datetime) -> None:
    """启动. CampaignIncomplete lists everything that is missing; started already: nothing to do."""
    campaign = _find(campaign_id)
    if campaign.state == CampaignState.ENDED:
        raise CampaignEnded()
    if campaign.state == CampaignState.RUNNING:
        return
    programme_of(campaign.kind).hold()
    completeness.check(campaign, now=now)
    if _move(campaign_id, (CampaignState.DRAFT, CampaignState.PAUSED), CampaignState.RUNNING):
        changed(
            _one(campaign_id)
            .where(_campaigns.c.first_started_at.is_(None))
            .values(first_started_at=now)
        )
        changed(
            insert(_runs).values(
                merchant_id=tenancy.merchant_id(), campaign_id=campaign_id, started_at=now
            )
        )
    db.session.refresh(campaign)


@transactional
def pause(campaign_id: int, *, now: datetime) -> None:
    """暂停. From now on nothing more is granted; what was granted stays. A draft may begin so."""
    campaign = _find(campaign_id)
    before = (CampaignState.RUNNING, CampaignState.DRAFT)
    if _move(campaign_id, before, CampaignState.PAUSED):
        _stop_run(campaign_id, now=now)
    db.session.refresh(campaign)


@transactional
def end(campaign_id: int, *, now: datetime) -> None:
    """结束, for good."""
    campaign = _find(campaign_id)
    if _move(
        campaign_id,
        (CampaignState.DRAFT, CampaignState.RUNNING, CampaignState.PAUSED),
        CampaignState.ENDED,
    ):
        _stop_run(campaign_id, now=now)
    db.session.refresh(campaign)


@transactional
def open_default_plan(merchant_id: int, *, now: datetime) -> Campaign:
    """默认方案 (S0-18): running under ``default``, until the merchant edits or pauses it."""
    with tenancy.acting_for(merchant_id):
        for template in DEFAULT_TEMPLATES:
            if templates.by_code(template.code) is None:
                templates.save(template, now=now)
        plan = save(
            CampaignDraft(
                code=DEFAULT_CODE,
                kind=CampaignKind.CLASS_MARKETING,
                settings=default_plan(),
                name=CLASS_MARKETING.label,
            ),
            now=now,
        )
        start(plan.id, now=now)
        return plan


def _refuse_second(campaign: Campaign) -> None:
    """Where a merchant has one of the kind, the one that there is gets edited (S2-19)."""
    programme = programme_of(campaign.kind)
    another = select(Campaign.code).where(
        Campaign.kind == campaign.kind,
        Campaign.id != campaign.id,
        Campaign.state != CampaignState.ENDED,
    )
    if programme.one_only and (code := db.session.scalar(another.limit(1))):
        words = f"已有{programme.label}活动 {code}，请修改它"
        raise CampaignInvalid(errors=[FieldError(field="kind", message=words)])


def _name_coupons(campaign: Campaign, settings: CampaignSettings) -> None:
    """The rows that offers are made from; templates that are not there yet are named at start."""
    merchant_id = tenancy.merchant_id()
    known = {
        row.code: row
        for row in db.session.connection().execute(
            select(_templates.c.code, _templates.c.id, _templates.c.title, _templates.c.kind).where(
                _templates.c.merchant_id == merchant_id
            )
        )
    }
    wrong = []
    for part, coupons in settings.coupons.items():
        for position, coupon in enumerate(coupons):
            place, found = settings.template_path(part, position), known.get(coupon.template)
            words = (
                f"没有券模板 {coupon.template}"
                if found is None
                else completeness.wrong_kind(campaign.kind, found.kind, title=found.title)
            )
            if words:
                wrong.append(FieldError(field=place, message=words))
    if wrong:
        raise CampaignInvalid(errors=wrong)
    wanted = [
        {
            "merchant_id": merchant_id,
            "campaign_id": campaign.id,
            "part": part,
            "position": position,
            "template_id": known[coupon.template].id,
            "quantity": coupon.quantity,
        }
        for part, coupons in settings.coupons.items()
        for position, coupon in enumerate(coupons)
    ]
    changed(
        delete(_coupons).where(
            _coupons.c.merchant_id == merchant_id, _coupons.c.campaign_id == campaign.id
        )
    )
    if wanted:
        db.session.connection().execute(insert(_coupons), wanted)


def _find(campaign_id: int) -> Campaign:
    found = queries.locked(campaign_id)
    if not found:
        raise CampaignNotFound()
    return found[0]


def _one(campaign_id: int) -> Update:
    return update(_campaigns).where(
        _campaigns.c.merchant_id == tenancy.merchant_id(), _campaigns.c.id == campaign_id
    )


def _move(campaign_id: int, before: Sequence[CampaignState], after: CampaignState) -> bool:
    return bool(
        changed(
            _one(campaign_id)
            .where(_campaigns.c.state.in_(before))
            .values(state=after.value, version=_campaigns.c.version + 1)
        )
    )


def _stop_run(campaign_id: int, *, now: datetime) -> None:
    changed(
        update(_runs)
        .where(
            _runs.c.merchant_id == tenancy.merchant_id(),
            _runs.c.campaign_id == campaign_id,
            _runs.c.stopped_at.is_(None),
        )
        .values(stopped_at=now)
    )
