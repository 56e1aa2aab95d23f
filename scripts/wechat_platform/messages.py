"""模板消息, 订阅消息 and 客服消息: who may be written to, with what."""

import secrets
import time
from collections.abc import Mapping

from scripts.wechat_platform.accounts import Account, Kind, known_account, known_template
from scripts.wechat_platform.chat import Channel, Message, keep, sent_before
from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.fields import subscribe_values, template_values
from scripts.wechat_platform.people import follow_of, person_behind, take_from_window
from scripts.wechat_platform.world import World

_SAME_MESSAGE_SECONDS = 600
_CUSTOM_TYPES = {
    "text",
    "image",
    "voice",
    "video",
    "music",
    "news",
    "mpnews",
    "mpnewsarticle",
    "msgmenu",
    "wxcard",
    "miniprogrampage",
    "link",
}
_TEXT_BYTES = 2048


def send_template(world: World, account: Account, body: Mapping[str, object], *, now: float) -> int:
    """模板消息 of an official account to a follower; the msgid."""
    _only(account, Kind.OFFICIAL_ACCOUNT)
    openid = _receiver(world, account, body)
    template = known_template(world.store, account.app_id, str(body.get("template_id") or ""))
    values = template_values(body.get("data"), template.fields)
    link = _template_link(world, body)
    client_msg_id = str(body["client_msg_id"]) if body.get("client_msg_id") else None
    with world.store.transaction():
        if follow_of(world.store, openid, account.app_id) is None:
            raise WeChatError(43004)
        if client_msg_id and (
            earlier := sent_before(
                world.store,
                openid,
                account.app_id,
                client_msg_id,
                since=now - _SAME_MESSAGE_SECONDS,
            )
        ):
            return earlier
        msgid = new_msgid()
        keep(
            world.store,
            Message(
                account.app_id,
                openid,
                Channel.TEMPLATE,
                values,
                now,
                template_id=template.template_id,
                link=link,
                client_msg_id=client_msg_id,
                msgid=msgid,
            ),
        )
    world.pushes.later(
        account,
        openid,
        MsgType="event",
        Event="TEMPLATESENDJOBFINISH",
        MsgID=msgid,
        Status="success",
    )
    return msgid


def send_subscribe(
    world: World, account: Account, body: Mapping[str, object], *, now: float
) -> int:
    """订阅消息 of a mini-program: one accepted subscription is one message."""
    _only(account, Kind.MINIPROGRAM)
    openid = _receiver(world, account, body)
    template = known_template(world.store, account.app_id, str(body.get("template_id") or ""))
    values = subscribe_values(body.get("data"), template.fields)
    page = str(body.get("page") or "")
    check_page(account, page)
    msgid = new_msgid()
    with world.store.transaction():
        if not world.store.run(
            "UPDATE credit SET messages_left = messages_left - 1"
            " WHERE app_id=? AND openid=? AND template_id=? AND messages_left > 0",
            account.app_id,
            openid,
            template.template_id,
        ):
            raise WeChatError(43101)
        keep(
            world.store,
            Message(
                account.app_id,
                openid,
                Channel.SUBSCRIBE,
                values,
                now,
                template_id=template.template_id,
                link=page or None,
                msgid=msgid,
            ),
        )
    world.pushes.later(
        account,
        openid,
        MsgType="event",
        Event="subscribe_msg_sent_event",
        **listed(
            "SubscribeMsgSentEvent",
            account,
            [
                {
                    "TemplateId": template.template_id,
                    "MsgID": str(msgid),
                    "ErrorCode": "0",
                    "ErrorStatus": "success",
                }
            ],
        ),
    )
    return msgid


def send_custom(world: World, account: Account, body: Mapping[str, object], *, now: float) -> None:
    """客服消息: only while the person has lately done something."""
    openid = _receiver(world, account, body)
    kind = str(body.get("msgtype") or "")
    if kind not in _CUSTOM_TYPES:
        raise WeChatError(40008)
    content = body.get(kind)
    if not isinstance(content, dict):
        raise WeChatError(44004 if kind == "text" else 40035)
    _check_text(kind, content)
    with world.store.transaction():
        if account.kind is Kind.OFFICIAL_ACCOUNT and not follow_of(
            world.store, openid, account.app_id
        ):
            raise WeChatError(45015)
        take_from_window(world.store, openid, account.app_id, now=now)
        keep(
            world.store,
            Message(account.app_id, openid, Channel.CUSTOM, {"msgtype": kind, kind: content}, now),
        )


def add_credit(
    world: World, account: Account, openid: str, template_id: str, status: str, *, times: int = 1
) -> None:
    """requestSubscribeMessage: each accept is one message more; ban takes what is left."""
    if status == "accept":
        world.store.run(
            "INSERT INTO credit VALUES (?, ?, ?, ?) ON CONFLICT (app_id, openid, template_id)"
            " DO UPDATE SET messages_left = messages_left + excluded.messages_left",
            account.app_id,
            openid,
            template_id,
            times,
        )
    elif status == "ban":
        world.store.run(
            "DELETE FROM credit WHERE app_id=? AND openid=? AND template_id=?",
            account.app_id,
            openid,
            template_id,
        )


def listed(wrapper: str, account: Account, entries: list[dict[str, object]]) -> dict[str, object]:
    """``List`` as WeChat sends it: wrapped in XML, bare in JSON, an object if it is only one."""
    inside: object = entries[0] if len(entries) == 1 else entries
    return {"List": inside} if account.kind is Kind.MINIPROGRAM else {wrapper: {"List": inside}}


def check_page(account: Account, page: str) -> None:
    """41030 for a page that is not released."""
    if page and account.pages is not None and page.split("?")[0] not in account.pages:
        raise WeChatError(41030)


def new_msgid() -> int:
    """A 64-bit number that nobody else gets."""
    return int(time.time() * 1000) * 1_000_000 + secrets.randbelow(1_000_000)


def _receiver(world: World, account: Account, body: Mapping[str, object]) -> str:
    openid = str(body.get("touser") or "")
    person_behind(world.store, openid, account.app_id)
    return openid


def _only(account: Account, kind: Kind) -> None:
    if account.kind is not kind:
        raise WeChatError(48001)


def _template_link(world: World, body: Mapping[str, object]) -> str | None:
    """With both given the mini-program wins, as in WeChat."""
    mini = body.get("miniprogram")
    if isinstance(mini, dict) and mini.get("appid"):
        try:
            known_account(world.store, str(mini["appid"]))
        except WeChatError:
            raise WeChatError(40166) from None
        return f"miniprogram:{mini['appid']}:{mini.get('pagepath') or ''}"
    return str(body["url"]) if body.get("url") else None


def _check_text(kind: str, content: Mapping[str, object]) -> None:
    if kind != "text":
        return
    text = str(content.get("content") or "")
    if not text:
        raise WeChatError(44004)
    if len(text.encode()) > _TEXT_BYTES:
        raise WeChatError(45002)
