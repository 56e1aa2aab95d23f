"""Forget people and what they did; accounts and their templates stay unless told otherwise."""

from scripts.wechat_platform.world import World

_OF_PEOPLE = (
    "person",
    "identity",
    "follow",
    "reply_window",
    "credit",
    "code",
    "access_token",
    "message",
    "mass",
    "push",
    "mini_login",
    "pay_order",
    "pay_refund",
    "pay_notice",
)
_OF_ACCOUNTS = ("account", "template", "scene", "media", "pay_account")


def wipe(world: World, *, accounts: bool = False) -> None:
    with world.store.transaction():
        for table in _OF_PEOPLE + (_OF_ACCOUNTS if accounts else ()):
            world.store.run(f"DELETE FROM {table}")
    world.faults.forget()
    world.pushes.forget()
    world.notices.forget()
    world.refund_ends.clear()
    world.shown.clear()
    world.chosen = None
