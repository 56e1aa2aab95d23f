"""签名 of a request by a till or a mall (spec/08): who calls, nothing altered on the way, nothing
replayed.

The unique row is what makes a nonce good once, so that this holds with Redis away.
"""

import hmac
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Protocol, TypeVar, cast

from flask import Blueprint, g, request

from backend import clock, tenancy
from backend.errors import Unauthenticated
from backend.merchants import tills
from backend.signing import SCHEME, sign
from miniprogram_api.limits import Limit, spend

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
    message = "时间戳超出范围，请校准本机时间"
    hint = "以应答头 X-Server-Time 为准，误差不超过300秒"


class Signer(Protocol):
    """Whoever signs: for which merchant, and with which live secrets (two, for rotation)."""

    @property
    def key(self) -> str: ...

    @property
    def merchant_id(self) -> int: ...

    @property
    def secrets(self) -> tuple[str, ...]: ...


S = TypeVar("S", bound=Signer)


class Signed(Generic[S]):
    """One sort of callers that sign. ``nonces`` keeps theirs apart from those of other sorts."""

    def __init__(
        self,
        find: Callable[[str], S | None],
        *,
        limit: Limit,
        look_at: Limit | None = None,
        nonces: str = "",
    ) -> None:
        self._find, self._limit, self._nonces = find, limit, nonces
        self._look_at = look_at

    def require(self, blueprint: Blueprint) -> None:
        """Every call below ``blueprint`` is signed by one of them, and acts for its merchant."""

        def enter() -> None:
            said = _read(request.headers.get("Authorization", ""))
            g.signer = signer = self._authentic(said)
            self._use(said)
            look_at = None if self._look_at is None else (self._look_at, signer.key)
            spend(self._limit, signer.key, look_at=look_at)
            stack = ExitStack()
            stack.enter_context(tenancy.acting_for(signer.merchant_id))
            g.signer_stack = stack

        def leave(_error: BaseException | None) -> None:
            g.pop("signer", None)
            if (stack := g.pop("signer_stack", None)) is not None:
                stack.close()

        blueprint.before_request(enter)
        blueprint.teardown_request(leave)

    def current(self) -> S:
        """Who signed this request."""
        signer = g.get("signer")
        if signer is None:
            raise SignatureInvalid()
        return cast(S, signer)

    def _authentic(self, said: "_Said") -> S:
        """Who signed this: signature first, then the clock."""
        found = self._find(said.key)
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
        return found

    def _use(self, said: "_Said") -> None:
        now = clock.machine_now()
        if not tills.use_nonce(f"{self._nonces}{said.key}", said.nonce, now=now):
            raise NonceReused()


@dataclass(frozen=True)
class _Said:
    key: str
    timestamp: str
    nonce: str
    signature: str


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


def _path_as_sent() -> str:
    """Path and query byte for byte; a proxy's absolute form begins at its path."""
    raw = str(request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or "")
    if not raw:
        return request.full_path.removesuffix("?")
    return raw if raw.startswith("/") else "/" + raw.split("/", 3)[-1]
