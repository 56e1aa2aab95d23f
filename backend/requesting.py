"""The id of the request or job we serve: in every log line and ledger row (spec/08)."""

import re
import secrets
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("request_id", default="")
_GOOD = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def begin(given: str | None = None) -> str:
    """Take the caller's id over when it is a sane one, else make one."""
    name = given if given and _GOOD.fullmatch(given) else secrets.token_hex(12)
    _current.set(name)
    return name


def request_id() -> str:
    """The id of what is being served; empty outside of any."""
    return _current.get()
