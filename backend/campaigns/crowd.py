"""人群: the words in which a kind says whom it means and why one of them is passed over.

The id range stands in every EXISTS too, so that a chunk costs the same whatever the tables hold.
What runs out (stock, budget) is decided by who takes it, chunk by chunk.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    Subquery,
    Table,
    and_,
    case,
    exists,
    func,
    literal,
    literal_column,
    not_,
    null,
    or_,
    select,
    true,
    union_all,
)

from backend import tenancy
from backend.calendar import day_of, end_of_day, start_of_day
from backend.campaigns import limits, queries
from backend.campaigns.models import (
    Campaign,
    CampaignKind,
    Grant,
    OfferPiece,
)
from backend.campaigns.offers import CurrentOffer
from backend.campaigns.queries import Calendar
from backend.coupons.models import CouponState
from backend.database import db, table_of
from backend.members.models import Member

_members, _grants = table_of(Member), table_of(Grant)
_campaigns, _pieces = table_of(Campaign), table_of(OfferPiece)


_IN_HAND = (CouponState.USABLE, CouponState.LOCKED, CouponState.GIFTING)


def in_hand(coupons: FromClause) -> ColumnElement[bool]:
    """Coupons that somebody may still use, spelt as the index of them is."""
    return coupons.c.state.in_([literal_column(f"'{state}'") for state in _IN_HAND])


class Reason(StrEnum):
    """Why a member whom the campaign means gets nothing; the first that holds is said."""

    HOLDS_COUPON = "holds_coupon"
    GRANTED_THIS_WEEK = "granted_this_week"
    ONLINE_ACTIVITY = "online_activity"
    LIMIT = "limit"
    CONTROL_GROUP = "control_group"
    STOCK = "stock"
    BUDGET = "budget"


@dataclass(frozen=True)
class IdRange:
    """Members after one id, up to and including another."""

    after: int
    up_to: int

    def holds(self, column: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether an id lies in it."""
        return and_(column > self.after, column <= self.up_to)


@dataclass(frozen=True)
class PartCrowd:
    """The members one part of a campaign means, what it gives them, and who is passed over."""

    part: str
    offer: CurrentOffer
    meant: Sequence[ColumnElement[bool]]
    passed_over: Sequence[tuple[Reason, ColumnElement[bool]]]

    def eligible(self, *columns: ColumnElement[object]) -> Select[*tuple[object, ...]]:
        """Those who get it."""
        return (
            select(*columns)
            .select_from(_members)
            .where(*self.meant, *(not_(condition) for _, condition in self.passed_over))
        )

    def verdicts(self) -> Select[int, str, str | None]:
        """Everybody meant, with the reason or NULL."""
        reason = (
            case(*((condition, reason.value) for reason, condition in self.passed_over))
            if self.passed_over
            else null()
        )
        return select(
            _members.c.id.label("member_id"),
            literal(self.part).label("part"),
            reason.label("reason"),
        ).where(*self.meant)


def verdicts(crowds: Sequence[PartCrowd]) -> CompoundSelect[int, str, str | None]:
    """(member_id, part, reason or NULL) of everybody whom the campaign means."""
    return union_all(*(part.verdicts() for part in crowds))


def class_marketing_plans() -> list[int]:
    """Every 票券营销 plan of the merchant: the weekly rules look at all of them."""
    return queries.campaign_ids(_campaigns.c.kind == CampaignKind.CLASS_MARKETING)


def scene(
    campaign: Campaign, *, calendar: Calendar, ids: IdRange, at: datetime, as_of_then: bool
) -> "Scene":
    """The members of a range, for a crowd statement of this campaign."""
    return Scene(calendar, ids, at, _has_aliases(ids), campaign, as_of_then=as_of_then)


def people(*, calendar: Calendar, ids: IdRange, at: datetime) -> "People":
    """The members of a range, for a crowd statement that belongs to no campaign (reminders)."""
    return People(calendar, ids, at, _has_aliases(ids))


@dataclass(frozen=True)
class People:
    """Members of an id range at an instant, and what each of them has."""

    calendar: Calendar
    ids: IdRange
    at: datetime
    has_aliases: bool
    as_of_then: bool = field(default=False, kw_only=True)

    def known(self, column: ColumnElement[datetime]) -> ColumnElement[bool]:
        """Whether something of that instant had happened."""
        return column <= self.at if self.as_of_then else true()

    @property
    def reachable(self) -> list[ColumnElement[bool]]:
        """Members of the range whom any campaign may mean; joined ones are served as one."""
        return [
            _members.c.merchant_id == tenancy.merchant_id(),
            self.ids.holds(_members.c.id),
            *self.addressable,
        ]

    @property
    def addressable(self) -> list[ColumnElement[bool]]:
        """Of whoever was found: not joined into another, not blacklisted."""
        return [_members.c.alias_of_id.is_(None), _members.c.blacklisted.is_(False)]

    @property
    def busy_this_week(self) -> list[tuple[Reason, ColumnElement[bool]]]:
        """本周已经有发券, 参与线上活动 (S0-24, S0-25): they pass over waves and reminders."""
        week = self.calendar.week(self.at)
        granted = self.has(
            _grants,
            _grants.c.granted_at >= week.start,
            _grants.c.granted_at < week.end,
            _grants.c.campaign_id.in_(class_marketing_plans()),
            self.known(_grants.c.granted_at),
        )
        reasons = [(Reason.GRANTED_THIS_WEEK, granted)]
        if online := queries.campaign_ids(_campaigns.c.online_activity.is_(True)):
            active = self.has(
                _grants,
                _grants.c.claimed_at >= week.start,
                _grants.c.claimed_at < week.end,
                _grants.c.campaign_id.in_(online),
                self.known(_grants.c.claimed_at),
            )
            reasons.append((Reason.ONLINE_ACTIVITY, active))
        return reasons

    def holders(self) -> Subquery:
        """(id, person_id): every id of the range's people, their own and those joined to them.
        The people themselves are found from here, and only checked (``addressable``)."""
        own = select(_members.c.id, _members.c.id.label("person_id")).where(
            _members.c.merchant_id == tenancy.merchant_id(), self.ids.holds(_members.c.id)
        )
        if not self.has_aliases:
            return own.subquery("holder")
        joined = select(_members.c.id, _members.c.alias_of_id).where(
            _members.c.merchant_id == tenancy.merchant_id(), self.ids.holds(_members.c.alias_of_id)
        )
        return union_all(own, joined).subquery("holder")

    def has(self, table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        """Whether the person has such a row, under their own id or one that was joined to it."""
        merchant_id = tenancy.merchant_id()
        own = exists().where(
            tenancy.owner(table) == merchant_id,
            table.c.member_id == _members.c.id,
            self.ids.holds(table.c.member_id),
            *conditions,
        )
        if not self.has_aliases:
            return own
        joined = _members.alias("joined")
        theirs = exists().where(
            tenancy.owner(table) == merchant_id, table.c.member_id == joined.c.id, *conditions
        )
        of_one_joined = exists().where(
            tenancy.owner(joined) == merchant_id,
            joined.c.alias_of_id == _members.c.id,
            theirs.correlate(joined, _members),
        )
        return or_(own, of_one_joined.correlate(_members))


@dataclass(frozen=True)
class Scene(People):
    """What the conditions of one campaign need to know."""

    campaign: Campaign

    def always(self, offer: CurrentOffer) -> list[tuple[Reason, ColumnElement[bool]]]:
        """The reasons that every kind has."""
        reasons = []
        if over := self._over_limits(offer):
            reasons.append((Reason.LIMIT, or_(*over)))
        if self.campaign.control_bp:
            reasons.append((Reason.CONTROL_GROUP, self._in_control_group()))
        return reasons

    def _over_limits(self, offer: CurrentOffer) -> list[ColumnElement[bool]]:
        limits = {
            line.template_id: (line.per_member, line.per_day)
            for line in offer.lines
            if line.per_member is not None or line.per_day is not None
        }
        day = day_of(self.at, self.calendar.zone)
        today = and_(
            _grants.c.granted_at >= start_of_day(day, self.calendar.zone),
            _grants.c.granted_at < end_of_day(day, self.calendar.zone),
        )
        over = []
        for template_id, (per_member, per_day) in limits.items():
            more = offer.per_template[template_id]
            if per_member is not None:
                over.append(self._received(template_id) + more > per_member)
            if per_day is not None:
                over.append(self._received(template_id, today) + more > per_day)
        return over

    def _received(self, template_id: int, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
        """Pieces of a template that the person was granted and has not let lapse."""
        merchant_id = tenancy.merchant_id()
        mine = _grants.c.member_id == _members.c.id
        if self.has_aliases:
            joined = _members.alias("joined_ids")
            theirs = (
                select(joined.c.id)
                .where(joined.c.merchant_id == merchant_id, joined.c.alias_of_id == _members.c.id)
                .correlate(_members)
            )
            mine = or_(mine, _grants.c.member_id.in_(theirs))
        return (
            select(func.count())
            .select_from(_grants)
            .join(_pieces, _pieces.c.offer_id == _grants.c.offer_id)
            .where(
                _grants.c.merchant_id == merchant_id,
                mine,
                _pieces.c.template_id == template_id,
                limits.counts(at=self.at),
                *conditions,
            )
            .correlate(_members)
            .scalar_subquery()
        )

    def _in_control_group(self) -> ColumnElement[bool]:
        """对照组: a share of members, the same ones in every wave of the campaign.

        Campaign and member stirred by arithmetic that all databases do alike.
        """
        stirred = (_members.c.id % _PRIME * 7919 + self.campaign.id % _PRIME * 104723 + 17) % _PRIME
        stirred = (stirred * stirred % _PRIME * 31 + stirred) % _PRIME
        return stirred * 10_000 < self.campaign.control_bp * _PRIME


_PRIME = 99_991


def _has_aliases(ids: IdRange) -> bool:
    joined = select(_members.c.id).where(
        _members.c.merchant_id == tenancy.merchant_id(), ids.holds(_members.c.alias_of_id)
    )
    return db.session.connection().execute(joined.limit(1)).first() is not None
