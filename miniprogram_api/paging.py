"""Lists: ``limit`` and ``cursor`` as asked for (spec/08)."""

from dataclasses import dataclass

from flask import request

from backend.errors import FieldError, ParamError

MOST = 100
QUERY = ("limit", "cursor")
"""What a list reads from its query, for the contract."""


@dataclass(frozen=True)
class PageAsked:
    """How many, and after which."""

    limit: int
    cursor: str | None


def page_asked(*, usual: int = 20) -> PageAsked:
    """What the query asks for; ParamError for a limit that is none."""
    said = request.args.get("limit", str(usual))
    limit = int(said) if said.isascii() and said.isdigit() and len(said) < 5 else 0
    if not 1 <= limit <= MOST:
        raise ParamError(errors=[FieldError(field="limit", message=f"应为1到{MOST}的整数")])
    return PageAsked(limit, request.args.get("cursor") or None)
