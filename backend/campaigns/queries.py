"""活动查询: campaigns that run, and the merchant's calendar they run in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select

from backend import tenancy
from backend.calendar import Span, week_of
from backend.campaigns.models import Campaign
from backend.database import db, table_of
from backend.merchants.house import house

_campaigns = table_of(Campaign)
_WEEK, _MOMENT = timedelta(days=7), timedelta(microseconds=1)


@dataclass(frozen=True)
class Calendar:
    """The merchant's zone, and what it calls this week (R-01)."""

    zone: ZoneInfo
    rolling_week: bool

    def week(self, at: datetime) -> Span:
        """本周 around ``at``: from Monday 00:00, or the 7 days that end with it."""
        if self.rolling_week:
            return Span(at - _WEEK, at + _MOMENT)
        return week_of(at, self.zone)


def calendar() -> Calendar:
    """The calendar of the merchant we act for."""
    return Calendar(zone=house().zone, rolling_week=house().rolling_week)


def by_code(code: str) -> Campaign | None:
    """The campaign of this code."""
    return db.session.scalars(select(Campaign).where(Campaign.code == code)).one_or_none()


def locked(*campaign_ids: int) -> list[Campaign]:
    """These campaigns, held until we commit: whoever grants has them to itself."""
    return _locked(Campaign.id.in_(campaign_ids))


def locked_all(kind: str) -> list[Campaign]:
    """Every campaign of a kind, held: for rules that look at all of them."""
    return _locked(Campaign.kind == kind)


def campaign_ids(condition: ColumnElement[bool]) -> list[int]:
    """Ids of the merchant's campaigns that meet a condition on their table."""
    rows = db.session.connection().execute(
        select(_campaigns.c.id)
        .where(_campaigns.c.merchant_id == tenancy.merchant_id(), condition)
        .order_by(_campaigns.c.id)
    )
    return cast("list[int]", list(rows.scalars()))


def _locked(condition: ColumnElement[bool]) -> list[Campaign]:
    return list(
        db.session.scalars(
            select(Campaign)
            .where(condition)
            .order_by(Campaign.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )
