"""What a person does on the phone, and the push that follows."""

from collections.abc import Mapping

from scripts.wechat_platform.accounts import Account, known_account
from scripts.wechat_platform.chat import Channel, Message, keep, note
from scripts.wechat_platform.messages import add_credit, listed, new_msgid
from scripts.wechat_platform.people import (
    CAME_NEAR,
    WROTE,
    Person,
    close_windows,
    follow_of,
    open_window,
    openid_of,
    set_follow,
)
from scripts.wechat_platform.pushes import Pushed
from scripts.wechat_platform.scenes import ticket_of
from scripts.wechat_platform.world import World


def follow(world: World, person: Person, app_id: str, *, scene: str | None = None) -> Pushed | None:
    """关注, through a code's scene if given; one who follows already has only scanned it."""
    account, openid, now = _meet(world, person, app_id)
    if follow_of(world.store, openid, app_id):
        return _scanned(world, account, openid, scene) if scene else None
    set_follow(world.store, openid, app_id, following=True, scene=scene or "", now=now)
    open_window(world.store, openid, app_id, CAME_NEAR, now=now)
    note(world.store, openid, app_id, f"您已关注{account.name}", now=now)
    fields = {"EventKey": ""}
    if scene:
        fields = {
            "EventKey": f"qrscene_{scene}",
            "Ticket": ticket_of(world.store, account, scene, now=now),
        }
    return world.pushes.push(account, openid, MsgType="event", Event="subscribe", **fields)


def unfollow(world: World, person: Person, app_id: str) -> Pushed | None:
    """取消关注. Nothing more can be written to this person."""
    account, openid, now = _meet(world, person, app_id)
    if not follow_of(world.store, openid, app_id):
        return None
    set_follow(world.store, openid, app_id, following=False, now=now)
    close_windows(world.store, openid, app_id)
    note(world.store, openid, app_id, f"您已取消关注{account.name}", now=now)
    return world.pushes.push(account, openid, MsgType="event", Event="unsubscribe", EventKey="")


def scan(world: World, person: Person, app_id: str, scene: str) -> Pushed | None:
    """扫码: a follower's SCAN; anybody else follows by it."""
    return follow(world, person, app_id, scene=scene)


def say(world: World, person: Person, app_id: str, text: str) -> Pushed | None:
    """Write to the account; it may answer with five messages in 48 hours."""
    account, openid, now = _meet(world, person, app_id)
    keep(world.store, Message(app_id, openid, Channel.SAID, {"text": text}, now))
    open_window(world.store, openid, app_id, WROTE, now=now)
    return world.pushes.push(account, openid, MsgType="text", Content=text, MsgId=new_msgid())


def click(world: World, person: Person, app_id: str, key: str) -> Pushed | None:
    """点击菜单."""
    account, openid, now = _meet(world, person, app_id)
    open_window(world.store, openid, app_id, CAME_NEAR, now=now)
    return world.pushes.push(account, openid, MsgType="event", Event="CLICK", EventKey=key)


def answer_subscription(
    world: World, person: Person, app_id: str, results: Mapping[str, str], *, times: int = 1
) -> Pushed | None:
    """The dialog of requestSubscribeMessage: accept, reject or ban for every template."""
    account, openid, _ = _meet(world, person, app_id)
    for template_id, status in results.items():
        add_credit(world, account, openid, template_id, status, times=times)
    entries: list[dict[str, object]] = [
        {"TemplateId": template_id, "SubscribeStatusString": status, "PopupScene": "0"}
        for template_id, status in results.items()
        if status in ("accept", "reject")
    ]
    if not entries:
        return None
    pushed = None
    for _ in range(times):
        pushed = world.pushes.push(
            account,
            openid,
            MsgType="event",
            Event="subscribe_msg_popup_event",
            **listed("SubscribeMsgPopupEvent", account, entries),
        )
    return pushed


def _scanned(world: World, account: Account, openid: str, scene: str) -> Pushed | None:
    now = world.clock()
    open_window(world.store, openid, account.app_id, CAME_NEAR, now=now)
    ticket = ticket_of(world.store, account, scene, now=now)
    return world.pushes.push(
        account, openid, MsgType="event", Event="SCAN", EventKey=scene, Ticket=ticket
    )


def _meet(world: World, person: Person, app_id: str) -> tuple[Account, str, float]:
    account = known_account(world.store, app_id)
    return account, openid_of(world.store, person, account.app_id), world.clock()
