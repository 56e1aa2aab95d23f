"""推送: what WeChat posts to us, proven to be WeChat's and read into one plain value.

Plain, compatible and encrypted; XML and JSON. Whatever cannot be read is taken for forged: the
sender learns nothing from the difference. CreateTime only orders the pushes of one person.
"""

import hashlib
import hmac
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.parsers.expat import ExpatError

from pydantic import JsonValue

from backend import clock, deployment
from backend.wechat.errors import ForgedPush
from backend.wechat.models import WechatApp

Fields = dict[str, JsonValue]


@dataclass(frozen=True)
class Push:
    """One push. ``kind`` is the event's name in small letters, or the type of a message.

    ``key`` is the EventKey, ``text`` what the person wrote, ``created_at`` WeChat's CreateTime.
    """

    app_id: str
    openid: str
    account: str
    kind: str
    is_event: bool
    created_at: int
    key: str
    text: str
    fields: Fields
    dedupe_key: str
    encrypted: bool
    as_json: bool


def check_server(app: WechatApp, *, query: Mapping[str, str]) -> str:
    """服务器验证: the ``echostr`` to answer with."""
    _check_signature(app, query)
    return query.get("echostr", "")


def read(app: WechatApp, *, query: Mapping[str, str], body: bytes, content_type: str) -> Push:
    """The push in a request, or ``ForgedPush``. The body's own first sign says XML or JSON."""
    del content_type  # told wrongly too often to be asked
    outer, as_json = _parsed(body)
    sealed = outer.get("Encrypt")
    if sealed is None:
        if app.aes_key and deployment.is_production():
            raise ForgedPush()
        _check_signature(app, query)
        return _push(app, outer, encrypted=False, as_json=as_json)
    if not isinstance(sealed, str):
        raise ForgedPush()
    inner, inner_as_json = _parsed(_opened(app, query, sealed))
    return _push(app, inner, encrypted=True, as_json=inner_as_json)


def reply_text(app: WechatApp, push: Push, text: str) -> bytes:
    """被动回复. A text for the person who caused the push; ``success`` when there is none.

    Mini-programs take no replies.
    """
    if not text or push.as_json:
        return b"success"
    from wechatpy.replies import TextReply

    now = int(clock.machine_now().timestamp())
    reply: str = TextReply(
        source=push.account,
        target=push.openid,
        time=now,
        content=fit_reply(text).replace("]]>", "]]]]><![CDATA[>"),
    ).render()
    if push.encrypted:
        nonce = hashlib.sha256(f"{push.dedupe_key}{now}".encode()).hexdigest()[:10]
        reply = _crypto(app).encrypt_message(reply, nonce, str(now))
    return reply.encode()


def fit_reply(text: str) -> str:
    """A reply has at most 2048 bytes; what is longer ends there."""
    return text.encode()[:_MOST_REPLY_BYTES].decode(errors="ignore")


_MOST_REPLY_BYTES = 2048
_DEEPEST = 8
_OPENID = re.compile(r"[\w-]{1,64}", re.ASCII)
_WORD = re.compile(r"[\w.-]{1,64}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
_MESSAGE_ID = re.compile(r"[0-9]{1,32}", re.ASCII)
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


def _check_signature(app: WechatApp, query: Mapping[str, str], *, sealed: str = "") -> None:
    """SHA-1 over the sorted parts; ``msg_signature`` covers the sealed text too."""
    parts = [app.token or "", query.get("timestamp", ""), query.get("nonce", "")]
    given = query.get("msg_signature" if sealed else "signature", "")
    if sealed:
        parts.append(sealed)
    good = hashlib.sha1("".join(sorted(parts)).encode(errors="replace")).hexdigest()
    matches = hmac.compare_digest(good.encode(), given.encode(errors="replace"))
    if not app.token or not matches:
        raise ForgedPush()


def _opened(app: WechatApp, query: Mapping[str, str], sealed: str) -> bytes:
    """The sealed message; the signature first, then the key, then whose envelope it is."""
    if not app.aes_key:
        raise ForgedPush()
    _check_signature(app, query, sealed=sealed)
    try:
        opened: str = _crypto(app).decrypt_message(
            {"Encrypt": sealed}, query["msg_signature"], query["timestamp"], query["nonce"]
        )
    except Exception:
        raise ForgedPush() from None
    return opened.encode()


def _crypto(app: WechatApp) -> Any:  # noqa: ANN401
    from wechatpy.crypto import WeChatCrypto

    return WeChatCrypto(app.token, app.aes_key, app.app_id)


def _parsed(body: bytes) -> tuple[Fields, bool]:
    """The fields, and whether they came as JSON."""
    as_json = body.lstrip()[:1] == b"{"
    try:
        fields = json.loads(body) if as_json else _xml(body)
    except (ValueError, TypeError, RecursionError, LookupError):
        raise ForgedPush() from None
    if not isinstance(fields, dict) or not _is_plain(fields, depth=_DEEPEST):
        raise ForgedPush()
    return fields, as_json


def _xml(body: bytes) -> object:
    import xmltodict  # type: ignore[import-untyped]

    try:
        return xmltodict.parse(body.decode()).get("xml")
    except ExpatError:
        raise ValueError("not XML") from None


def _is_plain(value: object, *, depth: int) -> bool:
    """Shallow, and every text one that a database takes."""
    if isinstance(value, str):
        return not _NOT_TEXT.search(value)
    if isinstance(value, dict | list):
        return depth > 0 and all(_is_plain(part, depth=depth - 1) for part in _parts(value))
    return value is None or isinstance(value, int) or _is_finite(value)


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _parts(value: dict[object, object] | list[object]) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    else:
        yield from value


def _push(app: WechatApp, fields: Fields, *, encrypted: bool, as_json: bool) -> Push:
    message_type = _required(fields, "MsgType", _WORD)
    is_event = message_type == "event"
    openid = _required(fields, "FromUserName", _OPENID)
    return Push(
        app_id=app.app_id,
        openid=openid,
        account=_required(fields, "ToUserName", _WORD),
        kind=(_required(fields, "Event", _WORD) if is_event else message_type).lower()[:40],
        is_event=is_event,
        created_at=int(_required(fields, "CreateTime", _SECONDS)),
        key=_text(fields.get("EventKey")),
        text=_text(fields.get("Content")),
        fields=fields,
        dedupe_key=_dedupe_key(app.app_id, fields, is_event=is_event),
        encrypted=encrypted,
        as_json=as_json,
    )


def _required(fields: Fields, name: str, form: re.Pattern[str]) -> str:
    value = fields.get(name)
    text = str(value) if isinstance(value, str | int) else ""
    if not form.fullmatch(text):
        raise ForgedPush()
    return text


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _dedupe_key(app_id: str, fields: Fields, *, is_event: bool) -> str:
    """What makes this push itself: a message's MsgId; an event's every field, for two different
    events of one person may share a second (X-03). WeChat repeats a push word for word."""
    message_id = str(fields.get("MsgId", ""))
    if not is_event and _MESSAGE_ID.fullmatch(message_id):
        identity = f"message {message_id} of {fields['FromUserName']}"
    else:
        identity = json.dumps(fields, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{app_id} {identity}".encode()).hexdigest()
