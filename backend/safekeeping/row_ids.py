"""行号. After a restore no row id is given a second time.

What left the house since the backup is made of row ids: coupon numbers and codes, the events told
to malls, the numbers of messages and of refunds at WeChat. Given again, a lost coupon's number
would name somebody else's.
"""

from sqlalchemy import Connection, Table, column, func, insert, select, table, text, update

from backend import tenancy
from backend.database import Model, db, end_read

JUMP = 100_000_000
"""More rows than any table gains between a backup and its restore; coupon numbers, of which there
are 10¹², bear thousands of restores."""

_sequences = table("sqlite_sequence", column("name"), column("seq"))


def jump() -> None:
    """Whatever is inserted from now on has an id that nothing had since the backup."""
    end_read()
    move = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}.get(
        db.engine.dialect.name, _on_mariadb
    )
    with (
        tenancy.across_merchants("the ids of every table jump"),
        db.engine.connect().execution_options(writes=True) as connection,
    ):
        for numbered in numbered_tables():
            move(connection, numbered)
        connection.commit()


def numbered_tables() -> list[Table]:
    """The tables whose ids the database gives."""
    return [t for t in Model.metadata.sorted_tables if t.autoincrement_column is not None]


def _on_sqlite(connection: Connection, numbered: Table) -> None:
    mine = _sequences.c.name == numbered.name
    moved = connection.execute(update(_sequences).where(mine).values(seq=_sequences.c.seq + JUMP))
    if not moved.rowcount:  # never had a row
        connection.execute(insert(_sequences).values(name=numbered.name, seq=JUMP))


def _on_postgresql(connection: Connection, numbered: Table) -> None:
    sequence = func.pg_get_serial_sequence(f'"{numbered.name}"', "id")
    given = func.greatest(func.nextval(sequence), _highest(connection, numbered))
    connection.execute(select(func.setval(sequence, given + JUMP)))


def _on_mariadb(connection: Connection, numbered: Table) -> None:
    """Dumps carry the next id, which is above the highest where rows were taken away since."""
    following = connection.scalar(
        text(
            "select auto_increment from information_schema.tables"
            " where table_schema = database() and table_name = :name"
        ),
        {"name": numbered.name},
    )
    start = max(int(following or 1), _highest(connection, numbered) + 1) + JUMP
    connection.exec_driver_sql(f"alter table `{numbered.name}` auto_increment = {start}")


def _highest(connection: Connection, numbered: Table) -> int:
    return int(connection.scalar(select(func.coalesce(func.max(numbered.c.id), 0))) or 0)
