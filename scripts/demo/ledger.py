"""Rows that tell a past, collected in memory with their ids and written table by table."""

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import Table, func, insert, select

from backend import tenancy
from backend.database import Model, db, table_of

Row = dict[str, object]
_BATCH = 5000


class Ledger:
    """One merchant's rows. They may still be changed until ``write``; ids are known at once."""

    def __init__(self, merchant_id: int) -> None:
        self._owner = {"merchant_id": merchant_id}
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._last: dict[str, int] = {}

    def add(self, model: type[Model], **values: object) -> Row:
        """One more row of this table, under the next free id."""
        table = table_of(model)
        last = self._last.get(table.name) or self._highest(table)
        self._last[table.name] = last + 1
        owner = self._owner if "merchant_id" in table.c else {}
        row: Row = {"id": last + 1, **owner, **values}
        self._rows[table.name].append(row)
        return row

    def rows(self, model: type[Model]) -> list[Row]:
        """What was added to this table."""
        return self._rows[table_of(model).name]

    def write(self) -> int:
        """Store everything, parents first, in the open transaction; how many rows."""
        connection, written = db.session.connection(), 0
        for table in db.metadata.sorted_tables:
            rows = self._rows.get(table.name, [])
            for batch in _batches(rows):
                connection.execute(insert(table), batch)
            written += len(rows)
            if rows and connection.dialect.name == "postgresql":
                self._move_on(table)
        return written

    def _move_on(self, table: Table) -> None:
        """PostgreSQL: the sequence goes on behind our ids, never back."""
        sequence = func.pg_get_serial_sequence(table.name, "id")
        last = func.greatest(self._last[table.name], func.nextval(sequence))
        db.session.connection().execute(select(func.setval(sequence, last)))

    def _highest(self, table: Table) -> int:
        with tenancy.across_merchants("ids are the deployment's"):
            return db.session.connection().scalar(select(func.max(table.c.id))) or 0


def _batches(rows: list[Row]) -> Iterator[list[Row]]:
    return (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))
