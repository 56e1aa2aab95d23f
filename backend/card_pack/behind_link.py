"""领取链接 as its page and the API show it: its state, and the coupons behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import RowMapping, or_, select

from backend import tenancy
from backend.calendar import local
from backend.campaigns import links
from backend.campaigns.links import Link, LinkState
from backend.campaigns.models import Campaign, Grant, OfferPiece
from backend.card_pack import queries as card_pack
from backend.card_pack.view import (
    CampaignName,
    CouponView,
    campaign_shown,
    store_cards,
    stores_shown,
)
from backend.coupons.models import Coupon, CouponTemplate, TemplateRevision
from backend.coupons.terms import parse_validity
from backend.coupons.validity import use_window
from backend.database import db, table_of
from backend.members.queries import ids_of
from backend.merchants.house import house
from backend.merchants.queries import StoreCard

_grants, _pieces, _campaigns = table_of(Grant), table_of(OfferPiece), table_of(Campaign)
_revisions, _templates = table_of(TemplateRevision), table_of(CouponTemplate)
_coupons = table_of(Coupon)


@dataclass(frozen=True)
class PromisedCoupon:
    """A coupon that is not made yet: as it would be if claimed now. It has no number."""

    title: str
    kind: str
    valid_from: datetime
    valid_to: datetime
    rule: dict[str, JsonValue]
    minimum_fen: int
    stores: Literal["all"] | list[StoreCard]
    campaign: CampaignName
    template_id: int
    template: str
    giftable: bool


@dataclass(frozen=True)
class LinkView:
    """``mine`` are the coupons of the asker, if it was they who claimed; ``promised`` all that
    stands behind the link. ``claim_until`` is exclusive, in the merchant's zone."""

    kind: str
    state: LinkState
    merchant: str
    claim_until: datetime | None
    promised: list[PromisedCoupon]
    mine: list[CouponView]


def shown(code: str, *, member_id: int, now: datetime) -> LinkView:
    """The link for this member; ClaimNotFound, or ClaimIsAnothers, as ``links.find``."""
    link = links.find(code, member_id=member_id)
    zone, state = house().zone, link.state_at(now)
    return LinkView(
        kind=link.kind,
        state=state,
        merchant=house().name,
        claim_until=None if link.claim_until is None else local(link.claim_until, zone),
        promised=_promised(link, state, zone=zone, now=now),
        mine=_mine(link, member_id, now=now) if state == "claimed" else [],
    )


def _promised(
    link: Link, state: LinkState, *, zone: ZoneInfo, now: datetime
) -> list[PromisedCoupon]:
    wanted = (
        select(
            _revisions.c.title,
            _revisions.c.kind,
            _revisions.c.rule,
            _revisions.c.minimum_fen,
            _revisions.c.giftable,
            _revisions.c.validity,
            _revisions.c.stores.label("promised_stores"),
            _templates.c.stores.label("stores_now"),
            _templates.c.id.label("template_id"),
            _templates.c.code.label("template"),
            _campaigns.c.id.label("campaign_id"),
            _campaigns.c.code.label("campaign_code"),
            _campaigns.c.name.label("campaign_name"),
            _campaigns.c.description.label("campaign_description"),
        )
        .select_from(_grants)
        .join(_pieces, _pieces.c.offer_id == _grants.c.offer_id)
        .join(_revisions, _revisions.c.id == _pieces.c.revision_id)
        .join(_templates, _templates.c.id == _pieces.c.template_id)
        .join(_campaigns, _campaigns.c.id == _grants.c.campaign_id)
        .where(_grants.c.merchant_id == tenancy.merchant_id(), _grants.c.link_id == link.id)
        .order_by(_grants.c.id, _pieces.c.piece)
    )
    if state == "open":
        wanted = wanted.where(or_(_grants.c.claim_until.is_(None), _grants.c.claim_until > now))
    rows = db.session.connection().execute(wanted).mappings().all()
    stores = store_cards(rows)
    return [_coupon(row, stores, zone=zone, now=now) for row in rows]


def _coupon(
    row: RowMapping, stores: Mapping[str, StoreCard], *, zone: ZoneInfo, now: datetime
) -> PromisedCoupon:
    window = use_window(parse_validity(row["validity"]), claimed_at=now, zone=zone)
    return PromisedCoupon(
        title=row["title"],
        kind=row["kind"],
        valid_from=local(window.start, zone),
        valid_to=local(window.end - timedelta(seconds=1), zone),
        rule=row["rule"],
        minimum_fen=row["minimum_fen"],
        stores=stores_shown(row, stores),
        campaign=campaign_shown(row),
        template_id=row["template_id"],
        template=row["template"],
        giftable=row["giftable"],
    )


def _mine(link: Link, member_id: int, *, now: datetime) -> list[CouponView]:
    claimed = (
        select(_coupons.c.id)
        .join(_grants, _grants.c.id == _coupons.c.grant_id)
        .where(
            _grants.c.merchant_id == tenancy.merchant_id(),
            _grants.c.link_id == link.id,
            tenancy.owner(_coupons) == tenancy.merchant_id(),
            _coupons.c.member_id.in_(ids_of(member_id)),
        )
        .order_by(_coupons.c.id)
    )
    return card_pack.by_ids(list(db.session.connection().scalars(claimed)), now=now)
