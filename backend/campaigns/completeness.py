"""启动前检查: what a campaign gives exists, is approved, in stock, valid for long enough; 营销包年
is for its kind (S0-16, S3-38).

Everything that is missing is said at once, in the words of the page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import select

from backend import tenancy
from backend.calendar import day_of
from backend.campaigns import queries
from backend.campaigns.errors import CampaignIncomplete
from backend.campaigns.kinds.given_coupons import MOST_PIECES
from backend.campaigns.models import Campaign, CampaignCoupon, CampaignState
from backend.campaigns.programmes import programme_of
from backend.coupons.kinds import CouponKind
from backend.coupons.models import Approval, CouponTemplate, TemplateRevision
from backend.coupons.terms import FixedValidity, parse_validity
from backend.database import db, table_of
from backend.errors import FieldError
from backend.merchants import subscription

_coupons, _templates = table_of(CampaignCoupon), table_of(CouponTemplate)
_revisions = table_of(TemplateRevision)


@dataclass(frozen=True)
class _Given:
    part: str
    quantity: int
    title: str
    kind: str
    approval: str
    archived: bool
    stock: int | None
    issued: int
    validity: dict[str, JsonValue]


def check(campaign: Campaign, *, now: datetime) -> None:
    """CampaignIncomplete if it cannot run as it is."""
    errors = missing(campaign, now=now)
    if errors:
        raise CampaignIncomplete(errors=errors)


def missing(campaign: Campaign, *, now: datetime) -> list[FieldError]:
    """What this campaign still needs before it may run; empty: complete."""
    zone = queries.calendar().zone
    today = day_of(now, zone)
    programme = programme_of(campaign.kind)
    errors = []
    if campaign.ends_on is not None and campaign.ends_on < today:
        errors.append(FieldError(field="to", message="活动已过结束日期"))
    if campaign.state != CampaignState.RUNNING and is_left_out(campaign.kind, today=today):
        words = f"营销包年不含{programme.label}，请联系运营者开通"
        errors.append(FieldError(field="kind", message=words))
    settings = programme.settings_of(campaign)
    rows = _given(campaign.id)
    if settings.coupons and not settings.parts_on:
        errors.append(FieldError(field="parts", message="请至少开启一类客户"))
    errors.extend(programme.missing(campaign, settings))
    for part in settings.parts_on:
        given = [row for row in rows if row.part == part]
        errors.extend(
            FieldError(field=settings.path_of(part), message=words)
            for words in (
                *_wrong(given, campaign, zone=zone, now=now),
                *filter(None, (wrong_kind(campaign.kind, r.kind, title=r.title) for r in given)),
            )
        )
    return errors


def is_left_out(kind: str, *, today: date) -> bool:
    """营销包年 is in force, and not for this kind. Without any, a campaign may run: it gives
    nothing until there is one."""
    return subscription.leaves_out(tenancy.merchant_id(), on=today, kind=kind)


def wrong_kind(campaign_kind: str, kind: str, *, title: str) -> str:
    """Why a template of this 券种 may not be given (S1-12, S2-29); empty: it may."""
    allowed = programme_of(campaign_kind).may_give
    if kind in allowed:
        return ""
    words = "、".join(each.label for each in CouponKind if each in allowed)
    return f"“{title}”是{CouponKind(kind).label}，只能选择{words}"


def _wrong(
    given: list[_Given], campaign: Campaign, *, zone: ZoneInfo, now: datetime
) -> Iterator[str]:
    if not given:
        yield "没有选择优惠券"
    if sum(row.quantity for row in given) > MOST_PIECES:
        yield f"一次最多可发{MOST_PIECES}张优惠券"
    starting = campaign.state != CampaignState.RUNNING
    for row in given:
        if row.archived or row.approval != Approval.PASSED:
            yield f"券模板“{row.title}”未通过审核或已停用"
        if starting and row.stock is not None and row.stock - row.issued < row.quantity:
            yield f"券模板“{row.title}”库存不足，还剩{row.stock - row.issued}张"
        yield from _too_short(row, campaign, today=day_of(now, zone))


def _too_short(row: _Given, campaign: Campaign, *, today: date) -> Iterator[str]:
    validity = parse_validity(row.validity)
    if not isinstance(validity, FixedValidity):
        return
    if validity.last < today:
        yield f"券模板“{row.title}”已过有效期"
    elif campaign.ends_on is not None and validity.last < campaign.ends_on:
        yield f"券模板“{row.title}”的有效期早于活动结束"


def _given(campaign_id: int) -> list[_Given]:
    rows = db.session.connection().execute(
        select(
            _coupons.c.part,
            _coupons.c.quantity,
            _templates.c.title,
            _templates.c.kind,
            _templates.c.approval,
            _templates.c.archived,
            _templates.c.stock,
            _templates.c.issued,
            _revisions.c.validity,
        )
        .join(_templates, _templates.c.id == _coupons.c.template_id)
        .join(_revisions, _revisions.c.id == _templates.c.revision_id)
        .where(
            _coupons.c.merchant_id == tenancy.merchant_id(),
            _coupons.c.campaign_id == campaign_id,
        )
        .order_by(_coupons.c.part, _coupons.c.position)
    )
    return [_Given(*row) for row in rows]
