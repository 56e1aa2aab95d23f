"""修改密码: the page on which anybody at the desk changes their own password."""

from typing import cast

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)

from admin import access
from admin.error_pages import answer_errors
from backend import clock
from backend.errors import DomainError, Unauthenticated
from backend.merchants import own_password, passwords

blueprint = Blueprint("own", __name__, url_prefix="/admin")
LONGEST = 200


@blueprint.route("/password", methods=["GET", "POST"])
def password() -> Response:
    """修改密码: the old one, the new one twice."""
    if access.at_desk() is None:
        return access.to_login()
    if request.method == "GET":
        return _page()
    old, new, again = (request.form.get(name, "") for name in ("old", "new", "again"))
    if new != again:
        return _page("两次输入的新密码不一致")
    try:
        own_password.change(
            access.token(),
            old[:LONGEST],
            new[:LONGEST],
            origin=request.remote_addr or "",
            machine=clock.machine_now(),
            now=clock.now(),
        )
    except Unauthenticated:
        return cast(Response, redirect(url_for("desk.login")))
    except DomainError as refusal:
        return _page(refusal.message)
    flash("密码已修改，您在其他设备上的登录已退出")
    return cast(Response, redirect(url_for("own.password")))


def _page(error: str = "") -> Response:
    page = render_template("desk/own_password.html", error=error, least=passwords.LEAST)
    return make_response(page, 422 if error else 200)


answer_errors(blueprint)
