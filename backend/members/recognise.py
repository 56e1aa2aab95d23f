"""认人: which member stands behind a WeChat identity; whoever comes first becomes one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, or_, select, update

from backend import tenancy
from backend.database import changed, db, table_of, transactional
from backend.members.models import Identity, Member, MemberLevel, WechatUser
from backend.merchants.house import house
from backend.merchants.settings import Registration

Known = list[tuple[WechatUser, Member | None]]

_USERS = (
    select(WechatUser, Member)
    .outerjoin(
        Identity,
        and_(
            Identity.wechat_user_id == WechatUser.id,
            Identity.merchant_id == bindparam("merchant"),
        ),
    )
    .outerjoin(Member, Member.id == Identity.member_id)
)
_users, _identities, _members = table_of(WechatUser), table_of(Identity), table_of(Member)
_THIS = and_(WechatUser.app_id == bindparam("app_id"), WechatUser.openid == bindparam("openid"))
_BY_OPENID = _USERS.where(_THIS)
_BY_EITHER = _USERS.where(or_(_THIS, WechatUser.unionid == bindparam("unionid")))
_FAMILIAR = (
    select(
        _users.c.id,
        _users.c.app_id,
        _users.c.openid,
        _users.c.unionid,
        _members.c.id.label("member_id"),
        _members.c.unionid.label("members_unionid"),
        _members.c.registered_at,
    )
    .outerjoin(
        _identities,
        and_(
            _identities.c.wechat_user_id == _users.c.id,
            _identities.c.merchant_id == bindparam("merchant"),
        ),
    )
    .outerjoin(_members, _members.c.id == _identities.c.member_id)
)
_FAMILIAR_BY_OPENID = _FAMILIAR.where(_THIS)
_FAMILIAR_BY_EITHER = _FAMILIAR.where(or_(_THIS, _users.c.unionid == bindparam("unionid")))


@dataclass(frozen=True)
class Familiar:
    """Somebody who is known here, and of whom there is nothing to write."""

    member_id: int
    wechat_user_id: int
    is_registered: bool


@dataclass(frozen=True)
class Recognised:
    """Who came. ``same_person``: members with the same unionid, which are now known to be theirs
    and wait to be joined (``membership.join.join_same_person``)."""

    member: Member
    wechat_user_id: int
    is_new: bool
    same_person: tuple[int, ...] = ()


def familiar(app_id: str, openid: str, unionid: str | None) -> Familiar | None:
    """The member of an identity that has been here, when ``by_wechat`` would change nothing."""
    asked = {"merchant": tenancy.merchant_id(), "app_id": app_id, "openid": openid}
    rows = (
        db.session.connection()
        .execute(
            _FAMILIAR_BY_OPENID if unionid is None else _FAMILIAR_BY_EITHER,
            asked if unionid is None else {**asked, "unionid": unionid},
        )
        .all()
    )
    here = next((row for row in rows if (row.app_id, row.openid) == (app_id, openid)), None)
    if here is None or {row.member_id for row in rows} - {None} != {here.member_id}:
        return None
    if unionid is not None and None in (here.unionid, here.members_unionid):
        return None
    return Familiar(here.member_id, here.id, here.registered_at is not None)


@transactional
def by_wechat(
    app_id: str,
    openid: str,
    unionid: str | None,
    *,
    channel: str,
    store_id: int | None,
    now: datetime,
) -> Recognised:
    """The member behind a WeChat identity of the merchant we act for.

    An identity not yet seen here belongs to the member whose other identity has the same unionid,
    else to a new member of the first level. Two first visits at once meet on a unique key: the
    second try finds the first one's member.
    """
    known = _known(app_id, openid, unionid)
    user, member = next(
        (pair for pair in known if (pair[0].app_id, pair[0].openid) == (app_id, openid)),
        (None, None),
    )
    user = user or _new_user(app_id, openid, unionid, now)
    if unionid and user.unionid is None:
        user.unionid = unionid
    people = _oldest_first(known)
    is_new = member is None and not people
    if member is None:
        member = people[0] if people else _new_member(unionid, channel, store_id, now)
        db.session.add(Identity(member_id=member.id, wechat_user_id=user.id, store_id=store_id))
    others = tuple(person.id for person in people if person.id != member.id)
    if unionid and member.unionid is None and not others:
        member.unionid = unionid
    db.session.flush()
    return Recognised(member, user.id, is_new, others)


@transactional
def newcomer(*, phone: str, channel: str, store_id: int | None, now: datetime) -> Member:
    """A member whom nobody has seen at WeChat yet, known by the phone that somebody says."""
    member = _new_member(None, channel, store_id, now)
    member.phone = phone
    db.session.flush()
    return member


@transactional
def register(member_id: int, *, now: datetime) -> bool:
    """注册. The member counts as registered from now on, once; whether it was this call's doing."""
    members = table_of(Member)
    return bool(
        changed(
            update(members)
            .where(
                members.c.merchant_id == tenancy.merchant_id(),
                members.c.id == member_id,
                members.c.registered_at.is_(None),
            )
            .values(registered_at=now)
        )
    )


@transactional
def register_at_login(member: Member, *, now: datetime) -> bool:
    """Where the merchant chose so, the first login registers."""
    if member.registered_at is not None or not login_registers():
        return False
    if not register(member.id, now=now):
        return False
    db.session.refresh(member, ["registered_at"])
    return True


def login_registers() -> bool:
    """Whether the merchant chose that the first login registers."""
    return house().registration is Registration.LOGIN


def _known(app_id: str, openid: str, unionid: str | None) -> Known:
    """This WeChat user and those of the same unionid, with their members here."""
    rows = db.session.execute(
        _BY_OPENID if unionid is None else _BY_EITHER,
        {
            "merchant": tenancy.merchant_id(),
            "app_id": app_id,
            "openid": openid,
            "unionid": unionid,
        },
    )
    return [(user, member) for user, member in rows]


def _oldest_first(known: Known) -> list[Member]:
    people = {member.id: member for _, member in known if member is not None}
    return sorted(people.values(), key=lambda member: (member.joined_at, member.id))


def _new_user(app_id: str, openid: str, unionid: str | None, now: datetime) -> WechatUser:
    user = WechatUser(app_id=app_id, openid=openid, unionid=unionid, created_at=now)
    db.session.add(user)
    db.session.flush()
    return user


def _new_member(unionid: str | None, channel: str, store_id: int | None, now: datetime) -> Member:
    first_level = db.session.scalar(
        select(MemberLevel.id).order_by(MemberLevel.position, MemberLevel.id).limit(1)
    )
    member = Member(
        unionid=unionid, joined_at=now, channel=channel, store_id=store_id, level_id=first_level
    )
    db.session.add(member)
    db.session.flush()
    return member
