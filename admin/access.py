"""登录与权限: who is at the desk, for which merchant, and what they may do there.

The cookie holds an opaque token whose hash stands in ``staff_session``; logging out deletes the
row. A view that names no right is closed to everybody.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from flask import Flask, Response, abort, current_app, redirect, request, url_for
from flask_admin import expose
from flask_admin.actions import action
from flask_wtf.csrf import CSRFProtect
from pydantic import JsonValue
from sqlalchemy import func, select, update

from admin.rights import RIGHTS, Right
from backend import clock
from backend.database import changed, db, table_of, transaction
from backend.errors import Unauthenticated
from backend.merchants import audit, staff
from backend.merchants.models import Merchant, Role, Staff, StaffSession
from backend.secure_headers import CSP, page_policy

csrf = CSRFProtect()
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Shop:
    """The merchant we act for, as the shell shows it."""

    id: int
    name: str
    zone: ZoneInfo


@dataclass(frozen=True)
class Desk:
    """Who is at the desk. ``stores``: codes of the stores they are limited to; None: all."""

    staff_id: int
    login: str
    name: str
    role: Role
    stores: tuple[str, ...] | None
    merchant: Shop | None

    def may(self, right: Right | None) -> bool:
        """Whether their role has the right; what names no right is nobody's."""
        return right is not None and right in RIGHTS[self.role]

    @property
    def actor(self) -> str:
        """As ledgers and the audit log name them."""
        return f"运营者 {self.login}" if self.role is Role.OPERATOR else self.login


def register(app: Flask) -> None:
    """CSRF for the desk only: the APIs and WeChat's callbacks carry signatures instead."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        SESSION_COOKIE_NAME="__Host-desk-form" if _secure(app) else "desk-form",
        SESSION_COOKIE_SECURE=_secure(app),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    csrf.init_app(app)

    @app.before_request
    def protect_the_desk() -> None:
        if not _is_desk(request.path):
            return
        if asks_for_json() and at_desk() is None:
            raise Unauthenticated()
        csrf.protect()

    @app.after_request
    def desk_headers(response: Response) -> Response:
        if _is_desk(request.path):
            response.headers.setdefault(CSP, _POLICY)
        return response


def at_desk() -> Desk | None:
    """Who sends this request, if they are signed in."""
    if _KEPT not in request.environ:
        request.environ[_KEPT] = _look_up(request.cookies.get(_cookie(), ""))
    return cast(Desk | None, request.environ[_KEPT])


def look_up_nobody() -> None:
    """The rest of this request is nobody's: the database that knows them is away."""
    request.environ[_KEPT] = None


def desk() -> Desk:
    """Who sends this request; only for code behind a guarded view."""
    found = at_desk()
    if found is None:
        raise Unauthenticated()
    return found


def shop() -> Shop:
    """The merchant this request acts for."""
    return desk().merchant or abort(404)


def may(right: Right) -> bool:
    """Whether the person at the desk has the right."""
    found = at_desk()
    return found is not None and found.may(right)


def need(right: Right) -> None:
    """403 unless they have the right."""
    if not may(right):
        abort(403)


def record(
    action: str,
    subject: str,
    *,
    before: Mapping[str, JsonValue] | None = None,
    after: Mapping[str, JsonValue] | None = None,
) -> None:
    """操作日志 of what the person at the desk does, in the open transaction."""
    here = desk()
    audit.record(
        action,
        subject=subject,
        actor=here.actor,
        merchant_id=here.merchant.id if here.merchant else None,
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        origin=request.remote_addr or "",
        now=clock.now(),
    )


def enter(response: Response, token: str) -> None:
    """Hand the session over to the browser."""
    response.set_cookie(
        _cookie(), token, secure=_secure(current_app), httponly=True, samesite="Lax", path="/"
    )


def token() -> str:
    """What the browser shows of its session."""
    return request.cookies.get(_cookie(), "")


def leave(response: Response) -> None:
    """End the session here and on the server."""
    if token := request.cookies.get(_cookie()):
        staff.sign_out(token)
    response.delete_cookie(
        _cookie(), secure=_secure(current_app), httponly=True, samesite="Lax", path="/"
    )


def act_for(merchant_id: int) -> None:
    """运营者进入商家: chosen by the operator's person, shown in the top bar, kept in the log."""
    here = desk()
    if here.role is not Role.OPERATOR:
        abort(403)
    name = db.session.scalar(select(Merchant.name).where(Merchant.id == merchant_id))
    session = staff.session_of(request.cookies.get(_cookie(), ""), now=clock.machine_now())
    if name is None or session is None:
        abort(404)
    sessions = table_of(StaffSession)
    with transaction():
        changed(
            update(sessions)
            .where(sessions.c.id == session.id)
            .values(acting_merchant_id=merchant_id)
        )
        audit.record(
            "operator.enter",
            subject=name,
            actor=here.actor,
            merchant_id=merchant_id,
            origin=request.remote_addr or "",
            now=clock.now(),
        )
    request.environ.pop(_KEPT, None)


def asks_for_json() -> bool:
    """Whether a program asks: it says so, or sends JSON itself."""
    wants = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return wants == "application/json" or request.is_json


def to_login() -> Response:
    """未登录: pages go to the login, JSON callers get 401."""
    if asks_for_json():
        raise Unauthenticated()
    login = url_for("desk.login", next=request.full_path.rstrip("?"))
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": url_for("desk.login")})
    return cast(Response, redirect(login))


def page(url: str, *, methods: tuple[str, ...] = ("GET",)) -> Callable[[F], F]:
    """A page of a view: Flask-Admin's ``expose``, with types."""
    return cast(Callable[[F], F], expose(url, methods=methods))


def batch(name: str, label: str, consequence: str) -> Callable[[F], F]:
    """A batch action of a list, with the consequence to confirm: Flask-Admin's, with types."""
    return cast(Callable[[F], F], action(name, label, consequence))


_KEPT = "quanbao.desk"
_POLICY = page_policy()


def _is_desk(path: str) -> bool:
    return path == "/admin" or path.startswith("/admin/")


def _secure(app: Flask) -> bool:
    return str(app.config["PUBLIC_URL"]).startswith("https://")


def _cookie() -> str:
    return "__Host-desk" if _secure(current_app) else "desk"


def _look_up(token: str) -> Desk | None:
    if not token:
        return None
    session = staff.session_of(token, now=clock.machine_now())
    if session is None:
        return None
    person, merchant_id, name, zone = db.session.execute(
        select(Staff, Merchant.id, Merchant.name, Merchant.zone)
        .outerjoin(
            Merchant, Merchant.id == func.coalesce(session.acting_merchant_id, Staff.merchant_id)
        )
        .where(Staff.id == session.staff_id)
    ).one()
    return Desk(
        staff_id=person.id,
        login=person.login,
        name=person.name or person.login,
        role=Role(person.role),
        stores=None if person.stores is None else tuple(str(code) for code in person.stores),
        merchant=None if merchant_id is None else Shop(merchant_id, name, ZoneInfo(zone)),
    )
