"""签名 QB1-HMAC-SHA256 of tills (spec/08): who calls, nothing altered on the way, nothing replayed.

The unique row is what makes a nonce good once, so that this holds with Redis away.
"""

import base64
import hmac
import re
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, g, request

from backend import clock, tenancy
from backend.errors import Unauthenticated
from backend.merchants import tills
from backend.merchants.tills import Till
from miniprogram_api.limits import Limit, spend

SCHEME = "QB1-HMAC-SHA256"
CLOCKS_MAY_DIFFER = timedelta(seconds=300)

_PARAMETER = re.compile(r'\s*([a-z]+)="([^"\\]*)"\s*')
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[\x21-\x7e]{1,64}")


class SignatureInvalid(Unauthenticated):
    """Missing, malformed, an unknown key, or not signed with a live secret."""

    code = "SIGNATURE_INVALID"
    message = "签名错误"


class NonceReused(Unauthenticated):
    code = "NONCE_REUSED"
    message = "随机串已使用过，请重新签名"


class TimestampOutOfRange(Unauthenticated):
    code = "TIMESTAMP_OUT_OF_RANGE"
    message = "时间戳超出范围，请校准收银机时间"
    hint = "以应答头 X-Server-Time 为准，误差不超过300秒"


@dataclass(frozen=True)
class _Said:
    key: str
    timestamp: str
    nonce: str
    signature: str


def sign(secret: str, *, method: str, path: str, timestamp: str, nonce: str, body: bytes) -> str:
    """The signature of a request; ``path`` with its query as sent."""
    text = f"{method}\n{path}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
    return base64.b64encode(hmac.digest(secret.encode(), text, "sha256")).decode()


def require_till(blueprint: Blueprint) -> None:
    """Every call below ``blueprint`` is signed by a till, and acts for its merchant."""

    def enter() -> None:
        found = _authentic(_read(request.headers.get("Authorization", "")))
        spend(Limit.TILL, found.key)
        stack = ExitStack()
        stack.enter_context(tenancy.acting_for(found.merchant_id))
        g.till_stack, g.till = stack, found

    def leave(_error: BaseException | None) -> None:
        g.pop("till", None)
        if (stack := g.pop("till_stack", None)) is not None:
            stack.close()

    blueprint.before_request(enter)
    blueprint.teardown_request(leave)


def current_till() -> Till:
    """Which till signed this request."""
    found: Till | None = g.get("till")
    if found is None:
        raise SignatureInvalid()
    return found


def _read(header: str) -> _Said:
    scheme, _, rest = header.partition(" ")
    said: dict[str, str] = {}
    for part in rest.split(","):
        parameter = _PARAMETER.fullmatch(part)
        if parameter is None or parameter[1] in said:
            raise SignatureInvalid()
        said[parameter[1]] = parameter[2]
    if scheme != SCHEME or set(said) != {"key", "timestamp", "nonce", "signature"}:
        raise SignatureInvalid()
    if not (_TIMESTAMP.fullmatch(said["timestamp"]) and _NONCE.fullmatch(said["nonce"])):
        raise SignatureInvalid()
    return _Said(**said)


def _authentic(said: _Said) -> Till:
    """The till that signed this: signature first, then the clock, then the nonce."""
    found = tills.till(said.key)
    path, body = _path_as_sent(), request.get_data()
    matches = [
        hmac.compare_digest(
            sign(
                secret,
                method=request.method,
                path=path,
                timestamp=said.timestamp,
                nonce=said.nonce,
                body=body,
            ).encode(),
            said.signature.encode(),
        )
        for secret in (found.secrets if found is not None else ("nobody's",))
    ]
    if found is None or not any(matches):
        raise SignatureInvalid()
    now = clock.machine_now()
    if abs(now.timestamp() - int(said.timestamp)) > CLOCKS_MAY_DIFFER.total_seconds():
        raise TimestampOutOfRange()
    if not tills.use_nonce(said.key, said.nonce, now=now):
        raise NonceReused()
    return found


def _path_as_sent() -> str:
    """Path and query byte for byte; a proxy's absolute form begins at its path."""
    raw = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or "")
    if not raw:
        return request.full_path.removesuffix("?")
    return raw if raw.startswith("/") else "/" + raw.split("/", 3)[-1]
