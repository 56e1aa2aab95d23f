"""The pages' blueprint: its headers, and a refusal as a page."""

from flask import Blueprint, Response, render_template, request

from backend.errors import DomainError, NotFound
from backend.secure_headers import CSP, page_policy
from backend.wechat.login import web_host
from miniprogram_api.refusals import retry_after

blueprint = Blueprint(
    "h5", __name__, url_prefix="/h5", template_folder="templates", static_folder="static"
)


@blueprint.after_request
def headers(response: Response) -> Response:
    """Nothing from elsewhere, no script in the page; a form may lead to 网页授权."""
    response.headers.setdefault(CSP, page_policy(forms_also_to=web_host()))
    return response


@blueprint.get("/<path:nowhere>")
def not_there(nowhere: str) -> str:
    """An address that was copied badly."""
    raise NotFound()


@blueprint.errorhandler(DomainError)
def refused(error: DomainError) -> tuple[str, int, dict[str, str]]:
    """What was refused and what to do about it, in the same words as everywhere."""
    later = retry_after(error)
    page = render_template("h5/refused.html", error=error, again=request.path)
    return page, error.http_status, later
