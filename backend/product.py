"""The product as a WSGI application: where its database is away, everybody is told 系统繁忙.

One place for every door: a view, what runs before or after it, and what ends a request.
"""

import json
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from flask import Flask, Response
from flask.typing import ResponseReturnValue

from backend.dialects import is_away
from backend.errors import Busy

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

_PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>{message}</title>
<h1>{message}</h1><p>刚才的操作没有完成，请刷新后重试。</p></html>"""


class Product(Flask):
    """Flask, and Busy in the place of whatever an absent database raises."""

    def handle_user_exception(self, e: Exception) -> ResponseReturnValue:
        """Raised by a view or before it: the handlers see Busy."""
        return super().handle_user_exception(_as_busy(e))

    def handle_exception(self, e: Exception) -> Response:
        """Raised behind the view: after_request, a session saved, an error page."""
        if not is_away(e):
            return super().handle_exception(e)
        try:
            answer = self.make_response(super().handle_user_exception(_as_busy(e)))
        except Exception as again:
            if not is_away(again):
                raise
            answer = _plain(in_json=False)
        return self.finalize_request(answer, from_error_handler=True)

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """The last hold: raised while the request is ended. A key gives the lost answer again."""
        begun: list[tuple[str, list[tuple[str, str]]]] = []

        def begin(status: str, headers: list[tuple[str, str]], *_error: object) -> None:
            begun[:] = [(status, headers)]

        try:
            body = super().wsgi_app(environ, cast("StartResponse", begin))
        except Exception as error:
            if not is_away(error):
                raise
            _as_busy(error)
            below = tuple(self.config.get("JSON_PATHS", ()))
            in_json = str(environ.get("PATH_INFO", "")).startswith(below)
            return _plain(in_json=in_json)(environ, start_response)
        start_response(*begun[0])
        return body


def _as_busy(error: Exception) -> Exception:
    if not is_away(error):
        return error
    log.error("The database did not answer", exc_info=error)
    busy = Busy()
    busy.__cause__ = error
    return busy


def _plain(*, in_json: bool) -> Response:
    """Without template, session and database."""
    busy = Busy()
    told = {"code": busy.code, "message": busy.message, "detail": {}, "request_id": ""}
    body = json.dumps(told, ensure_ascii=False) if in_json else _PAGE.format(message=busy.message)
    kind = "application/json" if in_json else "text/html; charset=utf-8"
    return Response(body, 503, {"Content-Type": kind, "Retry-After": "2"})
