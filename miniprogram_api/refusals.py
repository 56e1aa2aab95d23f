"""The one shape in which the APIs refuse (spec/08)."""

from flask import Response, jsonify

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
    response.status_code = error.http_status
    if isinstance(error, RateLimited):
        response.headers["Retry-After"] = str(error.retry_after)
    elif error.http_status == 503:
        response.headers["Retry-After"] = "2"
    return response
