"""The HTTP contract: strict reading, answers, and the one shape of errors (spec/08)."""

import codecs
import json
import logging
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated, Any, ParamSpec, TypeVar

from flask import Blueprint, Flask, Response, current_app, request
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from backend import quantity
from backend.errors import DomainError, InternalError, NotFound, ParamError
from backend.wrong_fields import field_errors
from miniprogram_api.idempotency import answered
from miniprogram_api.readable import refuse_unreadable, refuse_unreadable_json
from miniprogram_api.refusals import error_page, error_response

log = logging.getLogger(__name__)

P = ParamSpec("P")
B = TypeVar("B", bound="Body")

Money = Annotated[int, Field(ge=0, le=10**10, description="分")]


def _quantity(said: object) -> quantity.Quantity:
    """A whole number, or a weight in words: what a float would mean is not guessed."""
    if isinstance(said, str):
        read = quantity.parse_quantity(said)
    elif isinstance(said, int) and not isinstance(said, bool):
        read = said
    else:
        raise ValueError('应为整数，或最多三位小数的文字，例："0.5"')
    if not 0 < read <= MOST_OF_A_LINE:
        raise ValueError(f"应大于0，且不超过{MOST_OF_A_LINE}")
    return read


MOST_OF_A_LINE = 10**6
Quantity = Annotated[
    quantity.Quantity,
    PlainValidator(_quantity),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MOST_OF_A_LINE},
                {"type": "string", "pattern": r"^[0-9]{1,7}(\.[0-9]{1,3})?$", "examples": ["0.5"]},
            ]
        }
    ),
]
Text = Annotated[str, Field(max_length=200)]
CodeText = Annotated[str, Field(min_length=1, max_length=64)]


class Body(BaseModel):
    """What a caller sends. Strict: no "5" for 5, no true for 1; unknown fields are passed over."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class TillBody(Body):
    """What a till sends: a byte order mark and whole numbers written ``3800.0`` are read, however
    deep they stand; nothing else is forgiven."""


class Answer(BaseModel):
    """What we answer; fields may be added, never renamed."""

    model_config = ConfigDict(frozen=True)


@dataclass(frozen=True)
class Operation:
    """One endpoint as OpenAPI tells it."""

    method: str
    rule: str
    body: type[Body] | None
    answer: type[Answer] | None
    status: int
    query: tuple[str, ...]
    summary: str
    once_by: str | None


OPERATIONS: list[Operation] = []


def route(
    blueprint: Blueprint,
    method: str,
    rule: str,
    *,
    body: type[Body] | None = None,
    answer: type[Answer] | None = None,
    status: int = 200,
    query: tuple[str, ...] = (),
    once_by: str | None = None,
    around: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Callable[[Callable[..., Answer | Response]], Callable[..., Response]]:
    """An endpoint: ``body`` is validated and handed over as ``body=``, the answer is sent.

    ``query`` only tells the contract what the view reads from the query itself. A view may also
    answer with something that is no JSON (a stream). Under an Idempotency-Key a POST is one
    transaction with its remembered answer; ``once_by`` stands at those that cannot be, and names
    the key by which their effect is single without it. ``around`` is entered before it begins and
    left when it is over.
    """

    def decorate(view: Callable[..., Answer | Response]) -> Callable[..., Response]:
        def serve(**parts: Any) -> Response:  # noqa: ANN401
            if body is not None:
                parts["body"] = read(body)

            def answer_it() -> Response:
                said = view(**parts)
                return said if isinstance(said, Response) else send(said, status)

            with around():
                return answered(answer_it, once_by=once_by)

        serve.__name__ = view.__name__
        serve.__doc__ = view.__doc__
        blueprint.add_url_rule(rule, view.__name__, serve, methods=[method])
        summary = (view.__doc__ or "").strip().split("\n")[0]
        full = (blueprint.url_prefix or "") + rule
        OPERATIONS.append(Operation(method, full, body, answer, status, query, summary, once_by))
        return serve

    return decorate


def read(body: type[B]) -> B:
    """The request's JSON as ``body``, or ParamError with every wrong field in Chinese."""
    raw = request.get_data()
    refuse_unreadable_json(raw)
    if issubclass(body, TillBody):
        raw = _generously(raw)
    try:
        return body.model_validate_json(raw or b"{}")
    except ValidationError as error:
        raise ParamError(errors=field_errors(error)) from None


def _generously(raw: bytes) -> bytes:
    raw = raw.removeprefix(codecs.BOM_UTF8)
    if not _POINT_ZERO.search(raw):
        return raw
    try:
        return json.dumps(json.loads(raw, parse_float=_whole)).encode()
    except (ValueError, RecursionError):
        return raw  # what is wrong with it, the body says


def _whole(said: str) -> int | float:
    digits, _, fraction = said.partition(".")
    is_whole = len(digits) < 19 and fraction and not fraction.strip("0")
    return int(digits) if is_whole else float(said)


_POINT_ZERO = re.compile(rb"[0-9]\.0")


def send(answer: Answer, status: int = 200) -> Response:
    """The answer as JSON."""
    return current_app.response_class(
        answer.model_dump_json(), status=status, mimetype="application/json"
    )


def answer_errors(app: Flask, *, below: tuple[str, ...]) -> None:
    """JSON errors for every path that begins with one of ``below``; pages keep their own."""

    def refused(error: DomainError) -> Response:
        return error_response(error) if _is_for_programs(below) else error_page(error)

    def http(error: HTTPException) -> HTTPException | Response:
        if not request.path.startswith(below) or error.response is not None:
            return error
        response = error_response(_as_domain_error(error))
        if isinstance(error, MethodNotAllowed):
            response.allow.update(error.valid_methods or ())
        return response

    def broken(error: Exception) -> Response:
        log.exception("A request failed", extra={"path": request.path})
        if app.testing or app.debug:
            raise error
        return refused(InternalError())

    app.config["JSON_PATHS"] = below
    refuse_unreadable(app, json_below=below)
    app.register_error_handler(DomainError, refused)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(Exception, broken)


class _HttpError(DomainError):
    def __init__(self, code: str, message: str, http_status: int) -> None:
        self.code, self.http_status = code, http_status
        super().__init__()
        self.message = message


def _is_for_programs(below: tuple[str, ...]) -> bool:
    return request.path.startswith(below) or not request.accept_mimetypes.accept_html


def _as_domain_error(error: HTTPException) -> DomainError:
    if error.code == 404:
        return NotFound()
    words = {
        400: ("PARAM_ERROR", "请求格式错误"),
        405: ("METHOD_NOT_ALLOWED", "请求方法不支持"),
        413: ("TOO_LARGE", "请求内容过大"),
        415: ("PARAM_ERROR", "请求格式错误"),
    }
    code, message = words.get(error.code or 500, ("HTTP_ERROR", "请求无法处理"))
    return _HttpError(code, message, error.code or 500)
