"""积分规则: what a bill earns (R-09). ``points_for`` is pure; ``rules_for`` reads the campaigns."""

from dataclasses import dataclass
from datetime import date, datetime

from backend.calendar import day_of
from backend.campaigns import at_settlement, programmes, queries
from backend.campaigns.at_settlement import Met
from backend.campaigns.kinds.consumption_points import ConsumptionPoints
from backend.campaigns.kinds.holiday_points import HolidayPoints
from backend.campaigns.models import CampaignKind
from backend.campaigns.running import is_on, is_paid_for

_KINDS = (CampaignKind.CONSUMPTION_POINTS, CampaignKind.HOLIDAY_POINTS)


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


def rules_for(level: str | None, *, at: datetime) -> Rules:
    """积分规则 for a member of a level (by name) who pays at ``at``; nothing runs: no points.

    A campaign counts that runs now or ran at that time, on a day that is among its own.
    """
    rule, multiple, today = EarnRule(), Multiple(), day_of(at, queries.calendar().zone)
    for campaign in _that_count(today, at=at):
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


def _that_count(today: date, *, at: datetime) -> list[Met]:
    return [
        each
        for each in at_settlement.met(at=at)
        if each.kind in _KINDS
        and is_on(each, today)
        and is_paid_for(each.kind, at=at, zone=queries.calendar().zone)
    ]
