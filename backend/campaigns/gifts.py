"""会员消费送优惠券 (S2-51…57): what a settled bill earns, behind one link for its receipt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from backend import tenancy
from backend.campaigns import budget, limits, link_end, links, offers, queries
from backend.campaigns.at_settlement import Met, met
from backend.campaigns.cadence import claim_until
from backend.campaigns.kinds.consumption_gift import ConsumptionGift
from backend.campaigns.links import Link, Promised
from backend.campaigns.models import Campaign, CampaignKind, CampaignState, ClaimLinkKind
from backend.campaigns.running import is_in_force, is_paid_for
from backend.coupons import states
from backend.coupons.models import Coupon
from backend.database import db, table_of, transactional
from backend.members.held import person

KIND = CampaignKind.CONSUMPTION_GIFT
_coupons = table_of(Coupon)


@dataclass(frozen=True)
class PaidBill:
    """A member's settled bill: what was really paid (实付, S2-54), where and when."""

    id: int
    member_id: int
    paid_fen: int
    store_code: str
    settled_at: datetime


@transactional
def for_bill(bill: PaidBill, *, now: datetime) -> Link | None:
    """The link for the receipt; None when no rule is met, or nothing is left to give.

    Every running campaign gives what its rules say, all behind this one link. Claim windows count
    from the settlement; a bill sent in so late that they are over brings none.
    """
    running = [each for each in met(at=bill.settled_at) if _is_running(each)]
    if not running or person(bill.member_id).blacklisted:
        return None
    zone = queries.calendar().zone
    if not is_paid_for(KIND, at=now, zone=zone):
        return None
    promised = [
        given
        for campaign in _held_where_budgeted(running)
        if is_in_force(campaign, at=now, zone=zone, store=bill.store_code)
        for given in _given(campaign, bill, zone=zone, now=now)
    ]
    if not promised:
        return None
    return links.make(
        ClaimLinkKind.RECEIPT,
        member_id=bill.member_id,
        promised=promised,
        made_for=_made_for(bill.id),
        bill_id=bill.id,
        now=now,
    )


@transactional
def take_back(bill_id: int, *, by: str, now: datetime) -> None:
    """收回 the gift of a bill that was refunded as a whole: the link, or of a claimed one the
    coupons that are not used yet."""
    claimed = link_end.revoke(_made_for(bill_id))
    if not claimed:
        return
    coupon_ids = db.session.connection().scalars(
        select(_coupons.c.id)
        .where(tenancy.owner(_coupons) == tenancy.merchant_id(), _coupons.c.grant_id.in_(claimed))
        .order_by(_coupons.c.id)
    )
    for coupon_id in list(coupon_ids):
        states.revoke(coupon_id, actor=by, cause=f"refund of bill {bill_id}", now=now)


def _made_for(bill_id: int) -> str:
    return f"bill-{bill_id}"


def _given(
    campaign: Met | Campaign, bill: PaidBill, *, zone: ZoneInfo, now: datetime
) -> Iterator[Promised]:
    """The parts a campaign gives for this bill, as far as stock, budget and limits go."""
    settings = ConsumptionGift.read(campaign.settings)
    until = claim_until(bill.settled_at, settings.claim_window, zone=zone)
    if until is not None and until <= now:
        return
    left = budget.left(campaign, zone=zone, at=now)
    for part in settings.parts_for(bill.paid_fen):
        offer = offers.current(campaign.id, part)
        if offer is None or left == 0 or offer.first_end(claimed_at=now, zone=zone) <= now:
            continue
        if not limits.within_limits(bill.member_id, offer, zone=zone, now=now):
            continue
        if offers.take_stock(offer, 1):
            left = None if left is None else left - 1
            yield Promised(offer, until)


def _is_running(campaign: Met) -> bool:
    return campaign.kind == KIND and campaign.state == CampaignState.RUNNING


def _held_where_budgeted(campaigns: Sequence[Met]) -> list[Met | Campaign]:
    """The campaigns; those with a budget are held, so that no other bill counts it meanwhile."""
    budgeted = [
        each.id
        for each in campaigns
        if each.budget_total is not None or each.budget_per_day is not None
    ]
    held = {each.id: each for each in queries.locked(*budgeted)} if budgeted else {}
    return [held.get(each.id, each) for each in campaigns]
