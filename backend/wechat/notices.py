"""发消息: template, subscribe and customer-service messages, and what came of each.

Nothing here raises for WeChat's answers: the outcome tells the dispatcher whether to try again,
to take another channel, or to leave it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from backend.wechat import gateway
from backend.wechat.errors import (
    OutcomeUnknown,
    QuotaExceeded,
    TokenInvalid,
    Transient,
    UserUnreachable,
    WechatError,
)
from backend.wechat.models import WechatApp

Outcome = Literal["accepted", "unreachable", "refused", "retry", "unknown"]


@dataclass(frozen=True)
class Sent:
    """What came of one send.

    ``unreachable``: not this way, another channel may do; ``retry``: surely not sent, not before
    ``retry_at`` (machine time) where given; ``unknown``: the answer is lost, never send it again.
    """

    outcome: Outcome
    code: str = ""
    answer: str = ""
    provider_id: str = ""
    retry_at: datetime | None = None


def send_template(
    app: WechatApp,
    openid: str,
    *,
    template_id: str,
    values: Mapping[str, str],
    page: str,
    client_msg_id: str,
    miniprogram: str | None = None,
) -> Sent:
    """模板消息. WeChat sends the same ``client_msg_id`` to the same person once in ten minutes.

    ``page`` is a web address, or a page of ``miniprogram`` (its appid).
    """
    body: dict[str, JsonValue] = {
        "touser": openid,
        "template_id": template_id,
        "data": {name: {"value": value} for name, value in values.items()},
        "client_msg_id": client_msg_id,
    }
    if page.startswith(("http://", "https://")):
        body["url"] = page
    elif page and miniprogram:
        body["miniprogram"] = {"appid": miniprogram, "pagepath": page}
    return _send(app, "/cgi-bin/message/template/send", body)


def send_subscribe(
    app: WechatApp, openid: str, *, template_id: str, values: Mapping[str, str], page: str
) -> Sent:
    """订阅消息 of a mini-program; each takes one consent, and nothing guards it against repeats."""
    body: dict[str, JsonValue] = {
        "touser": openid,
        "template_id": template_id,
        "data": {name: {"value": value} for name, value in values.items()},
    }
    if page:
        body["page"] = page
    return _send(app, "/cgi-bin/message/subscribe/send", body)


def send_text(app: WechatApp, openid: str, text: str) -> Sent:
    """客服消息, while its window is open."""
    return _send(
        app,
        "/cgi-bin/message/custom/send",
        {"touser": openid, "msgtype": "text", "text": {"content": text}},
    )


_SENT_BEFORE = 45065


def _send(app: WechatApp, path: str, body: Mapping[str, JsonValue]) -> Sent:
    try:
        answer = gateway.write(app, path, body)
    except WechatError as error:
        return _not_sent(error)
    return Sent("accepted", "0", str(answer.get("errmsg", ""))[:300], _msgid(answer.get("msgid")))


def _not_sent(error: WechatError) -> Sent:
    code = "" if error.code is None else str(error.code)
    if error.code == _SENT_BEFORE:
        return Sent("accepted", code, error.words)
    return Sent(
        _OUTCOMES.get(type(error), "refused"),
        code,
        error.words,
        retry_at=error.until if isinstance(error, QuotaExceeded) else None,
    )


_OUTCOMES: dict[type[WechatError], Outcome] = {
    UserUnreachable: "unreachable",
    Transient: "retry",
    TokenInvalid: "retry",
    QuotaExceeded: "retry",
    OutcomeUnknown: "unknown",
}


def _msgid(value: JsonValue) -> str:
    return str(value)[:64] if isinstance(value, int | str) else ""
