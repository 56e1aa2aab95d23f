"""How a message looks on the phone: a bubble, a card, or a grey line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from scripts.wechat_platform.accounts import templates_of
from scripts.wechat_platform.chat import Channel, Message
from scripts.wechat_platform.store import Store

_LINK = re.compile(r"""<a\s[^>]*?href=["'](https?://[^"'<>]+)["'][^>]*>(.*?)</a>""", re.S)
_CHINA = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Card:
    """``look`` is note, said, bubble, card or news."""

    look: str
    at: str
    text: Markup = Markup()
    title: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    link: str | None = None
    articles: tuple[Mapping[str, str], ...] = ()


def card_of(store: Store, message: Message, *, phone: str) -> Card:
    """``phone`` is the address of this phone: where links to mini-programs go."""
    at = datetime.fromtimestamp(message.at, _CHINA).strftime("%m-%d %H:%M")
    if message.channel is Channel.NOTE:
        return Card("note", at, escape(str(message.data["text"])))
    if message.channel is Channel.SAID:
        return Card("said", at, escape(str(message.data["text"])))
    if message.channel in (Channel.TEMPLATE, Channel.SUBSCRIBE):
        return _template_card(store, message, phone=phone, at=at)
    return _bubble(message, at=at)


def last_line(card: Card) -> str:
    """One line of it for the list of chats."""
    if card.look == "card":
        return f"[服务通知] {card.title}"
    if card.articles:
        return f"[图文] {card.articles[0]['title']}"
    return card.text.striptags()


def _template_card(store: Store, message: Message, *, phone: str, at: str) -> Card:
    known = {template.template_id: template for template in templates_of(store, message.app_id)}
    template = known.get(message.template_id or "")
    labels = template.fields if template else {}
    link = message.link
    if message.channel is Channel.SUBSCRIBE:
        link = f"{phone}/mini/{message.app_id}"
    elif link and link.startswith("miniprogram:"):
        link = f"{phone}/mini/{link.split(':')[1]}"
    return Card(
        "card",
        at,
        title=template.title if template else "服务通知",
        rows=tuple((labels.get(key, key), str(value)) for key, value in message.data.items()),
        link=link,
    )


def _bubble(message: Message, *, at: str) -> Card:
    """A customer-service message or a passive reply; their fields are cased differently."""
    data = message.data
    kind = str(data.get("msgtype") or data.get("MsgType") or "text")
    content = data.get(kind)
    text = data.get("Content") or (content.get("content") if isinstance(content, dict) else None)
    if kind == "text":
        return Card("bubble", at, _with_links(str(text or "")))
    if kind == "news":
        return Card("news", at, articles=tuple(_articles(data)))
    return Card("bubble", at, escape(f"[{kind}]"))


def _articles(data: Mapping[str, object]) -> list[Mapping[str, str]]:
    found = data.get("Articles") or data.get("news")
    items = (found.get("item") or found.get("articles")) if isinstance(found, dict) else []
    listed = items if isinstance(items, list) else [items]
    lowered = [
        {str(key).lower(): str(value or "") for key, value in item.items()}
        for item in listed
        if isinstance(item, dict)
    ]
    return [{"title": "", "description": "", "url": ""} | item for item in lowered]


def _with_links(text: str) -> Markup:
    """WeChat lets <a href> through and nothing else."""
    shown, last = Markup(), 0
    for match in _LINK.finditer(text):
        shown += escape(text[last : match.start()])
        shown += Markup('<a href="{}" target="_blank" rel="noreferrer">{}</a>').format(
            match[1], Markup(match[2]).striptags()
        )
        last = match.end()
    return shown + escape(text[last:])
