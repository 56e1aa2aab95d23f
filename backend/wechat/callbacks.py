"""推送: what WeChat posts to us, proven to be WeChat's and read into one plain value.

Plain, compatible and encrypted; XML and JSON. Nothing is parsed before its signature is proven:
of a stranger's body no more is looked at than where a sealed text may stand. Who signed rightly is
never a forger: what XML forbids is dropped, what cannot be read at all is ``UnreadablePush``.
CreateTime only orders the pushes of one person.
"""

import hashlib
import hmac
import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeGuard
from xml.parsers import expat

from pydantic import JsonValue

from backend import clock, deployment
from backend.wechat.errors import ForgedPush, UnreadablePush
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
    """The push in a request. The body's own first sign says XML or JSON.

    ``ForgedPush`` for what is not signed by this app's token; ``UnreadablePush`` for what is.
    """
    del content_type  # told wrongly too often to be asked
    if "msg_signature" in query:
        inner, as_json = _parsed(_opened(app, query, _signed_seal(app, query, body)))
        return _push(app, inner, encrypted=True, as_json=as_json)
    if app.aes_key and deployment.is_production():
        raise ForgedPush()
    _check_signature(app, query)
    fields, as_json = _parsed(body)
    return _push(app, fields, encrypted=False, as_json=as_json)


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
_MOST_ELEMENTS = 1000
_OPENID = re.compile(r"[\w-]{1,64}", re.ASCII)
_WORD = re.compile(r"[\w.-]{1,64}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
_MESSAGE_ID = re.compile(r"[0-9]{1,32}", re.ASCII)
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for; people type it all the same, and a database takes no NUL."""
_REFERENCE = re.compile(r"&#(?:x([0-9a-f]{1,8})|([0-9]{1,8}));", re.ASCII | re.IGNORECASE)
_SEAL = re.compile(
    rb"<Encrypt>(?:<!\[CDATA\[)?([A-Za-z0-9+/=]+)(?:\]\]>)?</Encrypt>"
    rb'|"Encrypt"\s*:\s*"([A-Za-z0-9+/=\\]+)"'
)
"""Where a sealed text may stand, found in one pass and without reading what is around it."""


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


def _signed_seal(app: WechatApp, query: Mapping[str, str], body: bytes) -> str:
    """The sealed text that ``msg_signature`` was made for."""
    for in_xml, in_json in _SEAL.findall(body):
        sealed: str = (in_xml or in_json.replace(b"\\/", b"/")).decode()
        with suppress(ForgedPush):
            _check_signature(app, query, sealed=sealed)
            return sealed
    raise ForgedPush()


def _opened(app: WechatApp, query: Mapping[str, str], sealed: str) -> bytes:
    """The sealed message. Signed by our token and not for our key: the app is set up wrongly."""
    if not app.aes_key:
        raise UnreadablePush("the app has no EncodingAESKey")
    try:
        opened: str = _crypto(app).decrypt_message(
            {"Encrypt": sealed}, query["msg_signature"], query["timestamp"], query["nonce"]
        )
    except Exception:
        raise UnreadablePush("not sealed with this app's EncodingAESKey") from None
    return opened.encode(errors="replace")


def _crypto(app: WechatApp) -> Any:  # noqa: ANN401
    from wechatpy.crypto import WeChatCrypto

    return WeChatCrypto(app.token, app.aes_key, app.app_id)


def _parsed(body: bytes) -> tuple[Fields, bool]:
    """The fields, and whether they came as JSON."""
    text = body.decode(errors="replace").strip()
    as_json = text.startswith("{")
    try:
        fields = _allowed(json.loads(text, strict=False) if as_json else _xml(text), _DEEPEST)
    except (ValueError, TypeError, RecursionError, LookupError):
        raise UnreadablePush("neither XML nor JSON as WeChat writes it") from None
    if not isinstance(fields, dict):
        raise UnreadablePush("no object")
    return fields, as_json


def _xml(text: str) -> object:
    """What expat takes of it: without forbidden signs and, where it must be, their references."""
    import xmltodict  # type: ignore[import-untyped]

    text = _FORBIDDEN.sub("", text)
    try:
        _check_shape(text)
    except expat.ExpatError:
        text = _REFERENCE.sub(_unless_forbidden, text)
        try:
            _check_shape(text)
        except expat.ExpatError:
            raise ValueError("not XML") from None
    return xmltodict.parse(text).get("xml")


def _check_shape(text: str) -> None:
    """One pass that builds nothing and ends at the first element too deep or too many."""
    depth = count = 0

    def opens(_name: str, _attributes: object) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > _DEEPEST or count > _MOST_ELEMENTS:
            raise ValueError("too deep or too many")

    def closes(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def declares(*_what: object) -> None:
        raise ValueError("a document type")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = opens, closes
    parser.StartDoctypeDeclHandler = declares
    parser.Parse(text, True)


def _unless_forbidden(reference: re.Match[str]) -> str:
    place = int(reference[1], 16) if reference[1] else int(reference[2])
    return "" if place > 0x10FFFF or _FORBIDDEN.match(chr(place)) else reference[0]


def _allowed(value: object, depth: int) -> JsonValue:
    """The value without what XML forbids, in JSON too; ``ValueError`` when it is no plain one."""
    if isinstance(value, str):
        return _FORBIDDEN.sub("", value)
    if isinstance(value, dict | list) and not depth:
        raise ValueError("too deep")
    if isinstance(value, dict):
        return {_FORBIDDEN.sub("", k): _allowed(v, depth - 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_allowed(part, depth - 1) for part in value]
    if value is None or isinstance(value, int) or _is_finite(value):
        return value
    raise ValueError("no plain value")


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, float) and math.isfinite(value)


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
        raise UnreadablePush(f"no {name}")
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
