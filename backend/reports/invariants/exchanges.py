"""积分兑换: points that were taken stand behind a coupon or a code, or came back (S2-32)."""

from sqlalchemy import and_, case, exists, func, not_, or_, select

from backend.campaigns.models import ClaimLink, ClaimLinkKind, Grant, GrantState
from backend.database import table_of
from backend.points.exchange import CAUSE
from backend.points.models import EntryKind, PointsEntry
from backend.reports.invariants.invariant import Invariant, by

_links, _grants, _entries = table_of(ClaimLink), table_of(Grant), table_of(PointsEntry)
_back = _entries.alias("back")

_is_exchange = and_(_links.c.kind == ClaimLinkKind.EXCHANGE, _links.c.bill_id.is_(None))
_its_entry = and_(
    _entries.c.merchant_id == _links.c.merchant_id, _entries.c.cause == _links.c.made_for
)
_came_back = (
    select(func.coalesce(func.sum(_back.c.change), 0))
    .where(_back.c.reverses_id == _entries.c.id)
    .correlate(_entries)
    .scalar_subquery()
)

INVARIANTS = (
    Invariant(
        "exchange.paid",
        "兑换的领取码背后恰有一笔所付的积分（S2-32）",
        "claim_link",
        by(
            select(_links.c.id)
            .outerjoin(_entries, _its_entry)
            .where(
                _is_exchange,
                or_(_entries.c.id.is_(None), _entries.c.change != -_links.c.points),
            )
        ),
    ),
    Invariant(
        "exchange.given_back",
        "过期未领取的兑换全数退回积分，其他的一分不退（S2-32）",
        "claim_link",
        by(
            select(_links.c.id)
            .join(_entries, _its_entry)
            .where(
                _is_exchange,
                _came_back
                != case((_links.c.state == GrantState.LAPSED, -_entries.c.change), else_=0),
            )
        ),
    ),
    Invariant(
        "exchange.coupon",
        "兑换所付的积分换得一张券或一个领取码（S2-32）",
        "points_entry",
        by(
            select(_entries.c.id).where(
                _entries.c.kind == EntryKind.SPEND,
                _entries.c.cause.like(f"{CAUSE}%"),
                not_(exists().where(_its_entry)),
                not_(
                    exists().where(
                        _grants.c.merchant_id == _entries.c.merchant_id,
                        _grants.c.cycle == _entries.c.cause,
                    )
                ),
            )
        ),
    ),
)
