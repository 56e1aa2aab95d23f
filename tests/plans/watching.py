"""Statements are noted while they are asked, and explained on the yardstick."""

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from flask import has_request_context, request
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import StaticPool

from backend import statistics
from tests.plans import yardstick
from tests.plans.reading import Parameters, too_much


class Yardsticks:
    """Where statements are explained: on SQLite without statistics, with those the
    product has, and with full ones."""

    def __init__(self, connections: list[Connection]) -> None:
        self._connections = connections
        self._known: set[tuple[str, bool]] = set()

    def judge(self, asked: dict[str, Parameters], *, of_a_crowd: bool = False) -> list[str]:
        """What is wrong with statements that nobody asked before. ``of_a_crowd``: nor does a loop
        within another read by less than its row (``reading``)."""
        wrong = []
        for statement, parameters in asked.items():
            if (statement, of_a_crowd) in self._known:
                continue
            self._known.add((statement, of_a_crowd))
            for connection in self._connections:
                found = too_much(connection, statement, parameters, of_a_crowd=of_a_crowd)
                wrong += [f"{step}\n  in {statement}" for step in found]
        return wrong


@contextmanager
def yardsticks(database_url: str) -> Iterator[Yardsticks]:
    """Large, uneven databases of the kind that the session uses."""
    with ExitStack() as stack:
        if database_url.startswith("sqlite"):
            bare = stack.enter_context(_in_memory())
            yardstick.build(bare)
            analysed = stack.enter_context(_in_memory())
            _driver(bare).backup(_driver(analysed))
            analysed.exec_driver_sql("ANALYZE")
            glanced_at = stack.enter_context(_in_memory())
            _driver(bare).backup(_driver(glanced_at))
            glanced_at.exec_driver_sql(f"pragma analysis_limit={statistics.LOOKED_AT}")
            glanced_at.exec_driver_sql("ANALYZE")
            connections = [bare, analysed, glanced_at]
        else:
            connections = [stack.enter_context(_on_server(database_url))]
        yield Yardsticks(connections)


def at_a_door() -> bool:
    """Whether a customer, a verifier, a till, a mall or WeChat waits for the answer."""
    return has_request_context() and request.path.startswith(_DOORS)


_DOORS = ("/api/", "/pos/", "/mall/", "/wechat/", "/h5/")


@contextmanager
def asked_within(
    engine: Engine, *, when: Callable[[], bool] = lambda: True
) -> Iterator[dict[str, Parameters]]:
    """Statement → parameters of its first time, of all that reads."""
    seen: dict[str, Parameters] = {}

    def note(*call: Any) -> None:  # noqa: ANN401
        statement, parameters, many = str(call[2]), call[3], call[5]
        if _reads(statement) and when():
            seen.setdefault(statement, parameters[0] if many else parameters)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _reads(statement: str) -> bool:
    """Whether there is anything to plan: not where values are written, nor a setting."""
    verb = statement.lstrip("( \n")[:6].upper()
    return verb.startswith(("SELECT", "UPDATE", "DELETE", "WITH")) or (
        verb == "INSERT" and "SELECT" in statement
    )


@contextmanager
def _in_memory() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _driver(connection: Connection) -> sqlite3.Connection:
    found = connection.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)
    return found


@contextmanager
def _on_server(database_url: str) -> Iterator[Connection]:
    url, name = make_url(database_url), f"qb_{uuid.uuid4().hex[:12]}"
    mysql = url.get_backend_name() == "mysql"
    tail = " character set utf8mb4 collate utf8mb4_nopad_bin" if mysql else ""
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"create database {name}{tail}"))
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
