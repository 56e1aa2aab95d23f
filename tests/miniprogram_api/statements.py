"""What a request asks of the database, statement by statement."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    """The statements sent meanwhile; beginning and ending a transaction are none."""
    seen: list[str] = []

    def note(*call: object) -> None:
        if not str(call[2]).startswith(("BEGIN", "pragma")):
            seen.append(str(call[2]))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@contextmanager
def committing(engine: Engine) -> Iterator[list[str]]:
    """One entry for each commit meanwhile, whoever makes it."""
    seen: list[str] = []

    def note(_connection: object) -> None:
        seen.append("commit")

    event.listen(engine, "commit", note)
    try:
        yield seen
    finally:
        event.remove(engine, "commit", note)
