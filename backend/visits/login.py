"""登录: a person enters the mini-program, and everything that waits for them becomes theirs.

WeChat is asked outside any transaction. Whoever is known, with nothing to change about them, is
looked at first: what waits for them is claimed in a transaction (S3-25), and where nothing waits
there is none. For everybody else one transaction recognises the person, joins what has turned out
to be one person, registers where due and claims.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, exists, select, update

from backend import tenancy
from backend.campaigns import grants
from backend.card_pack import queries as card_pack
from backend.card_pack.view import CouponView
from backend.database import (
    MetAnother,
    db,
    end_read,
    table_of,
    transaction,
    transactional,
    tried_again,
)
from backend.errors import FieldError, ParamError, Unauthenticated
from backend.members import phones, queries, recognise
from backend.members.models import Member, WechatUser
from backend.members.view import MemberView, member_view
from backend.membership.join import join, join_same_person
from backend.merchants.house import house
from backend.merchants.models import Merchant, Store
from backend.messaging import roads
from backend.points import registration
from backend.tenancy import across_merchants
from backend.wechat import accounts
from backend.wechat import login as wechat
from backend.wechat.errors import AppNotFound
from backend.wechat.models import AppKind, WechatApp
from backend.wechat.qrcodes import StoreScene, read_scene

CHANNEL = "miniprogram"

_members = table_of(Member)
_ALONE = (
    select(_members.c.id)
    .where(
        _members.c.merchant_id == bindparam("merchant"),
        _members.c.id == bindparam("member"),
        _members.c.alias_of_id.is_(None),
    )
    .with_for_update()
)


@dataclass(frozen=True)
class Entrance:
    """Which merchant, and at which of its stores, if that was said."""

    merchant_id: int
    store_id: int | None


@dataclass(frozen=True)
class WechatIdentity:
    """Who stands at a merchant's door, as WeChat knows them."""

    entrance: Entrance
    app_id: str
    openid: str
    unionid: str | None


@dataclass(frozen=True)
class Login:
    """Who is in, and what the login brought."""

    merchant_id: int
    wechat_user_id: int
    is_new: bool
    member: MemberView
    claimed: list[CouponView]
    zone: ZoneInfo


@dataclass(frozen=True)
class Bound:
    """The member of the phone just bound, and what that brought."""

    member: MemberView
    claimed: list[CouponView]


def recognise_code(
    app_id: str, code: str, *, store: str | None, scene: str | None
) -> WechatIdentity:
    """What a code of wx.login stands for. Mini-programs only; H5 has its own way in.

    On the operator's mini-program ``store`` or ``scene`` says which merchant's door it is.
    """
    app = accounts.app_by_id(app_id)
    if app.kind != AppKind.MINIPROGRAM:
        raise AppNotFound()
    entrance = _entrance(app.merchant_id, store, scene)
    session = wechat.exchange(app, code)
    end_read()
    return WechatIdentity(entrance, app_id, session.openid, session.unionid)


def log_in(visitor: WechatIdentity, *, now: datetime) -> Login:
    """登录 of a visitor at the door where they stand."""
    with tenancy.acting_for(visitor.entrance.merchant_id):
        return enter(
            visitor.app_id,
            visitor.openid,
            visitor.unionid,
            channel=CHANNEL,
            store_id=visitor.entrance.store_id,
            now=now,
        )


def enter(
    app_id: str,
    openid: str,
    unionid: str | None,
    *,
    channel: str,
    store_id: int | None,
    now: datetime,
) -> Login:
    """Let a WeChat identity in at the merchant we act for, whichever way it came."""

    def once() -> Login:
        known = recognise.familiar(app_id, openid, unionid)
        if known is None or (not known.is_registered and recognise.login_registers()):
            with transaction():
                return _enter(app_id, openid, unionid, channel=channel, store_id=store_id, now=now)
        return _back_again(known, now=now)

    return tried_again(once)


def _back_again(known: recognise.Familiar, *, now: datetime) -> Login:
    """Nothing is written but what waits for them."""
    zone, claimed = house().zone, list[int]()
    if waiting := grants.waiting(known.member_id, now=now):
        with transaction():
            _hold(known.member_id)
            claimed = grants.claim(waiting, known.member_id, now=now)
    return _let_in(known.member_id, known.wechat_user_id, claimed, is_new=False, zone=zone, now=now)


def _enter(
    app_id: str,
    openid: str,
    unionid: str | None,
    *,
    channel: str,
    store_id: int | None,
    now: datetime,
) -> Login:
    came = recognise.by_wechat(app_id, openid, unionid, channel=channel, store_id=store_id, now=now)
    came = join_same_person(came, now=now)
    if recognise.register_at_login(came.member, now=now):
        registration.welcome(came.member.id, now=now)
    claimed = grants.claim_open(came.member.id, now=now)
    return _let_in(
        came.member.id, came.wechat_user_id, claimed, is_new=came.is_new, zone=house().zone, now=now
    )


def _let_in(
    member_id: int,
    wechat_user_id: int,
    claimed: list[int],
    *,
    is_new: bool,
    zone: ZoneInfo,
    now: datetime,
) -> Login:
    return Login(
        merchant_id=tenancy.merchant_id(),
        wechat_user_id=wechat_user_id,
        is_new=is_new,
        member=member_view(member_id),
        claimed=card_pack.by_ids(claimed, now=now),
        zone=zone,
    )


def bind_phone(member_id: int, wechat_user_id: int, code: str, *, now: datetime) -> Bound:
    """绑定手机号, as confirmed to WeChat: registers, and joins the member who holds it already."""
    user = db.session.scalars(
        select(WechatUser).where(WechatUser.id == wechat_user_id)
    ).one_or_none()
    if user is None:
        raise Unauthenticated()
    number = wechat.phone_number(accounts.app_by_id(user.app_id), code)
    end_read()
    return take_phone(member_id, phones.canonical(number, field="code"), now=now)


@transactional
def take_phone(member_id: int, phone: str, *, now: datetime) -> Bound:
    """The phone is this member's, whoever held it before; what waited at either is claimed."""
    member_id = queries.survivor_id(member_id)
    holder = db.session.scalar(select(Member.id).where(Member.phone == phone))
    if holder is not None and holder != member_id:
        member_id = join(member_id, holder, now=now)
        db.session.execute(
            update(Member).where(Member.phone == phone, Member.id != member_id).values(phone=None)
        )
    _hold(member_id)
    db.session.execute(update(Member).where(Member.id == member_id).values(phone=phone))
    if recognise.register(member_id, now=now):
        registration.welcome(member_id, now=now)
    claimed = grants.claim_open(member_id, now=now)
    roads.opened([member_id])
    return Bound(member_view(member_id), card_pack.by_ids(claimed, now=now))


def _hold(member_id: int) -> None:
    """Nobody joins this member into another until we are done; somebody just did: MetAnother."""
    alone = {"merchant": tenancy.merchant_id(), "member": member_id}
    if db.session.connection().scalar(_ALONE, alone) is None:
        raise MetAnother("the member was joined meanwhile")


def _entrance(owner_id: int | None, store: str | None, scene: str | None) -> Entrance:
    """A merchant's own mini-program is its door; on the operator's, the store must say."""
    said = read_scene(unquote(scene or "")) or read_scene(unquote(store or ""))
    if (said or store) and (entrance := _entrance_of_store(owner_id, said, store)):
        return entrance
    if owner_id is not None:
        return Entrance(owner_id, None)
    raise ParamError(errors=[FieldError(field="store", message="请说明门店，或扫描门店的小程序码")])


def _entrance_of_store(
    owner_id: int | None, said: StoreScene | None, store: str | None
) -> Entrance | None:
    """The one door that is meant. Where several merchants have the store's code, it is the one
    without a mini-program of its own, if that is only one."""
    own = exists().where(
        WechatApp.merchant_id == Merchant.id, WechatApp.kind == AppKind.MINIPROGRAM
    )
    wanted = (
        select(Merchant.id.label("merchant_id"), Store.id.label("store_id"), own.label("own"))
        .join(Store, Store.merchant_id == Merchant.id)
        .where(
            Store.code == (said.store if said else store),
            *([Merchant.code == said.merchant] if said else []),
            *([Merchant.id == owner_id] if owner_id is not None else []),
        )
        .order_by(own)
        .limit(2)
    )
    with across_merchants("which merchant a mini-program's visitor comes to"):
        found = db.session.execute(wanted).all()
    only_one_of_its_sort = len({row.own for row in found}) == len(found)
    return (
        Entrance(found[0].merchant_id, found[0].store_id)
        if found and only_one_of_its_sort
        else None
    )
