"""The pages' blueprint: its headers, and a refusal as a page."""

from flask import Blueprint, Response, render_template, request

from backend.errors import DomainError, NotFound, RateLimited

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)

blueprint = Blueprint(
    "h5", __name__, url_prefix="/h5", template_folder="templates", static_folder="static"
)


@blueprint.after_request
def headers(response: Response) -> Response:
    """Nothing from elsewhere, no script in the page."""
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    return response


@blueprint.get("/<path:nowhere>")
def not_there(nowhere: str) -> str:
    """An address that was copied badly."""
    raise NotFound()


@blueprint.errorhandler(DomainError)
def refused(error: DomainError) -> tuple[str, int, dict[str, str]]:
    """What was refused and what to do about it, in the same words as everywhere."""
    later = {"Retry-After": str(error.retry_after)} if isinstance(error, RateLimited) else {}
    page = render_template("h5/refused.html", error=error, again=request.path)
    return page, error.http_status, later
