"""Idempotency-Key on any POST of a blueprint: the same request again has the same answer, and one
effect. Kept are 2xx, 409 and 422 (spec/08)."""

import json
import re
from collections.abc import Callable
from contextlib import suppress

from flask import Blueprint, Response, current_app, g, request

from backend import idempotency
from backend.database import writing_as
from backend.errors import Busy, DomainError, FieldError, ParamError
from backend.idempotency import Asked, IdempotencyRunning, Refusal, Said
from miniprogram_api.refusals import error_response

HEADER = "Idempotency-Key"

_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_ROUTE_LENGTH = 160


def protect(blueprint: Blueprint, *, caller: Callable[[], str]) -> None:
    """Switch keys on for every POST; ``caller`` names who asks (at most 80 characters).

    Call it after the blueprint's own log-in, whose ``before_request`` must run first. What the key
    does stands in ``answered``, around the view.
    """

    def before() -> None:
        g.keyed = _asked(caller)

    def busy(error: Busy) -> Response:
        return error_response(IdempotencyRunning() if _holds_itself_up(error) else error)

    def _holds_itself_up(error: Busy) -> bool:
        """Wherever it waited, be it to write its nonce: for the first one of its key."""
        with suppress(DomainError):  # nobody yet has said who asks
            asked = _asked(caller) if error.writer else None
            return asked is not None and asked.name == error.writer
        return False

    blueprint.before_request(before)
    blueprint.register_error_handler(Busy, busy)


def answered(view: Callable[[], Response], *, once_by: str | None) -> Response:
    """What ``view`` answers; under a key what it answered first, with the effect in the same
    transaction. ``once_by`` names the key by which an effect is single that cannot be in one."""
    asked: Asked | None = g.pop("keyed", None)
    if asked is None:
        return view()

    def work() -> Said:
        try:
            return _said(view())
        except DomainError as error:
            if error.http_status in (409, 422):
                raise Refusal(_said(error_response(error))) from error
            raise

    run = idempotency.once if once_by is None else idempotency.in_turn
    with writing_as(asked.name):
        return _response(run(asked, work))


def _asked(caller: Callable[[], str]) -> Asked | None:
    key = request.headers.get(HEADER)
    if request.method != "POST" or key is None:
        return None
    if not _KEY.fullmatch(key):
        raise ParamError(errors=[FieldError(field=HEADER, message="应为1到128个可见字符")])
    return Asked(caller(), _route(), key, _body())


def _said(response: Response) -> Said:
    return Said(response.status_code, response.get_data(as_text=True))


def _response(said: Said) -> Response:
    answer = current_app.response_class(said.body, status=said.status, mimetype="application/json")
    if said.again:
        answer.headers["Idempotency-Replayed"] = "true"
    return answer


def _route() -> str:
    return request.path[:_ROUTE_LENGTH]


def _body() -> bytes:
    """What was sent, however its JSON is spelt, with the query."""
    raw = request.get_data()
    with suppress(ValueError, RecursionError):
        raw = json.dumps(json.loads(raw), sort_keys=True).encode()
    return request.query_string + b"\n" + raw
