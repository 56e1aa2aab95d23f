"""积分规则: what a bill earns (R-09). ``points_for`` is pure; ``rules_for`` reads the campaigns."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, bindparam, or_, select

from backend.calendar import day_of
from backend.campaigns import programmes, queries
from backend.campaigns.kinds.consumption_points import ConsumptionPoints
from backend.campaigns.kinds.holiday_points import HolidayPoints
from backend.campaigns.models import Campaign, CampaignKind, CampaignRun, CampaignState
from backend.database import UtcDateTime, db, table_of
from backend.merchants.subscription import is_subscribed

_campaigns, _runs = table_of(Campaign), table_of(CampaignRun)
_AT = bindparam("at", type_=UtcDateTime())
_RAN = (
    select(_runs.c.id)
    .where(
        _runs.c.campaign_id == _campaigns.c.id,
        _runs.c.merchant_id == bindparam("merchant"),
        _runs.c.started_at <= _AT,
        or_(_runs.c.stopped_at.is_(None), _runs.c.stopped_at > _AT),
    )
    .exists()
)
_THAT_COUNT = (
    select(_campaigns.c.kind, _campaigns.c.settings, _campaigns.c.name)
    .where(
        _campaigns.c.merchant_id == bindparam("merchant"),
        _campaigns.c.kind.in_((CampaignKind.CONSUMPTION_POINTS, CampaignKind.HOLIDAY_POINTS)),
        or_(_campaigns.c.state == CampaignState.RUNNING, _RAN),
        or_(_campaigns.c.starts_on.is_(None), _campaigns.c.starts_on <= bindparam("day")),
        or_(_campaigns.c.ends_on.is_(None), _campaigns.c.ends_on >= bindparam("day")),
    )
    .order_by(_campaigns.c.id)
)


@dataclass(frozen=True)
class EarnRule:
    """消费送积分: ``points`` for every ``per_fen``; whether coupons and balance count (R-09)."""

    per_fen: int = 100
    points: int = 0
    count_coupons: bool = True
    count_balance: bool = True


@dataclass(frozen=True)
class Multiple:
    """多倍积分 of a day: the highest that holds, and whose it is."""

    times: int = 1
    campaign: str = ""


@dataclass(frozen=True)
class Rules:
    """What holds for one member at one time."""

    rule: EarnRule
    multiple: Multiple


def points_for(payable_fen: int, *, rule: EarnRule, multiple: Multiple) -> int:
    """本次积分. The floor of the rule on the payable amount, then the day's multiple, once.

    284.00 元 at 1 per 1 元 → 284 (S1-22); on a double day 568.
    """
    return max(payable_fen, 0) * rule.points // rule.per_fen * multiple.times


def counted_fen(payable_fen: int, *, coupons_fen: int, balance_fen: int, rule: EarnRule) -> int:
    """计积分金额: the payable amount without what was paid in a way that does not count."""
    left_out = 0 if rule.count_coupons else coupons_fen
    return max(payable_fen - left_out - (0 if rule.count_balance else balance_fen), 0)


def rules_for(merchant_id: int, level: str | None, *, at: datetime) -> Rules:
    """积分规则 for a member of a level (by name) who pays at ``at``; nothing runs: no points.

    A campaign counts that runs now or ran at that time, on a day that is among its own.
    """
    rule, multiple, today = EarnRule(), Multiple(), day_of(at, queries.calendar().zone)
    for campaign in _that_count(merchant_id, today, at=at):
        settings = programmes.parse(campaign.kind, campaign.settings)
        match settings:
            case ConsumptionPoints():
                rate = settings.rate_of(level)
                rule = EarnRule(
                    rate.per_fen, rate.points, settings.count_coupons, settings.count_balance
                )
            case HolidayPoints():
                times = settings.times_on(today, level)
                if times > multiple.times:
                    multiple = Multiple(times, campaign.name)
    return Rules(rule, multiple)


def _that_count(merchant_id: int, today: date, *, at: datetime) -> list[Row[*tuple[Any, ...]]]:
    asked = {"merchant": merchant_id, "day": today, "at": at}
    found = db.session.connection().execute(_THAT_COUNT, asked)
    return [each for each in found if is_subscribed(merchant_id, on=today, kind=each.kind)]
