"""Composition root: backend, APIs and desk as one Flask app."""

from flask import Flask

import admin
import miniprogram_api
from backend.application import create_backend
from backend.settings import Settings, load


def create_app(settings: Settings | None = None) -> Flask:
    """The whole product under ``settings``, or as the environment says."""
    app = Flask("quanbao", static_folder=None)
    create_backend(app, settings or load())
    miniprogram_api.register(app)
    admin.register(app)
    return app


def __getattr__(name: str) -> Flask:
    """``wsgi:app`` for servers and the CLI; importing this module alone starts nothing."""
    if name == "app":
        globals()["app"] = create_app()
        return globals()["app"]  # type: ignore[no-any-return]
    raise AttributeError(name)
