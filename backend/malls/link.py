"""关联票券 (S1-14): a voucher that was sold becomes a coupon once its product has a campaign.

At the sale where the campaign runs already; else the voucher waits, and every one that waits is
linked when the campaign starts, a chunk at a time. It was paid for: neither stock nor limits nor
营销包年 stand against it, and the end of the campaign takes nothing back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, and_, cast, exists, func, literal, select, update

from backend import tenancy
from backend.campaigns import granting, mall_products, offers
from backend.campaigns.granting import Recipient
from backend.campaigns.mall_products import LinkedProduct
from backend.campaigns.models import Campaign, CampaignKind, CampaignState, Grant
from backend.campaigns.offers import CurrentOffer
from backend.coupons import make, stock
from backend.coupons.make import PromisedPiece
from backend.coupons.models import Coupon
from backend.database import MetAnother, changed, db, end_read, table_of, transactional
from backend.members.models import Member
from backend.merchants import queries as merchants
from backend.merchants.models import Store
from backend.messaging import outbox
from backend.messaging.models import Purpose
from backend.vouchers.models import MallShop, MallVoucher, VoucherState

CHUNK = 500

_vouchers, _shops, _stores = table_of(MallVoucher), table_of(MallShop), table_of(Store)
_coupons, _grants, _members = table_of(Coupon), table_of(Grant), table_of(Member)
_campaigns = table_of(Campaign)


@dataclass(frozen=True)
class Sold:
    """A voucher that waits, and whose it is."""

    id: int
    member_id: int

    @property
    def cycle(self) -> str:
        """It is granted once."""
        return f"voucher-{self.id}"


def link_sold(sold: Sold, product: str, *, store_code: str, now: datetime) -> CurrentOffer | None:
    """The coupon of what was just sold, in the open transaction; None: it waits."""
    linked = mall_products.linked(mall_products.linked_products(at=now), product, store=store_code)
    return None if linked is None else _make_coupons([sold], linked.campaign_id, now=now)


def link_everywhere(*, now: datetime) -> int:
    """Whatever waits and has a campaign by now, of all merchants; how many."""
    end_read()
    with tenancy.across_merchants("the tick looks whose vouchers may be linked"):
        waiting = exists().where(
            _vouchers.c.merchant_id == _campaigns.c.merchant_id,
            _vouchers.c.state == VoucherState.WAITING,
        )
        found = db.session.connection().scalars(
            select(_campaigns.c.merchant_id)
            .where(
                _campaigns.c.kind == CampaignKind.MALL_VOUCHER,
                _campaigns.c.state == CampaignState.RUNNING,
                waiting,
            )
            .distinct()
        )
        merchant_ids = list(found)
    end_read()
    linked = 0
    for merchant_id in merchant_ids:
        with tenancy.acting_for(merchant_id):
            linked += link_all(now=now)
    return linked


def link_all(*, now: datetime) -> int:
    """Whatever waits at this merchant and has a campaign by now; how many."""
    products = mall_products.linked_products(at=now)
    linked = 0
    for product in products:
        while some := _link_some(product, products, now=now):
            linked += some
    return linked


@transactional
def _link_some(product: LinkedProduct, products: Sequence[LinkedProduct], *, now: datetime) -> int:
    """The next vouchers of one product. What others have in hand is theirs."""
    connection, merchant_id = db.session.connection(), tenancy.merchant_id()
    rows = connection.execute(
        select(_vouchers.c.id, _vouchers.c.member_id)
        .where(
            _vouchers.c.merchant_id == merchant_id,
            _vouchers.c.product == product.product,
            _vouchers.c.state == VoucherState.WAITING,
            _vouchers.c.shop_id.in_(_shops_of(product, products)),
        )
        .order_by(_vouchers.c.id)
        .limit(CHUNK)
        .with_for_update(skip_locked=True)
    )
    buyers = {row.id: row.member_id for row in rows}
    who = func.coalesce(_members.c.alias_of_id, _members.c.id)
    people = connection.execute(
        select(_members.c.id, who.label("who")).where(
            _members.c.merchant_id == merchant_id, _members.c.id.in_(buyers.values())
        )
    )
    survivors = {row.id: row.who for row in people}
    waiting = [Sold(voucher_id, survivors[buyer]) for voucher_id, buyer in buyers.items()]
    if not waiting:
        return 0
    offer = _make_coupons(waiting, product.campaign_id, now=now)
    if offer is None:
        return 0
    _tell(waiting, offer, now=now)
    return len(waiting)


def _shops_of(product: LinkedProduct, products: Sequence[LinkedProduct]) -> list[int]:
    """The shops whose sales of it are meant: the store's, or those that no other campaign has."""
    others = [each.store for each in products if each.store and each.product == product.product]
    mine = (
        _stores.c.code.not_in(others) if product.store is None else _stores.c.code == product.store
    )
    return list(
        db.session.connection().scalars(
            select(_shops.c.id)
            .join(_stores, _stores.c.id == _shops.c.store_id)
            .where(_shops.c.merchant_id == tenancy.merchant_id(), mine)
        )
    )


def _make_coupons(sold: Sequence[Sold], campaign_id: int, *, now: datetime) -> CurrentOffer | None:
    """Voucher, grant and coupon of each, all or none; None: the campaign gives nothing."""
    offer = offers.current(campaign_id)
    if offer is None:
        return None
    offer = offers.persist(offer)
    (line,) = offer.lines
    stock.take_sold(line.template_id, len(sold))
    ours = and_(
        _vouchers.c.merchant_id == tenancy.merchant_id(),
        _vouchers.c.id.in_([each.id for each in sold]),
    )
    linked = changed(
        update(_vouchers)
        .where(ours, _vouchers.c.state == VoucherState.WAITING)
        .values(state=VoucherState.LINKED.value, campaign_id=campaign_id, linked_at=now)
    )
    if linked != len(sold):
        raise MetAnother("a voucher was linked or refunded meanwhile")
    way = granting.at_once(now)
    grants = granting.grant(
        [Recipient(each.member_id, offer, each.cycle, way) for each in sold], now=now
    )
    window = line.use_window(claimed_at=now, zone=merchants.zone())
    make.from_grants(
        [
            PromisedPiece(
                grant_id=grants[each.cycle],
                piece=1,
                member_id=each.member_id,
                campaign_id=campaign_id,
                template_id=line.template_id,
                revision_id=line.revision_id,
                use_window=window,
                voucher_id=each.id,
            )
            for each in sold
        ],
        now=now,
    )
    theirs = select(_coupons.c.id).where(_coupons.c.voucher_id == _vouchers.c.id)
    changed(update(_vouchers).where(ours).values(coupon_id=theirs.scalar_subquery()))
    return offer


def _tell(linked: Sequence[Sold], offer: CurrentOffer, *, now: datetime) -> None:
    """券到账: what they bought stands in their card pack at last."""
    zone = merchants.zone()
    people = (
        select(
            func.coalesce(_members.c.alias_of_id, _members.c.id).label("member_id"),
            (literal("voucher-") + cast(_vouchers.c.id, String(20)) + literal("-linked")).label(
                "dedupe_key"
            ),
        )
        .join(_members, _members.c.id == _vouchers.c.member_id)
        .where(
            _vouchers.c.merchant_id == tenancy.merchant_id(),
            _vouchers.c.id.in_([each.id for each in linked]),
        )
        .subquery()
    )
    facts = offer.facts(until=offer.first_end(claimed_at=now, zone=zone), zone=zone)
    outbox.queue_for_crowd(people, Purpose.COUPON_RECEIVED, facts, now=now)
