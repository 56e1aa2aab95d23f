"""后台查询: rows of the desk's lists with what belongs to them from other tables.

Each function is one statement; a list asks for its rows, its counts and these, nothing per row.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, cast, exists, func, or_, select
from sqlalchemy.orm import aliased

from backend import tenancy
from backend.campaigns.models import Campaign, CampaignCoupon
from backend.coupons.models import Coupon, CouponEvent, CouponTemplate, TemplateRevision
from backend.database import db, table_of
from backend.members.models import Member, MemberLevel, MemberTag
from backend.merchants.models import Store
from backend.redemption.models import Redemption
from backend.sales.models import Bill

_bills, _redemptions = table_of(Bill), table_of(Redemption)
"""Read by the key of a row that is the merchant's: beside such a key the merchant's own condition
would have SQLite read all rows of the merchant for each."""


@dataclass(frozen=True)
class Person:
    """A member as other lists name them."""

    id: int
    nickname: str
    phone: str | None


@dataclass(frozen=True)
class Redeemed:
    """Where and when a coupon was used."""

    coupon_id: int
    at: datetime
    store: str
    by: str
    reduction_fen: int | None


def people(member_ids: Collection[int]) -> dict[int, Person]:
    """Who stands behind these ids by now: an alias is told as whom it was joined into."""
    now = aliased(Member)
    rows = db.session.execute(
        select(Member.id, now.id, now.nickname, now.phone)
        .join(now, now.id == func.coalesce(Member.alias_of_id, Member.id))
        .where(Member.id.in_(member_ids))
    )
    return {row[0]: Person(*row[1:]) for row in rows}


def names(column_owner: Any, ids: Collection[int]) -> dict[int, str]:
    """Names of campaigns, stores or levels by id."""
    rows = db.session.execute(
        select(column_owner.id, column_owner.name).where(column_owner.id.in_(ids))
    )
    return {row.id: row.name for row in rows}


def titles(revision_ids: Collection[int]) -> dict[int, str]:
    """What coupons of these revisions are called."""
    rows = db.session.execute(
        select(TemplateRevision.id, TemplateRevision.title).where(
            TemplateRevision.id.in_(revision_ids)
        )
    )
    return {row.id: row.title for row in rows}


def revisions(revision_ids: Collection[int]) -> dict[int, TemplateRevision]:
    """These revisions by id."""
    found = db.session.scalars(
        select(TemplateRevision).where(TemplateRevision.id.in_(revision_ids))
    )
    return {revision.id: revision for revision in found}


def live_redemptions(coupon_ids: Collection[int]) -> dict[int, Redeemed]:
    """The redemption that stands of each of these coupons."""
    used = _redemptions.c
    rows = db.session.execute(
        select(used.coupon_id, used.at, Store.name, used.by, used.reduction_fen)
        .join(Store, Store.id == used.store_id)
        .where(used.live_key.in_(coupon_ids))
    )
    return {row[0]: Redeemed(*row) for row in rows}


def redemptions_of(coupon_id: int) -> Sequence[Any]:
    """Every redemption of a coupon with its store, undone ones too."""
    return db.session.execute(
        select(Redemption, Store.name)
        .join(Store, Store.id == Redemption.store_id)
        .where(Redemption.coupon_id == coupon_id)
        .order_by(Redemption.at)
    ).all()


def events_of(coupon_id: int) -> Sequence[CouponEvent]:
    """券流水."""
    return db.session.scalars(
        select(CouponEvent).where(CouponEvent.coupon_id == coupon_id).order_by(CouponEvent.id)
    ).all()


def tags_of(member_ids: Collection[int]) -> dict[int, list[str]]:
    """Tags of these members."""
    found: dict[int, list[str]] = {}
    for row in db.session.execute(
        select(MemberTag.member_id, MemberTag.tag)
        .where(MemberTag.member_id.in_(member_ids))
        .order_by(MemberTag.id)
    ):
        found.setdefault(row.member_id, []).append(row.tag)
    return found


def gives(campaign_ids: Collection[int]) -> dict[int, list[str]]:
    """What campaigns give, in words: ``满300减100 ×2``."""
    found: dict[int, list[str]] = {}
    for row in db.session.execute(
        select(CampaignCoupon.campaign_id, CouponTemplate.title, CampaignCoupon.quantity)
        .join(CouponTemplate, CouponTemplate.id == CampaignCoupon.template_id)
        .where(CampaignCoupon.campaign_id.in_(campaign_ids))
        .order_by(CampaignCoupon.part, CampaignCoupon.position)
    ):
        found.setdefault(row.campaign_id, []).append(f"{row.title} ×{row.quantity}")
    return found


def template_titles(codes: Collection[str]) -> dict[str, str]:
    """Titles of templates by code."""
    found = select(CouponTemplate.code, CouponTemplate.title).where(CouponTemplate.code.in_(codes))
    return {row.code: row.title for row in db.session.execute(found)}


def offered_templates() -> Sequence[CouponTemplate]:
    """Templates a campaign may give."""
    return db.session.scalars(
        select(CouponTemplate)
        .where(CouponTemplate.archived.is_(False), CouponTemplate.approval == "passed")
        .order_by(CouponTemplate.id.desc())
        .limit(200)
    ).all()


def stores(codes: Sequence[str] | None = None) -> Sequence[Store]:
    """The merchant's stores, by code; only these where codes are given."""
    wanted = select(Store).order_by(Store.code)
    if codes is not None:
        wanted = wanted.where(Store.code.in_(codes))
    return db.session.scalars(wanted).all()


def store_choices(codes: Sequence[str] | None = None) -> list[tuple[str, str]]:
    """Stores for a select."""
    return [(store.code, store.name) for store in stores(codes)]


def level_names() -> list[str]:
    """会员等级, lowest first."""
    return list(db.session.scalars(select(MemberLevel.name).order_by(MemberLevel.position)))


def campaign_choices() -> list[tuple[str, str]]:
    """Campaigns for a select, newest first."""
    rows = db.session.execute(
        select(Campaign.id, Campaign.name).order_by(Campaign.id.desc()).limit(100)
    )
    return [(str(row.id), row.name) for row in rows]


def at_stores(codes: Sequence[str]) -> ColumnElement[bool]:
    """会员 of these stores: who came through one of them, paid or used a coupon there (A-13)."""
    ids = _store_ids(codes)
    merchant_id = tenancy.merchant_id()
    used = exists().where(
        tenancy.owner(_redemptions) == merchant_id,
        _redemptions.c.member_id == Member.id,
        _redemptions.c.store_id.in_(ids),
    )
    paid = exists().where(
        tenancy.owner(_bills) == merchant_id,
        _bills.c.member_id == Member.id,
        _bills.c.store_id.in_(ids),
    )
    return or_(Member.store_id.in_(ids), used, paid)


def coupons_at_stores(codes: Sequence[str]) -> ColumnElement[bool]:
    """券 of members of these stores, and those used there."""
    ids = _store_ids(codes)
    merchant_id = tenancy.merchant_id()
    used = exists().where(
        tenancy.owner(_redemptions) == merchant_id,
        _redemptions.c.coupon_id == Coupon.id,
        _redemptions.c.store_id.in_(ids),
    )
    theirs = exists().where(
        Member.id == Coupon.member_id,
        Member.store_id.in_(ids),
    )
    return or_(used, theirs)


def _store_ids(codes: Sequence[str]) -> Sequence[int]:
    return db.session.scalars(select(Store.id).where(Store.code.in_(codes))).all()


def lists_one_of(column: Any, codes: Sequence[str]) -> ColumnElement[bool]:
    """A JSON list of words holds one of these; JSON writes Chinese as escapes."""
    text = cast(column, String)
    return or_(*(text.contains(json.dumps(code), autoescape=True) for code in codes))
