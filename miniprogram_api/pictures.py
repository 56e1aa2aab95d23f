"""活动图片: what the desk uploaded, for anybody who has the address; it never changes."""

from flask import Blueprint, Response, abort, make_response

from backend.merchants import pictures
from backend.merchants.logo import media_type

blueprint = Blueprint("pictures", __name__)


@blueprint.get("/pictures/<code>")
def picture(code: str) -> Response:
    """The picture of a code."""
    content = pictures.find(code) or abort(404)
    answer = make_response(content)
    answer.mimetype = media_type(content)
    answer.cache_control.public = True
    answer.cache_control.max_age = 365 * 24 * 3600
    answer.cache_control.immutable = True
    return answer
