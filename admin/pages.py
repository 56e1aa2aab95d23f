"""登录, 退出, 选择商家, and the pages that say what went wrong."""

import logging
from typing import cast
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from sqlalchemy import or_, select
from werkzeug.exceptions import HTTPException

from admin import access
from admin.fields import row_id
from backend import clock, requesting
from backend.database import db
from backend.errors import DomainError, RateLimited, Unauthenticated
from backend.merchants import staff
from backend.merchants.models import Merchant, Role

log = logging.getLogger(__name__)
MOST_MERCHANTS = 50

blueprint = Blueprint(
    "desk",
    __name__,
    url_prefix="/admin",
    template_folder="templates",
    static_folder="static",
    static_url_path="/desk/static",
)


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> Response:
    """登录."""
    target = _own_path(request.args.get("next", ""))
    if request.method == "GET":
        if access.at_desk() is not None:
            return _to(target)
        return _login_page()
    try:
        token, _person = staff.sign_in(
            request.form.get("login", "")[:64],
            request.form.get("password", "")[:200],
            origin=request.remote_addr or "",
            now=clock.machine_now(),
        )
    except DomainError as refusal:
        return _login_page(refusal)
    session.clear()
    response = _to(target)
    access.enter(response, token)
    return response


@blueprint.post("/logout")
def logout() -> Response:
    """退出."""
    response = _to(url_for("desk.login"))
    access.leave(response)
    session.clear()
    return response


@blueprint.route("/merchants", methods=["GET", "POST"])
def merchants() -> Response:
    """选择商家: the operator's people choose in whose name they work."""
    here = access.at_desk()
    if here is None:
        return access.to_login()
    if here.role is not Role.OPERATOR:
        return _page(403)
    if request.method == "POST":
        access.act_for(row_id(request.form.get("merchant", "")))
        return _to(url_for("admin.index"))
    words = request.args.get("q", "").strip()[:40]
    found = db.session.execute(
        select(Merchant.id, Merchant.code, Merchant.name)
        .where(
            or_(
                Merchant.name.contains(words, autoescape=True),
                Merchant.code.contains(words, autoescape=True),
            )
        )
        .order_by(Merchant.code)
        .limit(MOST_MERCHANTS)
    ).all()
    return make_response(
        render_template("desk/merchants.html", found=found, words=words, most=MOST_MERCHANTS)
    )


@blueprint.route("/<path:rest>")
def nowhere(rest: str) -> Response:
    """What is not there."""
    if access.at_desk() is None:
        return access.to_login()
    return _page(404)


def answer_errors(views: Blueprint) -> None:
    """Errors of these views as pages; JSON callers get the API's shape."""
    views.register_error_handler(HTTPException, _http_error)
    views.register_error_handler(DomainError, _refusal)
    views.register_error_handler(Exception, _bug)


def _http_error(error: HTTPException) -> Response | HTTPException:
    if error.response is not None or (error.code or 500) < 400:
        return error
    return _page(error.code or 500)


def _refusal(error: DomainError) -> Response:
    return _page(error.http_status, error)


def _bug(error: Exception) -> Response:
    log.exception("A desk page failed", extra={"path": request.path})
    if current_app.testing or current_app.debug:
        raise error
    return _page(500)


def _page(status: int, refusal: DomainError | None = None) -> Response:
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


_CODES = {400: "PARAM_ERROR", 403: "FORBIDDEN", 404: "NOT_FOUND", 500: "INTERNAL_ERROR"}
_WORDS = {
    400: ("页面已过期", "请返回上一页，刷新后再提交"),
    403: ("没有权限", "您的角色不能打开这个页面，如有需要请联系商家负责人"),
    404: ("内容不存在", "它可能已被删除，或者不属于当前商家"),
    413: ("内容太大", "请减少内容后再提交"),
    500: ("系统出错了", "请稍后再试；仍有问题时请把下面的编号告诉我们"),
}


def _login_page(refusal: DomainError | None = None) -> Response:
    said = "" if refusal is None else refusal.message
    body = render_template("desk/login.html", error=said, login=request.form.get("login", ""))
    response = make_response(body, 200 if refusal is None else refusal.http_status)
    if isinstance(refusal, RateLimited):
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def _to(url: str) -> Response:
    return cast(Response, redirect(url))


def _own_path(target: str) -> str:
    """Where to go after the login: a page of this desk, never another host."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or "\\" in target or not parts.path.startswith("/admin/"):
        return url_for("admin.index")
    return target


answer_errors(blueprint)
