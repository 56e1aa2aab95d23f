"""群发: one message to many followers; each person takes four a calendar month."""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from scripts.wechat_platform.accounts import Account, Kind
from scripts.wechat_platform.chat import Channel, Message, keep
from scripts.wechat_platform.errors import WeChatError
from scripts.wechat_platform.messages import new_msgid
from scripts.wechat_platform.people import follow_of, person_behind
from scripts.wechat_platform.store import text_of
from scripts.wechat_platform.world import World

PER_MONTH = 4
_SAME_SECONDS = 24 * 3600
_CHINA = ZoneInfo("Asia/Shanghai")


def keep_media(world: World, account: Account, content: object) -> str:
    """素材: articles or an upload under a media id."""
    media_id = secrets.token_urlsafe(48)
    world.store.run(
        "INSERT INTO media VALUES (?, ?, ?)", media_id, account.app_id, text_of(content)
    )
    return media_id


def earlier_mass(
    world: World, account: Account, body: Mapping[str, object], *, now: float
) -> int | None:
    """The msg_id of the mass with the same clientmsgid within a day."""
    client_msg_id = _client_msg_id(body)
    row = world.store.row(
        "SELECT msg_id FROM mass WHERE app_id=? AND client_msg_id=? AND at>?",
        account.app_id,
        client_msg_id,
        now - _SAME_SECONDS,
    )
    return row["msg_id"] if row else None


def send_mass(
    world: World,
    account: Account,
    body: Mapping[str, object],
    openids: list[str],
    *,
    now: float,
) -> int:
    """Send to those who follow and have one left this month; the others count as errors."""
    if account.kind is not Kind.OFFICIAL_ACCOUNT:
        raise WeChatError(48001)
    content = _content(world, account, body)
    for openid in openids:
        person_behind(world.store, openid, account.app_id)
    msg_id, sent = new_msgid(), 0
    with world.store.transaction():
        world.store.run(
            "INSERT INTO mass VALUES (?, ?, ?, ?)",
            msg_id,
            account.app_id,
            _client_msg_id(body),
            now,
        )
        for openid in openids:
            if _takes_one_more(world, account, openid, now=now):
                keep(
                    world.store,
                    Message(account.app_id, openid, Channel.MASS, content, now, msgid=msg_id),
                )
                sent += 1
    world.pushes.later(
        account,
        "mphelper",
        MsgType="event",
        Event="MASSSENDJOBFINISH",
        MsgID=msg_id,
        Status="send success",
        TotalCount=len(openids),
        FilterCount=len(openids),
        SentCount=sent,
        ErrorCount=len(openids) - sent,
    )
    return msg_id


def preview_mass(world: World, account: Account, body: Mapping[str, object], *, now: float) -> int:
    """预览 to one follower; it does not count."""
    openid = str(body.get("touser") or "")
    person_behind(world.store, openid, account.app_id)
    content, msg_id = _content(world, account, body), new_msgid()
    preview = {**content, "preview": True}
    keep(world.store, Message(account.app_id, openid, Channel.MASS, preview, now, msgid=msg_id))
    return msg_id


def _takes_one_more(world: World, account: Account, openid: str, *, now: float) -> bool:
    if follow_of(world.store, openid, account.app_id) is None:
        return False
    today = datetime.fromtimestamp(now, _CHINA)
    month = today.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    row = world.store.row(
        "SELECT count(*) AS had FROM message WHERE app_id=? AND openid=? AND channel='mass'"
        " AND at>=? AND data NOT LIKE '%\"preview\": true%'",
        account.app_id,
        openid,
        month.timestamp(),
    )
    return row is None or row["had"] < PER_MONTH


def _content(world: World, account: Account, body: Mapping[str, object]) -> dict[str, object]:
    kind = str(body.get("msgtype") or "")
    inner = body.get(kind)
    if not isinstance(inner, dict):
        raise WeChatError(40008)
    if kind == "text" and not inner.get("content"):
        raise WeChatError(44004)
    if kind != "mpnews":
        return {"msgtype": kind, kind: inner}
    row = world.store.row(
        "SELECT content FROM media WHERE media_id=? AND app_id=?",
        str(inner.get("media_id") or ""),
        account.app_id,
    )
    if row is None:
        raise WeChatError(40007)
    return {"msgtype": "news", "news": {"articles": json.loads(row["content"])}}


def _client_msg_id(body: Mapping[str, object]) -> str | None:
    client_msg_id = str(body["clientmsgid"]) if body.get("clientmsgid") else None
    if client_msg_id and len(client_msg_id.encode()) > 64:
        raise WeChatError(45067)
    return client_msg_id
