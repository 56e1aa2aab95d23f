"""积分到期: what is over expires, and who still has 30 days is told (spec/04)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update

from backend import tenancy
from backend.calendar import day_of, last_day_before
from backend.database import changed, db, end_read, table_of, transactional
from backend.members.models import Member
from backend.merchants.queries import zone
from backend.merchants.subscription import is_subscribed
from backend.messaging import outbox
from backend.messaging.models import Purpose
from backend.points import ledger
from backend.points.lots import HAS_LEFT
from backend.points.models import PointsLot

_lots, _members = table_of(PointsLot), table_of(Member)

NOTICE = timedelta(days=30)
BATCH = 200


def expire_all(now: datetime) -> int:
    """积分过期 at every merchant, batch by batch; how many members were left with less."""
    expired = 0
    for merchant_id in _merchants(_lots.c.expires_at <= now):
        with tenancy.acting_for(merchant_id):
            while found := ledger.expire_due(now, most=BATCH):
                expired += found
    return expired


def remind_all(now: datetime) -> int:
    """到期提醒, once per lot, 30 days before; how many messages. Outside 营销包年 none."""
    told = 0
    soon = (
        _lots.c.expires_at > now,
        _lots.c.expires_at <= now + NOTICE,
        _lots.c.reminded_at.is_(None),
    )
    for merchant_id in _merchants(*soon):
        with tenancy.acting_for(merchant_id):
            if is_subscribed(merchant_id, on=day_of(now, zone())):
                while found := _remind(soon, now=now):
                    told += found
    return told


@transactional
def _remind(soon: Sequence[ColumnElement[bool]], *, now: datetime) -> int:
    """A message for some members and days; lots that it speaks of are marked."""
    ours = (_lots.c.merchant_id == tenancy.merchant_id(), HAS_LEFT, *soon)
    connection = db.session.connection()
    rows = connection.execute(
        select(
            _lots.c.member_id,
            _lots.c.expires_at,
            func.sum(_lots.c.remaining).label("points"),
            func.max(_members.c.points).label("total"),
        )
        .join(_members, _members.c.id == _lots.c.member_id)
        .where(*ours)
        .group_by(_lots.c.member_id, _lots.c.expires_at)
        .order_by(_lots.c.member_id, _lots.c.expires_at)
        .limit(BATCH)
    ).all()
    here = zone()
    for row in rows:
        last = last_day_before(row.expires_at, here)
        outbox.queue(
            row.member_id,
            Purpose.POINTS_CHANGED,
            {
                "title": "积分即将到期",
                "points": int(row.points),
                "points_total": int(row.total),
                "valid_to": last.isoformat(),
                "remark": f"{int(row.points)}积分将于{last.isoformat()}到期",
            },
            dedupe_key=f"points-expire-{row.member_id}-{last.isoformat()}",
            now=now,
        )
        changed(
            update(_lots)
            .where(*ours, _lots.c.member_id == row.member_id, _lots.c.expires_at == row.expires_at)
            .values(reminded_at=now)
        )
    return len(rows)


def _merchants(*where: ColumnElement[bool]) -> list[int]:
    end_read()
    with tenancy.across_merchants("points expire by the clock, whoever's they are"):
        found = db.session.connection().scalars(
            select(tenancy.owner(_lots)).where(HAS_LEFT, *where).distinct()
        )
        return sorted(found)
