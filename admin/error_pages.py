"""出错页: what went wrong at the desk, as a page, or in the API's shape for JSON callers."""

import logging

from flask import Blueprint, Response, current_app, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from admin import access
from backend import requesting
from backend.errors import DomainError, Unauthenticated

log = logging.getLogger(__name__)


def answer_errors(views: Blueprint) -> None:
    """Errors of these views as pages; JSON callers get the API's shape."""
    views.register_error_handler(HTTPException, _http_error)
    views.register_error_handler(DomainError, _refusal)
    views.register_error_handler(Exception, _bug)


def message_page(status: int, refusal: DomainError | None = None) -> Response:
    """What went wrong, in the desk's own words, or in the refusal's."""
    title, text = _WORDS.get(status, _WORDS[500])
    if refusal is not None:
        title, text = refusal.message, refusal.hint or ""
    if access.asks_for_json():
        code = refusal.code if refusal else _CODES.get(status, "HTTP_ERROR")
        body = {
            "code": code,
            "message": title,
            "detail": refusal.detail if refusal else {},
            "request_id": requesting.request_id(),
        }
        return make_response(body, status)
    if isinstance(refusal, Unauthenticated):
        return access.to_login()
    if status == 503:
        access.look_up_nobody()
    page = render_template("desk/message.html", status=status, title=title, text=text)
    return make_response(page, status, {"Retry-After": "2"} if status == 503 else {})


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.response is not None or (error.code or 500) < 400:
        return error
    return message_page(error.code or 500)


def _refusal(error: DomainError) -> Response:
    return message_page(error.http_status, error)


def _bug(error: Exception) -> Response:
    log.exception("A desk page failed", extra={"path": request.path})
    if current_app.testing or current_app.debug:
        raise error
    return message_page(500)


_CODES = {400: "PARAM_ERROR", 403: "FORBIDDEN", 404: "NOT_FOUND", 500: "INTERNAL_ERROR"}
_WORDS = {
    400: ("页面已过期", "请返回上一页，刷新后再提交"),
    403: ("没有权限", "您的角色不能打开这个页面，如有需要请联系商家负责人"),
    404: ("内容不存在", "它可能已被删除，或者不属于当前商家"),
    413: ("内容太大", "请减少内容后再提交"),
    500: ("系统出错了", "请稍后再试；仍有问题时请把下面的编号告诉我们"),
}
