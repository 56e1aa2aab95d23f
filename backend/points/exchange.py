"""积分兑换卡券 (S2-29…36): points become a coupon, from the mini-program at once, from the till
behind a code that the member scans.

Campaign, stock and member are held in this order, so that the last piece and the last points go to
one. The points are an entry whose cause names the exchange; whoever asks under an Idempotency-Key
asks once (``backend.idempotency``).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from backend import faults
from backend.campaigns import budget, cadence, grants, limits, links, offers, queries
from backend.campaigns.errors import CampaignNotFound
from backend.campaigns.links import Link, Promised
from backend.campaigns.models import (
    Campaign,
    CampaignCoupon,
    CampaignKind,
    ClaimLinkKind,
    Grant,
)
from backend.campaigns.offers import CurrentOffer
from backend.campaigns.running import is_in_force, is_paid_for
from backend.card_pack import queries as card_pack
from backend.card_pack.view import CouponView
from backend.coupons.errors import SoldOut, TemplateNotFound
from backend.coupons.models import CouponTemplate
from backend.database import db, table_of, transactional
from backend.members.view import member_view
from backend.points import ledger
from backend.points.account import Entry
from backend.points.errors import (
    ExchangeLimitReached,
    ExchangeNotRunning,
    LevelNotEligible,
    MemberBlacklisted,
)
from backend.points.exchange_offers import settings_of

CAUSE = "exchange-"
"""How the causes of exchanges begin in the ledger."""

_grants = table_of(Grant)


@dataclass(frozen=True)
class ExchangeOrder:
    """Which coupon of which campaign."""

    campaign_id: int
    template_id: int


@dataclass(frozen=True)
class AtTill:
    """兑换成功，请顾客扫码 (S2-32): the code to show, what was taken and what is left."""

    link: Link
    points: int
    points_total: int


@transactional
def exchange(member_id: int, wanted: ExchangeOrder, *, now: datetime) -> CouponView:
    """兑换 by the member: the coupon is in the card pack at once."""
    cause = _new_cause()
    taken = _take(member_id, wanted, cause, store_code=None, now=now)
    given = grants.give_at_once(
        offers.persist(taken.offer), taken.entry.member_id, cycle=cause, now=now
    )
    faults.point("exchange.before_commit")
    return card_pack.by_ids(given.coupon_ids, now=now)[0]


@transactional
def exchange_at_till(
    member_id: int, wanted: ExchangeOrder, *, store_code: str, now: datetime
) -> AtTill:
    """兑换 by the cashier: the points are taken now, the coupon waits behind the code and for the
    member's next login; see ``exchange_lapse`` for one that nobody claims."""
    cause = _new_cause()
    taken = _take(member_id, wanted, cause, store_code=store_code, now=now)
    window = settings_of(taken.campaign).claim_window
    until = cadence.claim_until(now, window, zone=queries.calendar().zone)
    link = links.make(
        ClaimLinkKind.EXCHANGE,
        member_id=taken.entry.member_id,
        promised=[Promised(taken.offer, until)],
        made_for=cause,
        points=-taken.entry.change,
        now=now,
    )
    faults.point("till_exchange.before_commit")
    return AtTill(link, -taken.entry.change, taken.entry.after)


def _new_cause() -> str:
    """An exchange as ledger, grant and link know it."""
    return CAUSE + secrets.token_hex(11)


@dataclass(frozen=True)
class _Taken:
    campaign: Campaign
    offer: CurrentOffer
    entry: Entry


def _take(
    member_id: int, wanted: ExchangeOrder, cause: str, *, store_code: str | None, now: datetime
) -> _Taken:
    """Everything that must hold; the piece and the points are taken."""
    campaign, zone = _campaign(wanted.campaign_id), queries.calendar().zone
    member = member_view(member_id)
    part, price = _price(campaign, wanted.template_id, member.level)
    offer = offers.current(campaign.id, part)
    if (
        offer is None
        or not is_in_force(campaign, at=now, zone=zone, store=store_code)
        or not is_paid_for(campaign.kind, at=now, zone=zone)
    ):
        raise ExchangeNotRunning()
    if member.blacklisted:
        raise MemberBlacklisted()
    if price == 0:
        raise LevelNotEligible()
    if budget.left(campaign, zone=zone, at=now) == 0 or not offers.take_stock(offer, 1):
        raise SoldOut()
    entry = ledger.spend(member_id, price, cause=cause, now=now)
    assert entry is not None
    if not limits.within_limits(entry.member_id, offer, zone=zone, now=now):
        raise ExchangeLimitReached()
    return _Taken(campaign, offer, entry)


def _campaign(campaign_id: int) -> Campaign:
    """The campaign, held: a pause and a budget are kept to the moment."""
    for campaign in queries.locked(campaign_id):
        if campaign.kind == CampaignKind.POINTS_EXCHANGE:
            return campaign
    raise CampaignNotFound()


def _price(campaign: Campaign, template_id: int, level: str | None) -> tuple[str, int]:
    """The part of the campaign that gives this template, and what this level pays."""
    row = db.session.execute(
        select(CampaignCoupon.part, CouponTemplate.code)
        .join(CouponTemplate, CouponTemplate.id == CampaignCoupon.template_id)
        .where(CampaignCoupon.campaign_id == campaign.id, CampaignCoupon.template_id == template_id)
    ).first()
    offer = settings_of(campaign).offer_of(row.code) if row else None
    if row is None or offer is None:
        raise TemplateNotFound()
    return row.part, offer.price(level)
