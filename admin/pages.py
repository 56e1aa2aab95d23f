"""登录, 退出, 选择商家."""

from typing import cast
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from sqlalchemy import or_, select

from admin import access
from admin.error_pages import answer_errors, message_page
from admin.fields import row_id
from backend import clock
from backend.database import db
from backend.errors import DomainError, RateLimited
from backend.merchants import staff
from backend.merchants.models import Merchant, Role

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
        return message_page(403)
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
    return message_page(404)


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
