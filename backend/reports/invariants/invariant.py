"""An invariant: a rule in words, the rows that break it, its repair where it has one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select

Rows = Callable[[Connection, datetime], Iterable[int]]
"""Ids of the rows that break the rule, found at a machine instant."""


@dataclass(frozen=True)
class Invariant:
    """``subject`` says what the ids are; ``repair`` rebuilds what can be derived and nothing else.

    A rule looks at rows that have what they refer to: what is missing is told by ``references``.
    """

    name: str
    text: str
    subject: str
    rows: Rows
    repair: Callable[[Connection], int] | None = None


def by(statement: Select[tuple[int]] | Select[Any]) -> Rows:
    """The rows of one statement, which is the same at any time."""

    def rows(connection: Connection, _now: datetime) -> Iterable[int]:
        return list(connection.scalars(statement))

    return rows
