"""Statements are noted while they are asked, and explained on the yardstick."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import StaticPool

from tests.plans import yardstick
from tests.plans.reading import Parameters, too_much


class Yardsticks:
    """Where statements are explained: on SQLite without statistics and with them."""

    def __init__(self, connections: list[Connection]) -> None:
        self._connections = connections
        self._known: set[str] = set()

    def judge(self, asked: dict[str, Parameters]) -> list[str]:
        """What is wrong with statements that nobody asked before."""
        wrong = []
        for statement, parameters in asked.items():
            if statement in self._known:
                continue
            self._known.add(statement)
            for connection in self._connections:
                found = too_much(connection, statement, parameters)
                wrong += [f"{step}\n  in {statement}" for step in found]
        return wrong


@contextmanager
def yardsticks(database_url: str) -> Iterator[Yardsticks]:
    """Large, uneven databases of the kind that the session uses."""
    with ExitStack() as stack:
        if database_url.startswith("sqlite"):
            connections = [stack.enter_context(_in_memory(filled)) for filled in (False, True)]
        else:
            connections = [stack.enter_context(_on_server(database_url))]
        yield Yardsticks(connections)


@contextmanager
def asked_within(engine: Engine) -> Iterator[dict[str, Parameters]]:
    """Statement → parameters of its first time, of all that reads."""
    seen: dict[str, Parameters] = {}

    def note(*call: Any) -> None:  # noqa: ANN401
        statement, parameters, many = str(call[2]), call[3], call[5]
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            seen.setdefault(statement, parameters[0] if many else parameters)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@contextmanager
def _in_memory(filled: bool) -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        yardstick.build(connection)
        if filled:
            connection.exec_driver_sql("ANALYZE")
        yield connection
    engine.dispose()


@contextmanager
def _on_server(database_url: str) -> Iterator[Connection]:
    url, name = make_url(database_url), f"qb_{uuid.uuid4().hex[:12]}"
    mysql = url.get_backend_name() == "mysql"
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"create database {name}"))
    engine = create_engine(url.set(database=name))
    with engine.connect() as connection:
        yardstick.build(connection)
        for table in yardstick.names():
            connection.exec_driver_sql(f"ANALYZE {'TABLE ' if mysql else ''}{table}")
        connection.commit()
        yield connection
    engine.dispose()
    with server.connect() as connection:
        connection.execute(text(f"drop database {name}"))
    server.dispose()
