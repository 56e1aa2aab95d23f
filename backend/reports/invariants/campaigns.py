"""活动, 发券批次, 库存 and 预算: what was granted adds up and stays within its limits."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, case, exists, func, not_, or_, select, update

from backend.calendar import day_of
from backend.campaigns.models import (
    Campaign,
    CampaignRun,
    CampaignState,
    ClaimLink,
    ClaimLinkKind,
    Grant,
    GrantState,
    Offer,
    OfferPiece,
    Wave,
)
from backend.coupons.models import CouponTemplate
from backend.database import table_of
from backend.merchants.models import Merchant
from backend.messaging.models import Intent
from backend.reports.invariants.invariant import Invariant, by

_campaigns, _runs, _merchants = table_of(Campaign), table_of(CampaignRun), table_of(Merchant)
_waves, _grants, _intents = table_of(Wave), table_of(Grant), table_of(Intent)
_offers, _pieces, _templates = table_of(Offer), table_of(OfferPiece), table_of(CouponTemplate)

_links = table_of(ClaimLink)

_LIVE = (GrantState.OPEN, GrantState.LINKED, GrantState.CLAIMED)
"""Grants that hold stock."""

_open_runs = (
    select(_runs.c.campaign_id, func.count().label("runs"))
    .where(_runs.c.stopped_at.is_(None))
    .group_by(_runs.c.campaign_id)
    .subquery()
)
_granted = (
    select(func.count())
    .where(_grants.c.campaign_id == _waves.c.campaign_id, _grants.c.cycle == _waves.c.cycle)
    .correlate(_waves)
    .scalar_subquery()
)
_told = (
    select(func.count())
    .where(_intents.c.wave_id == _waves.c.id)
    .correlate(_waves)
    .scalar_subquery()
)
_promised = (
    select(_pieces.c.offer_id, func.count().label("pieces")).group_by(_pieces.c.offer_id).subquery()
)
_held = (
    select(func.count())
    .select_from(_grants.join(_pieces, _pieces.c.offer_id == _grants.c.offer_id))
    .where(_pieces.c.template_id == _templates.c.id, _grants.c.state.in_(_LIVE))
    .correlate(_templates)
    .scalar_subquery()
)
_spent = (
    select(
        _grants.c.campaign_id,
        func.count().label("granted"),
        func.max(_grants.c.granted_at).label("last_at"),
    )
    .group_by(_grants.c.campaign_id)
    .subquery()
)
_behind = _grants.alias("behind")
_fitting = {
    GrantState.OPEN: (GrantState.OPEN, GrantState.LINKED),
    GrantState.CLAIMED: (GrantState.CLAIMED, GrantState.LAPSED),
    GrantState.LAPSED: (GrantState.LAPSED,),
    GrantState.REVOKED: (GrantState.REVOKED,),
}
"""State of a link → states of the grants behind it; of two windows one may lapse alone."""
_claimed_behind = exists().where(
    _behind.c.link_id == _links.c.id, _behind.c.state == GrantState.CLAIMED
)
_since = func.coalesce(_campaigns.c.edited_at, _campaigns.c.created_at)


def _wrong_counts(connection: Connection, _now: datetime) -> Iterator[int]:
    """matched = granted + all excluded; the reasons stand in JSON, hence not one statement."""
    rows = connection.execute(
        select(_waves.c.id, _waves.c.matched, _waves.c.granted, _waves.c.excluded)
    )
    for row in rows:
        if row.matched != row.granted + sum(row.excluded.values()):
            yield row.id


def _days_over_budget(connection: Connection, _now: datetime) -> list[int]:
    """Days are the merchant's, hence not one statement. A budget that was lowered afterwards is
    not broken by what was granted before."""
    rows = connection.execute(
        select(
            _campaigns.c.id, _campaigns.c.budget_per_day, _merchants.c.zone, _grants.c.granted_at
        )
        .join(_grants, _grants.c.campaign_id == _campaigns.c.id)
        .join(_merchants, _merchants.c.id == _campaigns.c.merchant_id)
        .where(
            _campaigns.c.budget_per_day.is_not(None),
            _grants.c.granted_at >= _since,
        )
    )
    limits: dict[int, int] = {}
    days: Counter[tuple[int, str]] = Counter()
    for campaign_id, limit, zone, granted_at in rows:
        limits[campaign_id] = limit
        days[campaign_id, day_of(granted_at, ZoneInfo(zone)).isoformat()] += 1
    return sorted({campaign for (campaign, _), times in days.items() if times > limits[campaign]})


def _recount_stock(connection: Connection) -> int:
    limited = _templates.c.stock.is_not(None) & (_held <= _templates.c.stock)
    return connection.execute(
        update(_templates).where(limited, _templates.c.issued != _held).values(issued=_held)
    ).rowcount


INVARIANTS = (
    Invariant(
        "campaign.run",
        "进行中的活动恰有一个未结束的运行区间，其他活动没有",
        "campaign",
        by(
            select(_campaigns.c.id)
            .outerjoin(_open_runs, _open_runs.c.campaign_id == _campaigns.c.id)
            .where(
                func.coalesce(_open_runs.c.runs, 0)
                != case((_campaigns.c.state == CampaignState.RUNNING, 1), else_=0)
            )
        ),
    ),
    Invariant(
        "campaign.budget",
        "发放不超过活动的总预算（V-17）",
        "campaign",
        by(
            select(_campaigns.c.id)
            .join(_spent, _spent.c.campaign_id == _campaigns.c.id)
            .where(_spent.c.granted > _campaigns.c.budget_total, _spent.c.last_at >= _since)
        ),
    ),
    Invariant(
        "campaign.budget_per_day",
        "每天的发放不超过活动的每日预算（V-17）",
        "campaign",
        _days_over_budget,
    ),
    Invariant(
        "wave.counts",
        "批次的匹配人数等于发放与各排除原因之和（V-22）",
        "wave",
        _wrong_counts,
    ),
    Invariant(
        "wave.granted",
        "批次的发放数就是它的发券记录数（V-22）",
        "wave",
        by(select(_waves.c.id).where(_waves.c.granted != _granted)),
    ),
    Invariant(
        "wave.told",
        "批次的通知数就是它写下的消息数（V-22）",
        "wave",
        by(select(_waves.c.id).where(_waves.c.told != _told)),
    ),
    Invariant(
        "offer.pieces",
        "一份券的张数就是它的明细数",
        "offer",
        by(
            select(_offers.c.id)
            .outerjoin(_promised, _promised.c.offer_id == _offers.c.id)
            .where(_offers.c.quantity != func.coalesce(_promised.c.pieces, 0))
        ),
    ),
    Invariant(
        "grant.offer",
        "发券记录的活动和张数与它所许诺的一份券一致",
        "coupon_grant",
        by(
            select(_grants.c.id)
            .join(_offers, _offers.c.id == _grants.c.offer_id)
            .where(
                or_(
                    _grants.c.campaign_id != _offers.c.campaign_id,
                    _grants.c.quantity != _offers.c.quantity,
                )
            )
        ),
    ),
    Invariant(
        "link.grants",
        "领取链接后的发券记录与链接同时打开、领取、失效或收回（S2-57）",
        "claim_link",
        by(
            select(_links.c.id)
            .join(_grants, _grants.c.link_id == _links.c.id)
            .where(
                not_(
                    or_(
                        *(
                            and_(_links.c.state == state, _grants.c.state.in_(fitting))
                            for state, fitting in _fitting.items()
                        )
                    )
                )
            )
            .distinct()
        ),
    ),
    Invariant(
        "link.claimed",
        "已领取的领取链接有领取人、领取时间和已领取的发券记录，其他的没有（S2-57）",
        "claim_link",
        by(
            select(_links.c.id).where(
                or_(
                    and_(
                        _links.c.state == GrantState.CLAIMED,
                        or_(
                            _links.c.claimed_at.is_(None),
                            _links.c.claimed_by_id.is_(None),
                            not_(_claimed_behind),
                        ),
                    ),
                    and_(
                        _links.c.state != GrantState.CLAIMED,
                        or_(_links.c.claimed_at.is_not(None), _links.c.claimed_by_id.is_not(None)),
                    ),
                )
            )
        ),
    ),
    Invariant(
        "link.kind",
        "待扫码的发券记录都在小票链接后，登录可领取的都不在（S2-51）",
        "coupon_grant",
        by(
            select(_grants.c.id)
            .outerjoin(_links, _links.c.id == _grants.c.link_id)
            .where(
                or_(
                    and_(
                        _grants.c.state == GrantState.LINKED,
                        func.coalesce(_links.c.kind, "") != ClaimLinkKind.RECEIPT,
                    ),
                    and_(
                        _grants.c.state == GrantState.OPEN,
                        _links.c.kind == ClaimLinkKind.RECEIPT,
                    ),
                )
            )
        ),
    ),
    Invariant(
        "template.stock",
        "限量券模板的已发数等于有效发券记录占用的张数（V-16）",
        "coupon_template",
        by(
            select(_templates.c.id).where(
                _templates.c.stock.is_not(None), _templates.c.issued != _held
            )
        ),
        repair=_recount_stock,
    ),
)
