"""The phone's memory of messages, and the judge of "no message twice".

A row with channel template, subscribe, custom or mass is one send this platform accepted.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from scripts.wechat_platform.store import Store, text_of


class Channel(StrEnum):
    TEMPLATE = "template"
    SUBSCRIBE = "subscribe"
    CUSTOM = "custom"
    MASS = "mass"
    REPLY = "reply"  # passive reply to a push
    SAID = "said"  # by the person
    NOTE = "note"  # grey line in the chat


@dataclass(frozen=True)
class Message:
    """One line of a chat, or one card."""

    app_id: str
    openid: str
    channel: Channel
    data: Mapping[str, object]
    at: float
    template_id: str | None = None
    link: str | None = None
    client_msg_id: str | None = None
    msgid: int | None = None


def keep(store: Store, message: Message) -> Message:
    store.run(
        "INSERT INTO message (app_id, openid, channel, template_id, data, link, client_msg_id,"
        " msgid, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        message.app_id,
        message.openid,
        message.channel,
        message.template_id,
        text_of(dict(message.data)),
        message.link,
        message.client_msg_id,
        message.msgid,
        message.at,
    )
    return message


def note(store: Store, openid: str, app_id: str, text: str, *, now: float) -> None:
    keep(store, Message(app_id, openid, Channel.NOTE, {"text": text}, now))


def chat_with(store: Store, openid: str, app_id: str) -> list[Message]:
    """Everything between one person and one app, oldest first."""
    return [
        _message(row)
        for row in store.rows(
            "SELECT * FROM message WHERE app_id=? AND openid=? ORDER BY id", app_id, openid
        )
    ]


def delivered(store: Store, *, person_id: str | None = None) -> list[Message]:
    """Every accepted send, oldest first."""
    return [
        _message(row)
        for row in store.rows(
            "SELECT message.* FROM message JOIN identity USING (app_id, openid)"
            " WHERE channel IN ('template', 'subscribe', 'custom', 'mass')"
            " AND (? IS NULL OR person_id=?) ORDER BY message.id",
            person_id,
            person_id,
        )
    ]


def sent_before(
    store: Store, openid: str, app_id: str, client_msg_id: str, *, since: float
) -> int | None:
    """The msgid of the send with this client_msg_id, if there was one lately."""
    row = store.row(
        "SELECT msgid FROM message WHERE app_id=? AND openid=? AND client_msg_id=? AND at>?",
        app_id,
        openid,
        client_msg_id,
        since,
    )
    return row["msgid"] if row else None


def _message(row: sqlite3.Row) -> Message:
    return Message(
        app_id=row["app_id"],
        openid=row["openid"],
        channel=Channel(row["channel"]),
        data=json.loads(row["data"]),
        at=float(row["at"]),
        template_id=row["template_id"],
        link=row["link"],
        client_msg_id=row["client_msg_id"],
        msgid=int(row["msgid"]) if row["msgid"] else None,
    )
