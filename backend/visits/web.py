"""网页登录: a person opens a page of ours inside WeChat, and is known as at any login. Open grants
wait for the mini-program or the till (S3-25)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from backend import tenancy
from backend.database import db, end_read, transactional
from backend.members import recognise
from backend.members.models import WechatUser
from backend.membership.join import join_same_person
from backend.points import registration
from backend.wechat import accounts, users
from backend.wechat import login as wechat
from backend.wechat.errors import AppNotFound, WechatError
from backend.wechat.models import WechatApp

CHANNEL = "h5"


@dataclass(frozen=True)
class WebVisitor:
    """Who came, as WeChat knows them at the official account of the page's merchant."""

    merchant_id: int
    app_id: str
    openid: str
    unionid: str | None


@dataclass(frozen=True)
class WebLogin:
    """Who is in."""

    member_id: int
    wechat_user_id: int


def address(merchant_id: int, *, back_to: str, state: str, with_unionid: bool = False) -> str:
    """Where the browser goes to be recognised; AppNotFound where no official account serves."""
    return wechat.web_address(
        _app(merchant_id), back_to=back_to, state=state, with_unionid=with_unionid
    )


def recognise_code(merchant_id: int, code: str) -> WebVisitor:
    """What a code of 网页授权 stands for. Of a follower the unionid is asked for where the code
    did not bring it; who does not follow stays without."""
    app = _app(merchant_id)
    session = wechat.web_exchange(app, code)
    unionid = session.unionid or _known_unionid(app.app_id, session.openid)
    if unionid is None:
        end_read()
        try:
            unionid = users.follower(app, session.openid).unionid
        except WechatError:
            unionid = None
    end_read()
    return WebVisitor(merchant_id, app.app_id, session.openid, unionid)


def log_in(visitor: WebVisitor, *, now: datetime) -> WebLogin:
    """登录 at the merchant of the page."""
    with tenancy.acting_for(visitor.merchant_id):
        return _enter(visitor, now=now)


def is_known_elsewhere(wechat_user_id: int) -> bool:
    """Whether this person's unionid is known, so that their other apps are seen to be theirs."""
    return bool(
        db.session.scalar(select(WechatUser.unionid).where(WechatUser.id == wechat_user_id))
    )


@transactional
def _enter(visitor: WebVisitor, *, now: datetime) -> WebLogin:
    came = recognise.by_wechat(
        visitor.app_id,
        visitor.openid,
        visitor.unionid,
        channel=CHANNEL,
        store_id=None,
        now=now,
    )
    came = join_same_person(came, now=now)
    if recognise.register_at_login(came.member, now=now):
        registration.welcome(came.member.id, now=now)
    return WebLogin(came.member.id, came.wechat_user_id)


def _app(merchant_id: int) -> WechatApp:
    app = accounts.official_account_of(merchant_id)
    if app is None:
        raise AppNotFound()
    return app


def _known_unionid(app_id: str, openid: str) -> str | None:
    return db.session.scalar(
        select(WechatUser.unionid).where(WechatUser.app_id == app_id, WechatUser.openid == openid)
    )
