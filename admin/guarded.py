"""看守: every view of the desk is closed by default and acts for one merchant."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, redirect, url_for

from admin import access
from admin.error_pages import answer_errors
from admin.rights import Right
from backend import tenancy
from backend.statement_limit import statement_limit

STATEMENT_SECONDS = 5.0
"""How long one statement of a page may take: whoever waits longer has left, and the tills wait."""


class Guarded:
    """Mixin of every view of the desk: closed by default, one merchant, errors as pages."""

    right: Right | None = None

    def is_accessible(self) -> bool:
        """Whether the menu shows it and its pages open."""
        here = access.at_desk()
        return here is not None and here.may(self.right)

    def inaccessible_callback(self, name: str, **kwargs: object) -> Response:
        """Not signed in: to the login; signed in without the right: 403."""
        if access.at_desk() is None:
            return access.to_login()
        return abort(403)

    def _run_view(self, view: Callable[..., Any], *args: object, **kwargs: object) -> object:
        """Once, and in the merchant's name (Flask-Admin runs it again on any TypeError)."""
        merchant = access.desk().merchant
        if merchant is None:
            return redirect(url_for("desk.merchants"))
        with tenancy.acting_for(merchant.id), statement_limit(STATEMENT_SECONDS):
            return view(self, *args, **kwargs)

    def create_blueprint(self, admin: object) -> Blueprint:
        """Errors below the view are pages in the desk's own words."""
        blueprint: Blueprint = super().create_blueprint(admin)  # type: ignore[misc]
        answer_errors(blueprint)
        return blueprint
