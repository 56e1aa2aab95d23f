"""会员详情: coupons, bills, messages of one member, under every id the person has here."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select

from admin import access, queries, words
from admin.rights import Right
from backend import clock
from backend.campaigns.models import Campaign, Grant
from backend.coupons.models import Coupon
from backend.coupons.view import state_at
from backend.database import changed, db
from backend.members.models import Member, MemberLevel, MemberTag
from backend.members.queries import ids_of
from backend.merchants.models import Store
from backend.messaging.models import Intent
from backend.sales.models import Bill

SHOWN = 50


def facts(member: Member) -> Mapping[str, object]:
    """Everything the page of one member shows."""
    now = clock.now()
    ids = ids_of(member.id)
    coupons = db.session.scalars(
        select(Coupon).where(Coupon.member_id.in_(ids)).order_by(Coupon.id.desc()).limit(SHOWN)
    ).all()
    bills = db.session.scalars(
        select(Bill).where(Bill.member_id.in_(ids)).order_by(Bill.settled_at.desc()).limit(SHOWN)
    ).all()
    intents = db.session.scalars(
        select(Intent).where(Intent.member_id.in_(ids)).order_by(Intent.id.desc()).limit(SHOWN)
    ).all()
    waiting = db.session.scalars(
        select(Grant)
        .where(Grant.member_id.in_(ids), Grant.state == "open")
        .order_by(Grant.id.desc())
        .limit(SHOWN)
    ).all()
    levels = queries.names(MemberLevel, [member.level_id] if member.level_id else [])
    stores = {bill.store_id for bill in bills} | ({member.store_id} - {None})
    return {
        "row": member,
        "level": levels.get(member.level_id or 0, ""),
        "tags": queries.tags_of([member.id]).get(member.id, []),
        "coupons": [(coupon, state_of(coupon, now=now)) for coupon in coupons],
        "titles": queries.titles({coupon.revision_id for coupon in coupons}),
        "waiting": [grant for grant in waiting if not grant.claim_until or now < grant.claim_until],
        "campaigns": queries.names(
            Campaign, {c.campaign_id for c in coupons} | {g.campaign_id for g in waiting}
        ),
        "bills": bills,
        "stores": queries.names(Store, {store for store in stores if store}),
        "intents": intents,
        "words": words,
        "running": queries.campaign_choices() if access.may(Right.CAMPAIGNS) else [],
    }


def state_of(coupon: Coupon, *, now: datetime) -> str:
    """What a coupon is for people: past its validity an unused one is 已过期 by time alone."""
    return state_at(
        coupon.state, valid_until=coupon.valid_until, locked_until=coupon.locked_until, now=now
    )


def set_tags(member_id: int, text: str) -> None:
    """标签, separated by spaces or commas; twenty at most."""
    wanted = list(dict.fromkeys(text.replace("，", " ").replace(",", " ").split()))[:20]
    changed(delete(MemberTag).where(MemberTag.member_id == member_id))
    db.session.add_all(MemberTag(member_id=member_id, tag=tag[:40]) for tag in wanted)
