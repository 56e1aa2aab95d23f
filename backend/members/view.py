"""会员的样子: what the person, a verifier and a till are told of a member (spec/08)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from backend import tenancy
from backend.database import db, table_of
from backend.members.errors import MemberNotFound
from backend.members.models import CardState, Member, MemberCard, MemberLevel
from backend.members.phones import masked

_members, _levels, _cards = table_of(Member), table_of(MemberLevel), table_of(MemberCard)

_CARD = (
    select(_cards.c.number)
    .where(
        _cards.c.merchant_id == bindparam("merchant"),
        _cards.c.member_id == bindparam("member"),
        _cards.c.state == CardState.NORMAL.value,
    )
    .order_by(_cards.c.id.desc())
    .limit(1)
    .scalar_subquery()
)

_VIEW = (
    select(
        _members.c.id,
        _members.c.nickname,
        _members.c.phone,
        _members.c.customer_class,
        _members.c.points,
        (_members.c.principal_fen + _members.c.bonus_fen).label("balance_fen"),
        _members.c.registered_at,
        _members.c.blacklisted,
        _levels.c.name.label("level"),
        _levels.c.discount_bp,
        _levels.c.rights,
        _CARD.label("card"),
    )
    .outerjoin(_levels, _levels.c.id == _members.c.level_id)
    .where(_members.c.merchant_id == bindparam("merchant"), _members.c.id == bindparam("member"))
)


@dataclass(frozen=True)
class MemberView:
    """会员 as answered; ``level`` by name, the level's discount in basis points of what is paid;
    ``card``: 卡号 of the one in use, the newest."""

    id: int
    nickname: str
    phone_masked: str | None
    customer_class: str
    level: str | None
    level_discount_bp: int
    level_rights: str
    points: int
    balance_fen: int
    registered_at: datetime | None
    blacklisted: bool = False
    card: str | None = None


def member_view(member_id: int) -> MemberView:
    """The member as answered now."""
    row = (
        db.session.connection()
        .execute(_VIEW, {"merchant": tenancy.merchant_id(), "member": member_id})
        .one_or_none()
    )
    if row is None:
        raise MemberNotFound()
    return MemberView(
        id=row.id,
        nickname=row.nickname,
        phone_masked=masked(row.phone),
        customer_class=row.customer_class,
        level=row.level,
        level_discount_bp=row.discount_bp or 10000,
        level_rights=row.rights or "",
        points=row.points,
        balance_fen=row.balance_fen,
        registered_at=row.registered_at,
        blacklisted=row.blacklisted,
        card=row.card,
    )
