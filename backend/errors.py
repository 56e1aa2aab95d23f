"""错误: what the product refuses, as facts.

One class per fact: its name is the fact, ``code`` is stable and English, ``message`` is what the
person at the till reads, the facts stand in ``detail`` for machines. Use cases raise; one handler
answers.
"""

from collections.abc import Sequence
from datetime import date, datetime
from string import Formatter
from typing import TypedDict

from pydantic import JsonValue

from backend.money import yuan

Fact = JsonValue | date | datetime
"""What an error may carry: JSON, or an instant or a day, which ``detail`` spells as RFC 3339."""


class DomainError(Exception):
    """A refusal in words a cashier can read out.

    ``message`` is a template over the facts: ``{minimum_fen:yuan}`` writes fen as yuan (``50``),
    ``{name:店}`` ends in 店 exactly once, instants and days take strftime formats. ``hint`` is the
    cure for staff, where there is one.
    """

    code: str = "DOMAIN_ERROR"
    message: str = "操作无法完成"
    http_status: int = 422
    hint: str | None = None

    def __init__(self, **facts: Fact) -> None:
        self.message = _WORDS.vformat(type(self).message, (), facts)
        self.detail: dict[str, JsonValue] = {name: _as_json(fact) for name, fact in facts.items()}
        if self.hint is not None:
            self.detail["hint"] = self.hint
        super().__init__(self.message)


class FieldError(TypedDict):
    """One field that is wrong: where it stands (``lines.0.quantity``) and what is wrong with it."""

    field: str
    message: str


class ParamError(DomainError):
    """参数错误. What was sent is malformed; every wrong field is named."""

    code = "PARAM_ERROR"
    message = "参数错误"
    http_status = 400

    def __init__(self, *, errors: Sequence[FieldError]) -> None:
        super().__init__(errors=[{"field": e["field"], "message": e["message"]} for e in errors])


class Unauthenticated(DomainError):
    """未登录. Nobody is logged in, or the token is over."""

    code = "UNAUTHENTICATED"
    message = "请先登录"
    http_status = 401


class Forbidden(DomainError):
    """无权限. Known, but not allowed to do this here."""

    code = "FORBIDDEN"
    message = "没有权限"
    http_status = 403


class NotFound(DomainError):
    """不存在. Unknown here; another merchant's or member's thing is unknown too."""

    code = "NOT_FOUND"
    message = "内容不存在"
    http_status = 404


class Conflict(DomainError):
    """冲突. The thing is no longer in the state that this needs."""

    code = "CONFLICT"
    message = "状态已变化，请刷新后再试"
    http_status = 409


class RateLimited(DomainError):
    """限流. Too many at once; ``retry_after`` is in seconds."""

    code = "RATE_LIMITED"
    message = "操作太频繁，请稍后再试"
    http_status = 429

    def __init__(self, *, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(retry_after=retry_after)


class Busy(DomainError):
    """系统繁忙. Nothing was done; the same request may be sent again. ``writer`` names for whom it
    waited, where that one has a name (``database.writing_as``)."""

    code = "BUSY"
    message = "系统繁忙，请稍后再试"
    http_status = 503

    def __init__(self, *, writer: str = "") -> None:
        self.writer = writer
        super().__init__()


class InternalError(DomainError):
    """程序错误. Logged under the request id."""

    code = "INTERNAL_ERROR"
    message = "系统出错了，请稍后再试"
    http_status = 500


class _Words(Formatter):
    def format_field(self, value: object, format_spec: str) -> str:
        if format_spec == "yuan" and isinstance(value, int):
            return yuan(value)
        if format_spec == "店":
            return f"{str(value).removesuffix('店')}店"
        return format(value, format_spec)


_WORDS = _Words()


def _as_json(fact: Fact) -> JsonValue:
    if isinstance(fact, datetime):
        return fact.isoformat(timespec="seconds")
    return fact.isoformat() if isinstance(fact, date) else fact
