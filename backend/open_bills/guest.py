"""付款人: a customer who is logged in, as WeChat Pay knows them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from backend.database import db, table_of
from backend.members.models import WechatUser

_users = table_of(WechatUser)


@dataclass(frozen=True)
class Guest:
    """Who pays, by which openid of which app; every id of the person here, the survivor's first."""

    member_ids: Sequence[int]
    app_id: str
    openid: str


def guest_of(member_ids: Sequence[int], wechat_user_id: int) -> Guest:
    """The guest of a login."""
    asked = select(_users.c.app_id, _users.c.openid).where(_users.c.id == wechat_user_id)
    row = db.session.connection().execute(asked).one()
    return Guest(member_ids, row.app_id, row.openid)
