"""发券与领取: the follow gift, and open grants that become coupons at login.

A grant is single by campaign, cycle and member; its coupons are made all at once or not at all.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import Row, bindparam, exists, or_, select, union_all, update

from backend import faults, tenancy
from backend.calendar import last_day_before
from backend.campaigns import budget, granting, offers, queries
from backend.campaigns.granting import Recipient
from backend.campaigns.kinds.class_marketing import ClassMarketing, Part
from backend.campaigns.models import (
    Campaign,
    CampaignKind,
    ClaimLink,
    Grant,
    GrantState,
    OfferPiece,
)
from backend.campaigns.offers import CurrentOffer
from backend.campaigns.running import is_in_force, is_paid_for
from backend.coupons import make
from backend.coupons.make import PromisedPiece
from backend.coupons.models import TemplateRevision
from backend.coupons.terms import parse_validity
from backend.coupons.validity import use_window
from backend.database import MetAnother, changed, db, table_of, transactional
from backend.members.models import Member
from backend.members.queries import ids_of
from backend.merchants.models import Merchant
from backend.messaging import outbox
from backend.messaging.models import Purpose

FOLLOW_CYCLE = "follow"

Waiting = Sequence[Row[*tuple[Any, ...]]]
"""``PIECES`` of open grants, as they were read."""

_grants, _members, _merchants = table_of(Grant), table_of(Member), table_of(Merchant)
_pieces, _revisions = table_of(OfferPiece), table_of(TemplateRevision)
_links = table_of(ClaimLink)

_PERSON = union_all(
    select(_members.c.id).where(
        _members.c.merchant_id == bindparam("merchant"), _members.c.id == bindparam("member")
    ),
    select(_members.c.id).where(
        _members.c.merchant_id == bindparam("merchant"),
        _members.c.alias_of_id == bindparam("member"),
    ),
).subquery("person")
PIECES = (
    select(
        _grants.c.id.label("grant_id"),
        _grants.c.campaign_id,
        _grants.c.link_id,
        _pieces.c.piece,
        _pieces.c.template_id,
        _pieces.c.revision_id,
        _revisions.c.title,
        _revisions.c.validity,
        _merchants.c.zone,
    )
    .join(_pieces, _pieces.c.offer_id == _grants.c.offer_id)
    .join(_revisions, _revisions.c.id == _pieces.c.revision_id)
    .join(_merchants, _merchants.c.id == _grants.c.merchant_id)
    .where(tenancy.owner(_grants) == bindparam("merchant"))
    .order_by(_grants.c.granted_at, _grants.c.id, _pieces.c.piece)
)
"""What grants promise, piece by piece, as ``become_coupons`` needs it."""
_WAITING = PIECES.join(_PERSON, _PERSON.c.id == _grants.c.member_id).where(
    _grants.c.state == GrantState.OPEN.value,
    or_(_grants.c.claim_until.is_(None), _grants.c.claim_until > bindparam("at")),
)
"""Every piece of the grants that wait for a person, under whichever of their ids."""
_CLAIM = update(_grants).where(
    _grants.c.merchant_id == bindparam("merchant"),
    _grants.c.id.in_(bindparam("grants", expanding=True)),
    _grants.c.state == bindparam("open"),
)
_CLAIM_LINKS = update(_links).where(
    _links.c.merchant_id == bindparam("merchant"),
    _links.c.id.in_(bindparam("links", expanding=True)),
    _links.c.state == bindparam("open"),
)


@dataclass(frozen=True)
class Given:
    """What a person just received: for the reply in the official account."""

    grant_id: int
    coupon_ids: list[int]
    titles: list[str]


@transactional
def give_on_follow(member_id: int, *, now: datetime) -> Given | None:
    """关注发券 (S0-22): the new-customer coupons at once, into the card pack.

    Once in a lifetime per merchant, also after unfollowing and following again; None when there is
    nothing to give. A wave and a follow at the same moment wait for each other at the plan.
    """
    calendar = queries.calendar()
    kind = CampaignKind.CLASS_MARKETING
    if not is_paid_for(kind, at=now, zone=calendar.zone):
        return None
    plans = queries.locked_all(kind)
    for plan in plans:
        if not is_in_force(plan, at=now, zone=calendar.zone) or not _gives_to_new(plan):
            continue
        offer = offers.current(plan.id, Part.NEW)
        if offer is None or budget.left(plan, zone=calendar.zone, at=now) == 0:
            continue
        if not offers.take_stock(offer, 1):
            continue
        if not _is_first_gift(member_id, plans, now=now):
            offers.give_back_stock(offer, 1)
            return None
        return give_at_once(offers.persist(offer), member_id, cycle=FOLLOW_CYCLE, now=now)
    return None


@transactional
def claim_open(member_id: int, *, now: datetime) -> list[int]:
    """领取 (S3-25): every open grant of this person becomes coupons; their ids, oldest grant first.

    One message tells of all of them. Four statements however many there are, one when nothing
    waits. Meeting another claim of the same grants (a till and a mini-program at once) reads again.
    """
    found = waiting(member_id, now=now)
    return claim(found, member_id, now=now) if found else []


def waiting(member_id: int, *, now: datetime) -> Waiting:
    """What waits for a person, under whichever of their ids."""
    mine = {"merchant": tenancy.merchant_id(), "member": member_id, "at": now}
    return db.session.connection().execute(_WAITING, mine).all()


@transactional
def claim(waiting: Waiting, member_id: int, *, now: datetime) -> list[int]:
    """What was seen to wait becomes coupons, or MetAnother where somebody else claimed of it."""
    claiming = {
        "merchant": tenancy.merchant_id(),
        "open": GrantState.OPEN.value,
        "state": GrantState.CLAIMED.value,
        "claimed_at": now,
    }
    if links := sorted({row.link_id for row in waiting if row.link_id is not None}):
        by_login = {**claiming, "links": links, "claimed_by_id": member_id}
        if changed(_CLAIM_LINKS, by_login) != len(links):
            raise MetAnother()
    grant_ids = sorted({row.grant_id for row in waiting})
    if changed(_CLAIM, {**claiming, "grants": grant_ids}) != len(grant_ids):
        raise MetAnother()
    claimed_ids = become_coupons(waiting, member_id, now=now)
    faults.point("claim.before_commit")
    return claimed_ids


def become_coupons(waiting: Waiting, member_id: int, *, now: datetime) -> list[int]:
    """These ``PIECES`` of grants that have just been claimed, in the card pack, with one message;
    the coupons' ids."""
    promised = _promised(waiting, member_id, now=now)
    claimed_ids = make.from_grants(promised, now=now)
    _tell(waiting, promised, member_id, now=now)
    return claimed_ids


def _gives_to_new(plan: Campaign) -> bool:
    return ClassMarketing.read(plan.settings).part(Part.NEW).on


def _is_first_gift(member_id: int, plans: Sequence[Campaign], *, now: datetime) -> bool:
    """Take the person's one follow gift; whoever a wave has served before is no new follower."""
    mine = ids_of(member_id)
    merchant_id = tenancy.merchant_id()
    other = _members.alias()
    served = exists().where(
        _grants.c.merchant_id == merchant_id,
        _grants.c.member_id.in_(mine),
        _grants.c.campaign_id.in_([plan.id for plan in plans]),
    )
    had = exists().where(
        other.c.merchant_id == merchant_id,
        other.c.alias_of_id == member_id,
        other.c.follow_gift_at.is_not(None),
    )
    if db.session.connection().scalar(select(or_(served, had))):
        return False
    return bool(
        changed(
            update(_members)
            .where(
                _members.c.merchant_id == merchant_id,
                _members.c.id == member_id,
                _members.c.follow_gift_at.is_(None),
                _members.c.blacklisted.is_(False),
            )
            .values(follow_gift_at=now)
        )
    )


def give_at_once(offer: CurrentOffer, member_id: int, *, cycle: str, now: datetime) -> Given:
    """Grant, coupons and message of a kept offer, into the card pack."""
    zone, way = queries.calendar().zone, granting.at_once(now)
    [grant_id] = granting.grant([Recipient(member_id, offer, cycle, way)], now=now).values()
    promised = [line for line in offer.lines for _ in range(line.quantity)]
    coupon_ids = make.from_grants(
        [
            PromisedPiece(
                grant_id=grant_id,
                piece=piece,
                member_id=member_id,
                campaign_id=offer.campaign_id,
                template_id=line.template_id,
                revision_id=line.revision_id,
                use_window=line.use_window(claimed_at=now, zone=zone),
            )
            for piece, line in enumerate(promised, start=1)
        ],
        now=now,
    )
    outbox.queue(
        member_id,
        Purpose.COUPON_RECEIVED,
        offer.facts(until=offer.first_end(claimed_at=now, zone=zone), zone=zone),
        dedupe_key=f"grant-{grant_id}-received",
        now=now,
    )
    return Given(grant_id=grant_id, coupon_ids=coupon_ids, titles=offer.titles)


def _promised(waiting: Waiting, member_id: int, *, now: datetime) -> list[PromisedPiece]:
    """What these rows become in the survivor's hands; windows count from the claim (S3-37)."""
    windows = {
        row.revision_id: use_window(
            parse_validity(row.validity), claimed_at=now, zone=ZoneInfo(row.zone)
        )
        for row in waiting
    }
    return [
        PromisedPiece(
            grant_id=row.grant_id,
            piece=row.piece,
            member_id=member_id,
            campaign_id=row.campaign_id,
            template_id=row.template_id,
            revision_id=row.revision_id,
            use_window=windows[row.revision_id],
        )
        for row in waiting
    ]


def _tell(
    waiting: Waiting,
    promised: Sequence[PromisedPiece],
    member_id: int,
    *,
    now: datetime,
) -> None:
    """One login is one message (06), whatever it brought; its first grant is claimed only once."""
    zone, titles = ZoneInfo(waiting[0].zone), Counter(row.title for row in waiting)
    facts: dict[str, JsonValue] = {
        "title": "、".join(offers.in_words(titles.items()))[:60],
        "count": len(waiting),
        "valid_to": last_day_before(min(p.use_window.end for p in promised), zone).isoformat(),
    }
    outbox.queue(
        member_id,
        Purpose.COUPON_RECEIVED,
        facts,
        dedupe_key=f"claim-{waiting[0].grant_id}-received",
        now=now,
    )
