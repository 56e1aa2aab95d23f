"""The raw limit: the driver's own connection, one transaction, the fewest statements."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backend.database import db


class Raw:
    """A connection as the driver gives it, with the product's durability."""

    def __init__(self) -> None:
        self._pooled = db.engine.raw_connection()
        self.connection: Any = self._pooled.driver_connection
        self.is_sqlite = db.engine.dialect.name == "sqlite"
        if self.is_sqlite:
            path = Path(f"{db.engine.url.database}.writers")
            self._lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def run(self, sql: str, values: Sequence[object] = ()) -> Any:  # noqa: ANN401
        """One statement; ``?`` stands for a value on both databases."""
        return self.connection.execute(sql if self.is_sqlite else sql.replace("?", "%s"), values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN IMMEDIATE under the writers' file lock; BEGIN on PostgreSQL."""
        if not self.is_sqlite:
            with self.connection.transaction():
                yield
            return
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            yield
            self.connection.execute("COMMIT")
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        if self.is_sqlite:
            os.close(self._lock)
        self._pooled.close()
