"""合并会员: two members of a merchant turn out to be one person (spec/01).

The older one stays, the younger becomes its alias, in one transaction. Coupons, identities, cards,
tags, spending and a verifier's rights move; points and balance by a pair of entries in each
ledger; grants stay where they were made and count for both; nothing is granted again. The level is
judged once by the figures of both, and never below what either had.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Mapped

from backend import tenancy
from backend.campaigns.models import AudienceMember
from backend.coupons import holders
from backend.database import MetAnother, db, transactional
from backend.members import queries, spending
from backend.members.models import (
    Identity,
    Member,
    MemberCard,
    MemberTag,
    Recharge,
    Spending,
)
from backend.members.recognise import Recognised
from backend.membership import levels
from backend.merchants.models import Verifier
from backend.messaging import outbox, roads
from backend.messaging.models import OptOut
from backend.points import ledger as points
from backend.tenancy import MerchantRow
from backend.wallet import ledger as wallet

_MOVING: tuple[type[MerchantRow], ...] = (Identity, Spending, Recharge, MemberCard)
"""What belongs to whoever the person is now."""


@transactional
def join(member_id: int, other_id: int, *, now: datetime) -> int:
    """Make one member of two; answers the survivor's id. Joined ones, or one and the same, are left
    alone. Two joins at the same moment wait for each other: rows are locked in the order of ids."""
    ids = {queries.survivor_id(member_id), queries.survivor_id(other_id)}
    if len(ids) == 1:
        return ids.pop()
    kept, joined = _locked(ids)
    holders.hand_over(joined.id, kept.id)
    _move_rows(kept.id, joined.id)
    _move_unique(AudienceMember, AudienceMember.campaign_id, kept.id, joined.id)
    _move_unique(MemberTag, MemberTag.tag, kept.id, joined.id)
    _move_unique(OptOut, OptOut.merchant_id, kept.id, joined.id)
    _join_verifiers(kept.id, joined.id, now)
    _join_profiles(kept, joined)
    db.session.flush()
    points.join(joined.id, kept.id, now=now)
    wallet.join(joined.id, kept.id, now=now)
    _join_figures(kept, joined)
    joined.alias_of_id = kept.id
    db.session.flush()
    roads.opened([kept.id])
    spending.judge_class(kept.id, cause=f"join-{joined.id}", now=now)
    levels.judge(kept.id, cause=f"join-{joined.id}", also=joined.level_id, now=now)
    db.session.refresh(kept)
    return kept.id


@transactional
def join_same_person(came: Recognised, *, now: datetime) -> Recognised:
    """Join the members that recognition found to be one person by unionid."""
    if not came.same_person:
        return came
    kept_id = came.member.id
    for other_id in came.same_person:
        kept_id = join(kept_id, other_id, now=now)
    return replace(came, member=queries.survivor(kept_id), is_new=False, same_person=())


def _locked(ids: set[int]) -> tuple[Member, Member]:
    """The two rows, nobody else's to change until we are done; the older one first."""
    members = db.session.scalars(
        select(Member)
        .where(Member.id.in_(sorted(ids)), Member.alias_of_id.is_(None))
        .order_by(Member.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if len(members) != 2:
        raise MetAnother("one of the two was joined meanwhile")
    first, second = sorted(members, key=lambda member: (member.joined_at, member.id))
    return first, second


def _move_rows(kept_id: int, joined_id: int) -> None:
    for model in _MOVING:
        table = model.__table__  # type: ignore[attr-defined]
        db.session.execute(
            update(table)
            .where(table.c.merchant_id == tenancy.merchant_id(), table.c.member_id == joined_id)
            .values(member_id=kept_id)
        )
    outbox.hand_over(joined_id, kept_id)
    db.session.execute(
        update(Member).where(Member.alias_of_id == joined_id).values(alias_of_id=kept_id)
    )


def _move_unique(
    model: type[AudienceMember] | type[MemberTag] | type[OptOut],
    single: Mapped[int] | Mapped[str],
    kept_id: int,
    joined_id: int,
) -> None:
    """Rows of which a member has one per ``single``: what the survivor has already goes."""
    has = set(db.session.scalars(select(single).where(model.member_id == kept_id)))
    if has:
        db.session.execute(delete(model).where(model.member_id == joined_id, single.in_(has)))
    db.session.execute(update(model).where(model.member_id == joined_id).values(member_id=kept_id))


def _join_verifiers(kept_id: int, joined_id: int, now: datetime) -> None:
    """核销员: one row per person; both rows' stores while they were bound. History stays."""
    rows = {
        row.member_id: row
        for row in db.session.scalars(
            select(Verifier).where(Verifier.member_id.in_([kept_id, joined_id]))
        )
    }
    theirs, ours = rows.get(joined_id), rows.get(kept_id)
    if theirs is None:
        return
    if ours is None:
        theirs.member_id = kept_id
        return
    if theirs.active:
        mine = ours.stores if ours.active else []
        ours.stores = [*sorted({str(code) for code in (*mine, *theirs.stores)})]
        ours.active, ours.unbound_at = True, None
        ours.name = ours.name or theirs.name
        theirs.active, theirs.unbound_at = False, now


def _join_profiles(kept: Member, joined: Member) -> None:
    """What the survivor lacks comes from the other; phone and unionid move: they are single."""
    for name in ("nickname", "avatar", "gender", "birthday", "store_id", "inviter_id", "note"):
        if not getattr(kept, name):
            setattr(kept, name, getattr(joined, name))
    for name in ("phone", "unionid"):
        if getattr(kept, name) is None and (single := getattr(joined, name)) is not None:
            setattr(joined, name, None)
            db.session.flush()
            setattr(kept, name, single)
    kept.registered_at = _earliest(kept.registered_at, joined.registered_at)
    kept.follow_gift_at = _earliest(kept.follow_gift_at, joined.follow_gift_at)
    kept.follows, joined.follows = kept.follows or joined.follows, False
    kept.blacklisted = kept.blacklisted or joined.blacklisted


def _join_figures(kept: Member, joined: Member) -> None:
    """Counters add up and leave the alias empty."""
    for name in _FIGURES:
        setattr(kept, name, getattr(kept, name) + getattr(joined, name))
        setattr(joined, name, 0)
    spent = [at for at in (kept.last_consumed_at, joined.last_consumed_at) if at]
    kept.last_consumed_at, joined.last_consumed_at = max(spent, default=None), None
    joined.customer_class = "new"


_FIGURES = (
    "consumption_count",
    "consumption_fen",
    "recharged_fen",
)


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((at for at in instants if at is not None), default=None)
