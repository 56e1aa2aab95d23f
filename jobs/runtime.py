"""What every job runs in: the app made once before the fork, a context of its own per job."""

import functools
from collections.abc import Callable
from typing import ParamSpec

from flask import Flask

from backend import requesting
from backend.database import db

P = ParamSpec("P")


@functools.cache
def app() -> Flask:
    """The product's app in this process."""
    from wsgi import create_app  # the composition root knows us by name only

    return create_app()


def after_fork() -> None:
    """A child must not use its parent's database connections."""
    with app().app_context():
        db.engine.dispose(close=False)


def job(function: Callable[P, None]) -> Callable[P, None]:
    """A job: runs in an app context under a request id of its own; safe to run twice."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with app().app_context():
            requesting.begin()
            function(*args, **kwargs)

    return run
