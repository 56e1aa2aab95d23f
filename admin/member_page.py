"""会员详情: account, coupons, bills, ledgers, messages of one member, under every id they have."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select

from admin import access, bill_page, causes, queries, words
from admin.cards import cards_of
from admin.levels import discount_text
from admin.rights import Right
from backend import clock, tenancy
from backend.campaigns.models import Campaign, Grant
from backend.card_pack.view import state_at
from backend.coupons.models import Coupon
from backend.database import changed, db, table_of, transactional
from backend.members.levels import Match, Missing, all_levels, next_level
from backend.members.models import Member, MemberLevel, MemberTag
from backend.members.queries import ids_of
from backend.merchants.models import Store
from backend.messaging.models import Intent
from backend.money import yuan
from backend.points.manual import adjust_by_staff
from backend.points.models import PointsEntry
from backend.sales.models import Bill
from backend.wallet.models import WalletEntry

SHOWN = 50
LAST = 10


def facts(member: Member) -> Mapping[str, object]:
    """Everything the page of one member shows."""
    now = clock.now()
    ids = ids_of(member.id)
    coupons = db.session.scalars(
        select(Coupon).where(Coupon.member_id.in_(ids)).order_by(Coupon.id.desc()).limit(SHOWN)
    ).all()
    bills = db.session.scalars(
        select(Bill)
        .where(Bill.member_id.in_(ids), *_at_own_stores())
        .order_by(Bill.settled_at.desc())
        .limit(LAST)
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
    stores = {bill.store_id for bill in bills} | ({member.store_id} - {None})
    return {
        "row": member,
        **_level(member, now=now),
        **_ledgers(ids),
        "cards": cards_of(ids),
        "used": bill_page.coupon_titles([bill.id for bill in bills]),
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


def _level(member: Member, *, now: datetime) -> dict[str, object]:
    """等级, its rights, what is missing for the next, and the levels that may be given."""
    levels = all_levels()
    row = db.session.scalars(
        select(MemberLevel).where(MemberLevel.id == member.level_id)
    ).one_or_none()
    missing = next_level(member.id, now=now)
    return {
        "level": row.name if row else "",
        "discount": discount_text(row.discount_bp) if row else "",
        "level_rights": row.rights if row else "",
        "missing": "" if missing is None else _missing_text(missing),
        "levels": [(level.id, level.name) for level in levels],
    }


def _missing_text(missing: Missing) -> str:
    """``再消费 100 元 或 1 次 升级为银卡``."""
    figures = missing.figures
    parts = [
        f"消费 {yuan(figures.amount_fen)} 元" if figures.amount_fen else "",
        f"消费 {figures.times} 次" if figures.times else "",
        f"充值 {yuan(figures.recharge_fen)} 元" if figures.recharge_fen else "",
    ]
    said = (" 或 " if missing.match is Match.ANY else " 且 ").join(filter(None, parts))
    return f"再{said}升级为{missing.level}" if said else f"下次结账时升级为{missing.level}"


def _ledgers(ids: Sequence[int]) -> dict[str, object]:
    """The last entries of both ledgers, with their causes in words."""
    if not access.may(Right.LEDGERS):
        return {"points_entries": [], "wallet_entries": []}
    entries = db.session.scalars(
        select(PointsEntry)
        .where(PointsEntry.member_id.in_(ids))
        .order_by(PointsEntry.id.desc())
        .limit(LAST)
    ).all()
    saved = db.session.scalars(
        select(WalletEntry)
        .where(WalletEntry.member_id.in_(ids))
        .order_by(WalletEntry.id.desc())
        .limit(LAST)
    ).all()
    why = causes.told({each.cause for each in entries} | {each.cause for each in saved})
    return {
        "points_entries": [(entry, why[entry.cause]) for entry in entries],
        "wallet_entries": [(entry, why[entry.cause]) for entry in saved],
    }


def _at_own_stores() -> tuple[ColumnElement[bool], ...]:
    """账单 that this person may see."""
    stores = access.desk().stores
    if stores is None:
        return ()
    return (Bill.store_id.in_(select(Store.id).where(Store.code.in_(stores))),)


def state_of(coupon: Coupon, *, now: datetime) -> str:
    """What a coupon is for people: past its validity an unused one is 已过期 by time alone."""
    return state_at(
        coupon.state, valid_until=coupon.valid_until, locked_until=coupon.locked_until, now=now
    )


def set_tags(member_id: int, text: str) -> None:
    """标签, separated by spaces or commas; twenty at most."""
    wanted = list(dict.fromkeys(text.replace("，", " ").replace(",", " ").split()))[:20]
    tags = table_of(MemberTag)
    changed(delete(tags).where(tenancy.ours(tags), tags.c.member_id == member_id))
    db.session.add_all(MemberTag(member_id=member_id, tag=tag[:40]) for tag in wanted)


@transactional
def adjust_points(member_id: int, points: int, *, reason: str, now: datetime) -> None:
    """增减积分 by hand, and its audit entry."""
    entry = adjust_by_staff(member_id, points, reason=reason, actor=access.desk().actor, now=now)
    if entry is not None:
        access.record(
            "member.points",
            f"会员 {member_id}",
            before={"points": entry.after - entry.change},
            after={"points": entry.after, "change": entry.change, "reason": reason},
        )
