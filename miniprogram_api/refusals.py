"""The one shape in which the APIs refuse (spec/08), and the page for people where no other is."""

from flask import Response, jsonify, render_template_string

from backend import requesting
from backend.errors import DomainError, RateLimited


def error_response(error: DomainError) -> Response:
    """One shape for every refusal."""
    response = jsonify(
        code=error.code,
        message=error.message,
        detail=error.detail,
        request_id=requesting.request_id(),
    )
    return _with_status(response, error)


def error_page(error: DomainError) -> Response:
    """The same words for people, where no shell of pages stands around them."""
    response = Response(render_template_string(_PAGE, error=error), mimetype="text/html")
    return _with_status(response, error)


def retry_after(error: DomainError) -> dict[str, str]:
    """The header that says when to come again."""
    if isinstance(error, RateLimited):
        return {"Retry-After": str(error.retry_after)}
    return {"Retry-After": "2"} if error.http_status == 503 else {}


def _with_status(response: Response, error: DomainError) -> Response:
    response.status_code = error.http_status
    response.headers.update(retry_after(error))
    return response


_PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{{ error.message }}</title>
<h1>{{ error.message }}</h1><p>{{ error.hint or "" }}</p></html>"""
