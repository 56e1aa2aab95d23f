"""Composition root: backend, APIs and desk as one Flask app; for commands the backend alone."""

import click
from flask import Flask
from flask.cli import FlaskGroup
from werkzeug.middleware.proxy_fix import ProxyFix

from backend import commands
from backend.application import NAME, backend_app, create_backend
from backend.settings import Settings, load

_NEED_PAGES = ("run", "routes", "shell")


def create_app(settings: Settings | None = None) -> Flask:
    """The whole product under ``settings``, or as the environment says."""
    import admin
    import miniprogram_api
    from backend import metrics, schema
    from backend.product import Product

    app = Product(NAME, static_folder=None)
    settings = settings or load()
    create_backend(app, settings)
    schema.register(app)
    metrics.register(app, settings)
    commands.register(app)
    miniprogram_api.register(app)
    admin.register(app)
    believe_proxies(app, settings.trusted_proxies)
    return app


def believe_proxies(app: Flask, proxies: int) -> None:
    """TRUSTED_PROXIES: who asks, and over which scheme, as so many proxies in front say it. None:
    what a client claims of itself counts for nothing."""
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=1, x_host=0)  # type: ignore[method-assign]


def command_app() -> Flask:
    """The backend and its commands: none of them needs a page."""
    app = backend_app(load())
    commands.register(app)
    return app


def __getattr__(name: str) -> Flask:
    """``wsgi:app`` for servers and the CLI; importing this module alone starts nothing."""
    if name == "app":
        globals()["app"] = command_app() if _asked_by_a_command() else create_app()
        return globals()["app"]  # type: ignore[no-any-return]
    raise AttributeError(name)


def _asked_by_a_command() -> bool:
    """Whether ``flask --app wsgi …`` looks for one of ours."""
    context = click.get_current_context(silent=True)
    if context is None:
        return False
    root = context.find_root()
    return isinstance(root.command, FlaskGroup) and root.invoked_subcommand not in _NEED_PAGES
