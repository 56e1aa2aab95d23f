"""补全关注者: ask WeChat for a follower's unionid, and join what it shows to be one person.

So the follow's coupons stand in the mini-program's card pack. The push itself asks nobody; a job
does right after it, and a sweep where the job was lost.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from backend import clock, tenancy
from backend.background import UPKEEP, enqueue
from backend.database import changed, db, table_of, transaction, transactional
from backend.members import recognise
from backend.members.models import Identity, WechatUser
from backend.membership.join import join_same_person
from backend.wechat import accounts, users
from backend.wechat.errors import WechatError

ASKED_WITHIN = timedelta(days=1)
"""A follower whom WeChat could not be asked about for so long stays without a unionid."""

MOST_AT_ONCE = 200

log = logging.getLogger(__name__)
_users = table_of(WechatUser)


def complete(wechat_user_id: int, *, now: datetime) -> None:
    """Ask who this follower is across apps, outside any transaction, then join. Safe to repeat."""
    user = db.session.get(WechatUser, wechat_user_id)
    if user is None:
        return
    unionid = user.unionid
    if unionid is None:
        app, openid = accounts.app_by_id(user.app_id), user.openid
        try:
            unionid = users.follower(app, openid).unionid
        except WechatError as error:
            log.warning("A follower's unionid is not known yet: %s", error.code or error.words)
            return
        with transaction():
            _remember_asked(wechat_user_id)
    if unionid is not None:
        _join_everywhere(wechat_user_id, unionid, now=now)


def complete_pending(*, now: datetime) -> int:
    """Have the job done again for those whose job was lost; how many."""
    pending = pending_completions(now=now)
    for wechat_user_id in pending:
        enqueue("jobs.followers.complete", wechat_user_id, queue=UPKEEP)
    return len(pending)


def pending_completions(*, now: datetime) -> list[int]:
    """Recent followers about whom WeChat has not answered yet, oldest first.

    They are found by the day they followed: by an empty unionid SQLite would find nearly everybody.
    """
    with tenancy.across_merchants("the sweep looks at the followers of all merchants"):
        waiting = db.session.scalars(
            select(WechatUser.id)
            .join(Identity, Identity.wechat_user_id == WechatUser.id)
            .where(
                func.coalesce(WechatUser.unionid, "") == "",
                WechatUser.asked_at.is_(None),
                Identity.followed_at > now - ASKED_WITHIN,
                Identity.unfollowed_at.is_(None),
            )
            .order_by(Identity.followed_at, Identity.id)
            .limit(MOST_AT_ONCE)
        )
        return list(dict.fromkeys(waiting))


def _remember_asked(wechat_user_id: int) -> None:
    changed(
        update(_users).where(_users.c.id == wechat_user_id).values(asked_at=clock.machine_now())
    )


def _join_everywhere(wechat_user_id: int, unionid: str, *, now: datetime) -> None:
    with tenancy.across_merchants("a follower may be a member of several merchants"):
        merchants = db.session.scalars(
            select(Identity.merchant_id).where(Identity.wechat_user_id == wechat_user_id)
        ).all()
    for merchant_id in merchants:
        with tenancy.acting_for(merchant_id):
            _join_here(wechat_user_id, unionid, now=now)


@transactional
def _join_here(wechat_user_id: int, unionid: str, *, now: datetime) -> None:
    """合并: every member with this unionid is one person; the oldest stays."""
    user = db.session.get_one(WechatUser, wechat_user_id)
    join_same_person(
        recognise.by_wechat(
            user.app_id, user.openid, unionid, channel="follow", store_id=None, now=now
        ),
        now=now,
    )
