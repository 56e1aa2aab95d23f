"""Idempotency-Key on any POST of a blueprint: the same request again has the same answer."""

import json
import re
from collections.abc import Callable
from contextlib import suppress

from flask import Blueprint, Response, current_app, g, request

from backend import idempotency
from backend.errors import FieldError, ParamError
from backend.idempotency import Asked, FirstAnswer

HEADER = "Idempotency-Key"

_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_ROUTE_LENGTH = 160


def protect(blueprint: Blueprint, *, caller: Callable[[], str]) -> None:
    """Switch keys on for every POST; ``caller`` names who asks (at most 80 characters).

    Call it after the blueprint's own log-in, whose ``before_request`` must run first.
    """

    def before() -> Response | None:
        g.pop("idempotency_turn", None)
        key = request.headers.get(HEADER)
        if request.method != "POST" or key is None:
            return None
        if not _KEY.fullmatch(key):
            raise ParamError(errors=[FieldError(field=HEADER, message="应为1到128个可见字符")])
        outcome = idempotency.begin(Asked(caller(), _route(), key, _body()))
        if isinstance(outcome, FirstAnswer):
            return _again(outcome)
        g.idempotency_turn = outcome
        return None

    def after(response: Response) -> Response:
        turn = g.pop("idempotency_turn", None)
        if turn is None:
            return response
        if 200 <= response.status_code < 300 or response.status_code in (409, 422):
            answer = response.get_data(as_text=True)
            idempotency.remember(turn, status=response.status_code, body=answer)
        else:
            idempotency.forget(turn)
        return response

    blueprint.before_request(before)
    blueprint.after_request(after)


def _again(first: FirstAnswer) -> Response:
    answer = current_app.response_class(
        first.body, status=first.status, mimetype="application/json"
    )
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
