"""What every job runs in: the app made once before the fork, a context of its own per job."""

import functools
from collections.abc import Callable
from typing import ParamSpec

from flask import Flask

from backend import installation, requesting
from backend.application import backend_app
from backend.database import forget_connections
from backend.settings import load

P = ParamSpec("P")


@functools.cache
def app() -> Flask:
    """The backend's app in this process: jobs open no pages."""
    return backend_app(load())


def after_fork() -> None:
    """A child must not use its parent's database connections."""
    forget_connections(app())


def job(function: Callable[P, None]) -> Callable[P, None]:
    """A job: runs in an app context under a request id of its own; safe to run twice. On a copy of
    the data none runs: the living deployment does this work, and the world would hear of it twice
    (the scheduler says so in its log)."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with app().app_context():
            requesting.begin()
            if installation.why_not_living():
                return
            function(*args, **kwargs)

    return run
