"""What a push looks like on the wire, and how a passive reply (被动回复) is read.

Official accounts get XML, mini-programs JSON; with an AES key both travel encrypted (安全模式).
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1

import xmltodict  # type: ignore[import-untyped]
from wechatpy.crypto import WeChatCrypto

from scripts.wechat_platform.accounts import Account, Kind

Field = str | int | Mapping[str, "Field"] | Sequence["Field"]
Fields = Mapping[str, Field]

_REPLY_TYPES = {"text", "image", "voice", "video", "music", "news", "transfer_customer_service"}


@dataclass(frozen=True)
class Envelope:
    """One signed push."""

    query: dict[str, str]
    body: bytes
    content_type: str


class BadReply(Exception):
    """WeChat cannot use the answer: the person would read 该公众号提供的服务出现故障."""


def seal(
    account: Account, openid: str, fields: Fields, *, nonce: str | None = None, timestamp: int
) -> Envelope:
    """Sign (and encrypt) one push exactly as WeChat does."""
    token, nonce = account.token or "", nonce or str(secrets.randbelow(10**10))
    as_json = account.kind is Kind.MINIPROGRAM
    text = json.dumps(fields, ensure_ascii=False) if as_json else xml_of(fields)
    query = {
        "signature": signature(token, str(timestamp), nonce),
        "timestamp": str(timestamp),
        "nonce": nonce,
        "openid": openid,
    }
    if account.aes_key:
        sealed = xmltodict.parse(_crypto(account).encrypt_message(text, nonce, str(timestamp)))
        outer: Fields = {
            "ToUserName": str(fields["ToUserName"]),
            "Encrypt": sealed["xml"]["Encrypt"],
        }
        text = json.dumps(outer) if as_json else xml_of(outer)
        query |= {"encrypt_type": "aes", "msg_signature": sealed["xml"]["MsgSignature"]}
    return Envelope(query, text.encode(), "application/json" if as_json else "text/xml")


def signature(*parts: str) -> str:
    """SHA-1 over the sorted parts."""
    return sha1("".join(sorted(parts)).encode()).hexdigest()


def xml_of(fields: Fields) -> str:
    """Texts as CDATA, numbers bare, one root ``xml``."""
    return f"<xml>{''.join(_element(name, value) for name, value in fields.items())}</xml>"


def read_reply(account: Account, openid: str, answer: bytes) -> dict[str, object] | None:
    """The passive reply in an answer; None for ``success`` or nothing. Else ``BadReply``."""
    text = answer.decode(errors="replace").strip()
    if text in ("", "success"):
        return None
    reply = _parsed(text)
    if account.aes_key:
        reply = _opened(account, reply)
    if reply.get("ToUserName") != openid or reply.get("FromUserName") != account.original_id:
        raise BadReply("ToUserName and FromUserName are not swapped")
    if reply.get("MsgType") not in _REPLY_TYPES:
        raise BadReply(f"unknown MsgType {reply.get('MsgType')}")
    return reply


def _opened(account: Account, reply: dict[str, object]) -> dict[str, object]:
    if "Encrypt" not in reply:
        raise BadReply("a plain reply in safe mode")
    try:
        text = _crypto(account).decrypt_message(
            reply, reply["MsgSignature"], reply["TimeStamp"], reply["Nonce"]
        )
    except Exception as problem:  # whatever the cipher dislikes, WeChat does not show
        raise BadReply(f"cannot decrypt: {problem!r}") from problem
    return _parsed(text)


def _parsed(text: str) -> dict[str, object]:
    try:
        root = xmltodict.parse(text).get("xml")
    except Exception as problem:  # expat and xmltodict share no base class
        raise BadReply(f"not XML: {text[:60]}") from problem
    if not isinstance(root, dict):
        raise BadReply("no <xml> root")
    return root


def _crypto(account: Account) -> WeChatCrypto:
    return WeChatCrypto(account.token or "", account.aes_key, account.app_id)


def _element(name: str, value: Field) -> str:
    if isinstance(value, str):
        safe = value.replace("]]>", "]]]]><![CDATA[>")
        return f"<{name}><![CDATA[{safe}]]></{name}>"
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    if isinstance(value, Mapping):
        return f"<{name}>{''.join(_element(k, v) for k, v in value.items())}</{name}>"
    return "".join(_element(name, entry) for entry in value)
