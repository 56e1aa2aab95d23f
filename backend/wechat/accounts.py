"""公众号与小程序: which app is whose. An app without a merchant is the operator's, shared."""

from sqlalchemy import bindparam, select

from backend.database import db
from backend.wechat.errors import AppNotFound
from backend.wechat.models import AppKind, WechatApp

_BY_APP_ID = select(WechatApp).where(WechatApp.app_id == bindparam("app_id"))


def app_by_id(app_id: str) -> WechatApp:
    """The bound app of this appid; 404 ``APP_NOT_FOUND`` for any other."""
    app = db.session.scalars(_BY_APP_ID, {"app_id": app_id}).one_or_none()
    if app is None:
        raise AppNotFound()
    return app


def official_account_of(merchant_id: int) -> WechatApp | None:
    """商家自有公众号, else 运营者公众号 (S0-03)."""
    return _app_of(merchant_id, AppKind.OFFICIAL_ACCOUNT)


def miniprogram_of(merchant_id: int) -> WechatApp | None:
    """The merchant's mini-program, else the operator's."""
    return _app_of(merchant_id, AppKind.MINIPROGRAM)


def _app_of(merchant_id: int, kind: AppKind) -> WechatApp | None:
    for owner in (WechatApp.merchant_id == merchant_id, WechatApp.merchant_id.is_(None)):
        apps = select(WechatApp).where(WechatApp.kind == kind, owner).order_by(WechatApp.id)
        if app := db.session.scalars(apps.limit(1)).first():
            return app
    return None
