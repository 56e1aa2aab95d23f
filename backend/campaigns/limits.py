"""限领: how many coupons of a template one person may be given, in all and per day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from backend import tenancy
from backend.calendar import day_of, end_of_day, start_of_day
from backend.campaigns.models import Grant, GrantState, OfferPiece
from backend.campaigns.offers import CurrentOffer
from backend.coupons.models import CouponTemplate
from backend.database import db, table_of
from backend.members.models import Member
from backend.members.queries import ids_of

_members = table_of(Member)
_grants, _pieces, _templates = table_of(Grant), table_of(OfferPiece), table_of(CouponTemplate)


@dataclass(frozen=True)
class _Limit:
    per_member: int | None
    per_day: int | None

    def is_passed(self, in_all: int, today: int) -> bool:
        return (self.per_member is not None and in_all > self.per_member) or (
            self.per_day is not None and today > self.per_day
        )


def counts(*, at: datetime) -> ColumnElement[bool]:
    """Whether a grant counts against 限领: claimed, or still to be had, behind a link too."""
    claimable = or_(_grants.c.claim_until.is_(None), _grants.c.claim_until > at)
    waiting = _grants.c.state.in_((GrantState.OPEN, GrantState.LINKED))
    return or_(_grants.c.state == GrantState.CLAIMED, and_(waiting, claimable))


def within_limits(member_id: int, offer: CurrentOffer, *, zone: ZoneInfo, now: datetime) -> bool:
    """Whether this person may be given the offer."""
    limits = {
        line.template_id: _Limit(line.per_member, line.per_day)
        for line in offer.lines
        if line.per_member is not None or line.per_day is not None
    }
    return not limits or not _passed(limits, offer.per_template, member_id, None, zone, now)


def claim_within_limits(
    member_id: int, pieces: Mapping[int, int], *, link_id: int, zone: ZoneInfo, now: datetime
) -> bool:
    """Whether this person may claim what a link holds: so many ``pieces`` by template. Where there
    are limits the person is held, so that two links they open at once are counted in turn."""
    rows = db.session.connection().execute(
        select(_templates.c.id, _templates.c.per_member, _templates.c.per_day).where(
            _templates.c.merchant_id == tenancy.merchant_id(),
            _templates.c.id.in_(sorted(pieces)),
            or_(_templates.c.per_member.is_not(None), _templates.c.per_day.is_not(None)),
        )
    )
    limits = {row.id: _Limit(row.per_member, row.per_day) for row in rows}
    if limits:
        held = select(_members.c.id).where(
            _members.c.merchant_id == tenancy.merchant_id(), _members.c.id == member_id
        )
        db.session.connection().execute(held.with_for_update())
    return not limits or not _passed(limits, pieces, member_id, link_id, zone, now)


def _passed(
    limits: Mapping[int, _Limit],
    more: Mapping[int, int],
    member_id: int,
    link_id: int | None,
    zone: ZoneInfo,
    now: datetime,
) -> bool:
    had = _had(sorted(limits), ids_of(member_id), link_id, zone, now)
    return any(
        limit.is_passed(in_all + more[template_id], today + more[template_id])
        for template_id, limit in limits.items()
        for in_all, today in [had.get(template_id, (0, 0))]
    )


def _had(
    template_ids: Sequence[int],
    member_ids: Sequence[int],
    link_id: int | None,
    zone: ZoneInfo,
    now: datetime,
) -> dict[int, tuple[int, int]]:
    """By template: pieces granted to the person and not let lapse, in all and today. What the
    link itself holds is not counted."""
    day = day_of(now, zone)
    today = and_(
        _grants.c.granted_at >= start_of_day(day, zone),
        _grants.c.granted_at < end_of_day(day, zone),
    )
    counted = (
        select(_pieces.c.template_id, func.count(), func.sum(case((today, 1), else_=0)))
        .select_from(_grants)
        .join(_pieces, _pieces.c.offer_id == _grants.c.offer_id)
        .where(
            _grants.c.merchant_id == tenancy.merchant_id(),
            _grants.c.member_id.in_(member_ids),
            _pieces.c.template_id.in_(template_ids),
            counts(at=now),
        )
        .group_by(_pieces.c.template_id)
    )
    if link_id is not None:
        counted = counted.where(or_(_grants.c.link_id.is_(None), _grants.c.link_id != link_id))
    rows = db.session.connection().execute(counted)
    return {template_id: (in_all, int(today or 0)) for template_id, in_all, today in rows}
