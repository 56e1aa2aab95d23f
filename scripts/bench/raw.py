"""The raw limit: the driver's own connection, one transaction, the fewest statements."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backend.database import db

_ANSI = "SET SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES,PIPES_AS_CONCAT')"


class Raw:
    """A connection as the driver gives it, with the product's durability."""

    def __init__(self) -> None:
        self._pooled = db.engine.raw_connection()
        self.connection: Any = self._pooled.driver_connection
        self.dialect = db.engine.dialect.name
        if self.is_sqlite:
            path = Path(f"{db.engine.url.database}.writers")
            self._lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        elif self.dialect != "postgresql":
            self.run(_ANSI)

    @property
    def is_sqlite(self) -> bool:
        return self.dialect == "sqlite"

    @property
    def has_cte(self) -> bool:
        """Whether one statement may update and insert what it updated."""
        return self.dialect == "postgresql"

    def instant(self, at: datetime) -> object:
        """``at`` as this driver writes what the product reads."""
        if self.dialect == "postgresql":
            return at
        naive = at.astimezone(UTC).replace(tzinfo=None)
        return naive.isoformat(sep=" ", timespec="microseconds") if self.is_sqlite else naive

    def run(self, sql: str, values: Sequence[object] = ()) -> Any:  # noqa: ANN401
        """One statement; ``?`` stands for a value on all databases."""
        if self.is_sqlite:
            return self.connection.execute(sql, values)
        cursor = self.connection.cursor()
        cursor.execute(sql.replace("?", "%s"), tuple(values))
        return cursor

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN IMMEDIATE under the writers' file lock; BEGIN elsewhere."""
        if self.is_sqlite:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            self.run("BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")
            yield
            self.run("COMMIT")
        finally:
            if self.is_sqlite:
                fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        if self.is_sqlite:
            os.close(self._lock)
        elif self.dialect != "postgresql":
            self._pooled.invalidate()  # its sql_mode is nobody else's
        self._pooled.close()
