"""``flask db upgrade`` and what else Flask-Migrate offers."""

from flask import Flask

from backend import schema


def register(app: Flask) -> None:
    schema.register(app)
