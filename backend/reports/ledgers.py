"""What the ledgers say of a stretch of time, by campaign and template: a few sums, each by an index
on when it happened. Of a day they are its roll-up, since the last roll-up they are live."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, literal_column, select

from backend import tenancy
from backend.campaigns.models import Grant
from backend.coupons.models import Coupon
from backend.database import db, table_of
from backend.redemption.models import Redemption
from backend.reports.models import Figure
from backend.sales.models import Bill

Figures = Counter[tuple[str, int, int]]
"""(figure, campaign, template) → value; 0 for what a figure is not told of."""

_grants, _coupons, _bills = table_of(Grant), table_of(Coupon), table_of(Bill)
_redemptions = table_of(Redemption)
_none: ColumnElement[int] = literal_column("0")


@dataclass(frozen=True)
class Stretch:
    """[start, end); without one of them from the beginning or without end. Of these campaigns or
    templates alone where they are named."""

    start: datetime | None
    end: datetime | None
    campaigns: Collection[int] | None = None
    templates: Collection[int] | None = None

    def holds(self, at: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = [at.is_not(None)]
        if self.start is not None:
            found.append(at >= self.start)
        if self.end is not None:
            found.append(at < self.end)
        return found

    def of(self, table: Any) -> list[ColumnElement[bool]]:  # noqa: ANN401
        """The merchant's rows of the campaigns that are asked for. ``+ 0``: they are found by when
        they happened; a campaign's own index would read its whole life."""
        found = [table.c.merchant_id == tenancy.merchant_id()]
        if self.campaigns is not None:
            found.append((table.c.campaign_id + 0).in_(self.campaigns))
        return found

    def of_template(self) -> list[ColumnElement[bool]]:
        return [] if self.templates is None else [_coupons.c.template_id.in_(self.templates)]


def sums(stretch: Stretch) -> Figures:
    """All figures of the stretch; those of templates alone where templates are asked for."""
    found: Figures = Counter()
    for figures, statement in (
        ((Figure.CLAIMED,), _claimed(stretch)),
        ((Figure.REDEEMED, Figure.REDUCED), _redeemed(stretch, _redemptions.c.at)),
        ((Figure.UNDONE, Figure.REDUCED_BACK), _redeemed(stretch, _redemptions.c.undone_at)),
        *(() if stretch.templates is not None else _of_campaigns(stretch)),
    ):
        for campaign_id, template_id, *values in db.session.connection().execute(statement):
            for figure, value in zip(figures, values, strict=True):
                if value:
                    found[figure, campaign_id, template_id] += int(value)
    return found


def _of_campaigns(stretch: Stretch) -> tuple[tuple[tuple[Figure, ...], Select[Any]], ...]:
    return (
        ((Figure.GRANTED, Figure.PEOPLE), _granted(stretch)),
        ((Figure.SALES,), _sales(stretch, *stretch.holds(_redemptions.c.at))),
        ((Figure.SALES_BACK,), _sales(stretch, *_given_back(stretch))),
    )


def _granted(stretch: Stretch) -> Select[Any]:
    before = _grants.alias("before")
    earlier = exists().where(
        before.c.merchant_id == tenancy.merchant_id(),
        before.c.member_id == _grants.c.member_id,
        before.c.campaign_id == _grants.c.campaign_id,
        (before.c.granted_at < _grants.c.granted_at)
        | ((before.c.granted_at == _grants.c.granted_at) & (before.c.id < _grants.c.id)),
    )
    campaign = _grants.c.campaign_id + _none  # else SQLite reads all in the order of campaigns
    return (
        select(
            campaign,
            _none,
            func.sum(_grants.c.quantity),
            func.sum(case((earlier, 0), else_=1)),
        )
        .where(*stretch.of(_grants), *stretch.holds(_grants.c.granted_at))
        .group_by(campaign)
    )


def _claimed(stretch: Stretch) -> Select[Any]:
    return (
        select(_coupons.c.campaign_id, _coupons.c.template_id, func.count())
        .where(*stretch.of(_coupons), *stretch.of_template(), *stretch.holds(_coupons.c.claimed_at))
        .group_by(_coupons.c.campaign_id, _coupons.c.template_id)
    )


def _redeemed(stretch: Stretch, at: ColumnElement[Any]) -> Select[Any]:
    return (
        select(
            _redemptions.c.campaign_id,
            _coupons.c.template_id,
            func.count(),
            func.sum(_redemptions.c.reduction_fen),
        )
        .join(_coupons, _coupons.c.id == _redemptions.c.coupon_id)
        .where(*stretch.of(_redemptions), *stretch.of_template(), *stretch.holds(at))
        .group_by(_redemptions.c.campaign_id, _coupons.c.template_id)
    )


def _sales(stretch: Stretch, *conditions: ColumnElement[bool]) -> Select[Any]:
    """A bill counts once for a campaign, however many of its coupons were used on it."""
    used = (
        select(_redemptions.c.campaign_id, _redemptions.c.bill_id)
        .where(*stretch.of(_redemptions), _redemptions.c.bill_id.is_not(None), *conditions)
        .distinct()
        .subquery("used")
    )
    return (
        select(used.c.campaign_id, _none, func.sum(_bills.c.paid_fen))
        .join(_bills, _bills.c.id == used.c.bill_id)
        .group_by(used.c.campaign_id)
    )


def _given_back(stretch: Stretch) -> list[ColumnElement[bool]]:
    """The last of the bill's coupons of this campaign was undone in the stretch."""
    other = _redemptions.alias("other")
    standing: ColumnElement[bool] = other.c.undone_at.is_(None)
    if stretch.end is not None:
        standing = standing | (other.c.undone_at >= stretch.end)
    left = exists().where(
        other.c.bill_id == _redemptions.c.bill_id,
        other.c.campaign_id == _redemptions.c.campaign_id,
        standing,
    )
    return [*stretch.holds(_redemptions.c.undone_at), ~left]
