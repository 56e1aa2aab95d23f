"""The wire to WeChat Pay: wechatpayv3 for one 商户号, in public-key mode (no certificates).

Written against wechatpayv3 2.0.4: ``_patched`` is all that reaches into it. It signs what we
send, verifies what a success answers, and raises bare ``Exception`` for what it cannot verify.
"""

import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import JsonValue
from requests.exceptions import RequestException

from backend import deployment, outside
from backend.database import end_read, in_transaction
from backend.wechat.errors import (
    AlreadyPaid,
    PayClosed,
    PayRefused,
    PayUnknown,
    WechatUnavailable,
)
from backend.wechat.models import PayAccount

log = logging.getLogger(__name__)

Object = dict[str, JsonValue]
Asked = Callable[[Any], tuple[int, str | bytes]]


@dataclass(frozen=True)
class Signer:
    """A 商户号 as a caller of WeChat Pay, so that its row can be let go before anybody waits."""

    merchant_id: int
    mch_id: str
    serial_no: str
    private_key: str
    api_v3_key: str
    public_key_id: str
    public_key: str

    @staticmethod
    def of(account: PayAccount) -> "Signer":
        return Signer(
            account.merchant_id,
            account.mch_id,
            account.serial_no,
            account.private_key,
            account.api_v3_key,
            account.public_key_id,
            account.public_key,
        )

    def __repr__(self) -> str:
        return f"Signer({self.mch_id})"


def ask(signer: Signer, how: Asked) -> Object:
    """One call; the object of the answer, empty where there is none.

    ``PayRefused`` of one kind or another; ``WechatUnavailable`` when it is not known what became
    of the call.
    """
    _leave_the_database()
    status, answer = _sent(signer, how)
    if 200 <= status < 300:
        return _object(answer) if answer else {}
    said = _object(answer)
    code, words = str(said.get("code", "")), str(said.get("message", ""))
    if status >= 500 or status == 429 or not code:
        raise WechatUnavailable()
    if status in (401, 403):
        log.error("WeChat Pay forbids: %s %s", code, words, extra={"mch_id": signer.mch_id})
    raise _MEANINGS.get(code.replace("_", ""), PayRefused)(words=words, errcode=code)


def sign(signer: Signer, *lines: str) -> str:
    """RSA with SHA-256 over these lines, by the merchant's key."""
    signed: str = _client(deployment.wechat_pay_api(), signer).sign(list(lines))
    return signed


def opened(signer: Signer, headers: Mapping[str, str], body: bytes) -> Object | None:
    """A notice proven and decrypted, its ``resource`` clear; None if it is not WeChat Pay's.

    The library also looks for other spellings of the headers: it is shown only ours.
    """
    shown = {name: headers.get(name, "") for name in HEADERS}
    if shown[SERIAL] != signer.public_key_id or not _is_strict_base64(shown[SIGNATURE]):
        return None
    try:
        told = _client(deployment.wechat_pay_api(), signer).callback(shown, body)
    except Exception:
        return None
    return told if isinstance(told, dict) else None


SERIAL = "Wechatpay-Serial"
SIGNATURE = "Wechatpay-Signature"
TIMESTAMP = "Wechatpay-Timestamp"
HEADERS = (SERIAL, SIGNATURE, TIMESTAMP, "Wechatpay-Nonce", "Wechatpay-Signature-Type")


_MEANINGS: dict[str, type[PayRefused]] = {
    "ORDERPAID": AlreadyPaid,
    "ORDERCLOSED": PayClosed,
    "ORDERNOTEXIST": PayUnknown,
    "RESOURCENOTEXISTS": PayUnknown,
    "NOTFOUND": PayUnknown,
}
"""By the code without underscores, which its documents and its answers set differently."""


def _sent(signer: Signer, how: Asked) -> tuple[int, str | bytes]:
    client = _client(deployment.wechat_pay_api(), signer)
    try:
        with outside.asking(outside.Service.WECHAT_PAY, signer.mch_id):
            return how(client)
    except (RequestException, outside.NotAsked):
        pass
    except Exception:
        log.error("an answer of WeChat Pay is not signed by %s", signer.public_key_id)
    raise WechatUnavailable()


def _object(answer: str | bytes) -> Object:
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise WechatUnavailable()
    return told


def _is_strict_base64(text: str) -> bool:
    """Python's decoder passes over what is not base64: one signature would have many spellings."""
    try:
        return b64encode(b64decode(text, validate=True)).decode() == text
    except ValueError:
        return False


def _leave_the_database() -> None:
    if in_transaction():
        raise RuntimeError("no call to WeChat Pay inside a transaction")
    end_read()


@lru_cache(maxsize=128)
def _client(base_url: str, signer: Signer) -> Any:  # noqa: ANN401
    """Kept, because reading a private key takes longer than signing with it."""
    from wechatpayv3 import WeChatPay, WeChatPayType

    client = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=signer.mch_id,
        private_key=signer.private_key,
        cert_serial_no=signer.serial_no,
        appid=None,
        apiv3_key=signer.api_v3_key,
        public_key=signer.public_key,
        public_key_id=signer.public_key_id,
        timeout=outside.Patience(),
        proxy=dict.fromkeys(("http", "https", "all")),
    )
    return _patched(client, base_url)


def _patched(client: Any, base_url: str) -> Any:  # noqa: ANN401
    """Another base URL; and an unknown serial number is refused, not looked up over the network."""
    client._core._gate_way = base_url
    client._core._update_certificates = lambda: None
    return client
