"""关注、取关、扫码与互动: what a push from WeChat does here, once.

The inbox row and the effect are one transaction; a repeat finds the row and answers the same.
Pushes come late and in any order: CreateTime, kept beside the person, says which is the newer.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import insert, select, update

from backend import faults, tenancy
from backend.background import PROMPT, enqueue
from backend.campaigns import grants
from backend.database import changed, db, table_of, transactional
from backend.members import recognise
from backend.members.models import Identity, Member, WechatUser
from backend.members.queries import ids_of
from backend.membership.join import join_same_person
from backend.merchants.models import Merchant, Store
from backend.messaging import roads
from backend.visits import feedback, replies
from backend.wechat import accounts, qrcodes
from backend.wechat.callbacks import Push, fit_reply
from backend.wechat.models import CallbackInbox, InboxState, WechatApp

CHANNEL = "follow"
"""How the member came, kept with it."""

_inbox = table_of(CallbackInbox)


@transactional
def receive(push: Push, *, now: datetime) -> str | None:
    """Store one push and do what it says; the text to answer with, the first one for a repeat."""
    same = (_inbox.c.app_id == push.app_id) & (_inbox.c.dedupe_key == push.dedupe_key)
    if before := db.session.connection().execute(select(_inbox.c.reply).where(same)).one_or_none():
        return before.reply or None
    effect = _EFFECTS.get(push.kind if push.is_event else "message")
    changed(
        insert(_inbox).values(
            app_id=push.app_id,
            dedupe_key=push.dedupe_key,
            kind=push.kind,
            openid=push.openid,
            content=push.fields,
            reply="",
            state=(InboxState.DONE if effect else InboxState.IGNORED).value,
            received_at=now,
        )
    )
    reply = effect(push, now) if effect else None
    if reply:
        reply = fit_reply(reply)
        changed(update(_inbox).where(same).values(reply=reply))
    faults.point("follow.before_commit")
    return reply or None


def _subscribe(push: Push, now: datetime) -> str | None:
    """关注 of the account's own merchant; on a shared one, of the merchant whose store it was."""
    place = _place(accounts.app_by_id(push.app_id), push.key)
    if place is None:
        return replies.SCAN_A_STORE
    merchant_id, store_code = place
    _, titles = _follow(push, merchant_id, store_code, now)
    return replies.after_follow(merchant_id, titles=titles)


def _scan(push: Push, now: datetime) -> str | None:
    """扫码 by a follower: of another merchant's store on a shared account, it is a follow there."""
    place = _place(accounts.app_by_id(push.app_id), push.key)
    if place is None:
        return _touch(push, now)
    merchant_id, store_code = place
    is_new, titles = _follow(push, merchant_id, store_code, now)
    return replies.after_follow(merchant_id, titles=titles) if is_new else None


def _unsubscribe(push: Push, now: datetime) -> str | None:
    """取消关注 ends every following of this person at this account, save those begun later."""
    user = _held_user(push, now)
    user.unfollow_push = max(user.unfollow_push or 0, push.created_at)
    with tenancy.across_merchants("an unfollow ends the followings of all merchants"):
        followings = db.session.scalars(
            select(Identity).where(
                Identity.wechat_user_id == user.id,
                Identity.followed_at.is_not(None),
                Identity.unfollowed_at.is_(None),
            )
        ).all()
        ended = [
            (identity.merchant_id, identity.id)
            for identity in followings
            if (identity.follow_push or 0) <= push.created_at
        ]
    for merchant_id, identity_id in ended:
        with tenancy.acting_for(merchant_id):
            identity = tenancy.find(Identity, identity_id)
            if identity is not None:
                _end(identity, now)
    return None


def _message(push: Push, now: datetime) -> str | None:
    """来信: the window of contact opens again; a keyword or the default reply answers a text."""
    _touch(push, now)
    if push.kind != "text" or push.as_json:
        return None
    merchant_id = _merchant_spoken_to(push)
    return replies.SCAN_A_STORE if merchant_id is None else replies.to_word(merchant_id, push.text)


def _click(push: Push, now: datetime) -> str | None:
    """菜单点击."""
    _touch(push, now)
    merchant_id = _merchant_spoken_to(push)
    return None if merchant_id is None else replies.to_click(merchant_id, push.key)


def _touch(push: Push, now: datetime) -> str | None:
    """互动: the last contact, for every merchant this person follows through this account."""
    user_id = db.session.scalar(
        select(WechatUser.id).where(
            WechatUser.app_id == push.app_id, WechatUser.openid == push.openid
        )
    )
    if user_id is None:
        return None
    roads.opened_to(user_id)
    with tenancy.across_merchants("one contact counts for every merchant of a shared account"):
        db.session.execute(
            update(Identity)
            .where(Identity.wechat_user_id == user_id)
            .values(interacted_at=now)
            .execution_options(synchronize_session=False)
        )
    return None


def _consent(push: Push, now: datetime) -> str | None:
    """订阅授权."""
    if feedback.chosen(push):
        feedback.note_choice(push, _held_user(push, now).id, now)
    return None


def _receipt(push: Push, now: datetime) -> str | None:
    """送达回执."""
    feedback.note_receipts(push, now)
    return None


_EFFECTS: dict[str, Callable[[Push, datetime], str | None]] = {
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "scan": _scan,
    "message": _message,
    "click": _click,
    "view": _touch,
    "view_miniprogram": _touch,
    "scancode_push": _touch,
    "scancode_waitmsg": _touch,
    "location_select": _touch,
    "pic_sysphoto": _touch,
    "pic_photo_or_album": _touch,
    "pic_weixin": _touch,
    "subscribe_msg_popup_event": _consent,
    "subscribe_msg_change_event": _consent,
    "subscribe_msg_sent_event": _receipt,
    "templatesendjobfinish": _receipt,
}


def _follow(
    push: Push, merchant_id: int, store_code: str | None, now: datetime
) -> tuple[bool, list[str]]:
    """Begin to follow a merchant, with the follow gift; whether it began, and what was given.

    A follow that an unfollow has overtaken makes the member and gives what it gives, and is over.
    """
    user = _held_user(push, now)
    if push.kind == "subscribe" and user.asked_at is not None:
        user.asked_at = None
    overtaken, unionid = push.created_at < (user.unfollow_push or 0), user.unionid
    with tenancy.acting_for(merchant_id):
        store_id = _store_id(store_code)
        known = join_same_person(
            recognise.by_wechat(
                push.app_id, push.openid, unionid, channel=CHANNEL, store_id=store_id, now=now
            ),
            now=now,
        )
        identity = db.session.scalars(
            select(Identity).where(Identity.wechat_user_id == known.wechat_user_id)
        ).one()
        if push.kind != "subscribe":
            identity.interacted_at = now
        roads.opened([known.member.id])
        is_late = push.created_at < (identity.follow_push or 0)
        identity.follow_push = max(identity.follow_push or 0, push.created_at)
        if _follows(identity) or is_late:
            return False, []
        identity.store_id = store_id or identity.store_id
        identity.followed_at, identity.unfollowed_at = now, None
        known.member.follows = True
        db.session.flush()
        given = grants.give_on_follow(known.member.id, now=now)
        if overtaken:
            _end(identity, now)
        else:
            enqueue("jobs.followers.complete", known.wechat_user_id, queue=PROMPT)
    return True, given.titles if given else []


def _end(identity: Identity, now: datetime) -> None:
    """The following is over; the member follows no more unless through another account."""
    identity.unfollowed_at = now
    db.session.flush()
    member_ids = ids_of(identity.member_id)
    others = db.session.scalars(select(Identity).where(Identity.member_id.in_(member_ids)))
    if not any(_follows(other) for other in others):
        db.session.execute(
            update(Member)
            .where(Member.id.in_(member_ids))
            .values(follows=False)
            .execution_options(synchronize_session=False)
        )


def _follows(identity: Identity) -> bool:
    return identity.followed_at is not None and identity.unfollowed_at is None


def _held_user(push: Push, now: datetime) -> WechatUser:
    """The person, held until we commit, so that two pushes of one person take turns."""
    user = db.session.scalars(
        select(WechatUser)
        .where(WechatUser.app_id == push.app_id, WechatUser.openid == push.openid)
        .with_for_update()
    ).one_or_none()
    if user is None:
        user = WechatUser(app_id=push.app_id, openid=push.openid, created_at=now)
        db.session.add(user)
        db.session.flush()
    return user


def _place(app: WechatApp, scene_text: str) -> tuple[int, str | None] | None:
    """Merchant and store code a scene leads to; None on a shared account without a store's."""
    scene = qrcodes.read_scene(scene_text)
    named = None
    if scene is not None:
        named = db.session.scalar(select(Merchant.id).where(Merchant.code == scene.merchant))
    store_code = scene.store if scene else None
    if app.merchant_id is None:
        return None if named is None else (named, store_code)
    return app.merchant_id, store_code if named == app.merchant_id else None


def _store_id(code: str | None) -> int | None:
    return db.session.scalar(select(Store.id).where(Store.code == code)) if code else None


def _merchant_spoken_to(push: Push) -> int | None:
    """The account's merchant; on a shared account the one followed last, if any."""
    app = accounts.app_by_id(push.app_id)
    if app.merchant_id is not None:
        return app.merchant_id
    with tenancy.across_merchants("whose follower writes to a shared account"):
        return db.session.scalar(
            select(Identity.merchant_id)
            .join(WechatUser, WechatUser.id == Identity.wechat_user_id)
            .where(
                WechatUser.app_id == push.app_id,
                WechatUser.openid == push.openid,
                Identity.followed_at.is_not(None),
                Identity.unfollowed_at.is_(None),
            )
            .order_by(Identity.followed_at.desc(), Identity.id.desc())
            .limit(1)
        )
